"""Users of a Kafka cluster and what each may do, as `infra.access` says.

aiokafka can make neither, so this goes by kafka-python. It takes a cluster with an authorizer,
and an operator who may change users and access lists. Again changes nothing but the passwords.
"""

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

import stamina
from kafka.admin import (
    ACL,
    ACLOperation,
    ACLPermissionType,
    ACLResourcePatternType,
    KafkaAdminClient,
    ResourcePattern,
    ResourceType,
    ScramMechanism,
    UserScramCredentialUpsertion,
)

from events.broker_refusals import BrokerRefuses, knock
from events.cluster import Cluster
from infra.access import USERS, User

HEARD_OF = 30.0  # seconds


class UsersRefused(Exception):
    """Kafka does not let the operator make users or say what they may do."""


def make_users(cluster: Cluster, passwords: Mapping[str, str]) -> None:
    """Give each of these users its password and all that it may do; UsersRefused."""
    admin = KafkaAdminClient(**cluster.aiokafka)
    try:
        told = admin.create_acls([acl for name in passwords for acl in acls(USERS[name])])
        if failed := told["failed"]:
            raise UsersRefused("; ".join(f"{acl}: {error!r}" for acl, error in failed))
        _tell(admin, cluster, passwords)
    finally:
        admin.close()
    users = [replace(cluster, username=n, password=p) for n, p in passwords.items()]
    asyncio.run(_until_let_in(users))


def make_operator(cluster: Cluster, inside: Cluster) -> None:
    """Make the cluster's own user, an operator, known to it; `inside` is the same Kafka at an
    address where it asks for no name, which only who is inside it reaches.
    """
    if cluster.username is None or cluster.password is None:
        raise UsersRefused(
            "the operator has no name or no password: set SHELFCAST_KAFKA_USERNAME and "
            "SHELFCAST_KAFKA_PASSWORD"
        )
    admin = KafkaAdminClient(**inside.aiokafka)
    try:
        _tell(admin, cluster, {cluster.username: cluster.password})
    finally:
        admin.close()
    asyncio.run(_until_let_in([cluster]))


def _tell(admin: KafkaAdminClient, cluster: Cluster, passwords: Mapping[str, str]) -> None:
    mechanism = ScramMechanism[cluster.mechanism.replace("-", "_")]
    words = [UserScramCredentialUpsertion(n, mechanism, p) for n, p in passwords.items()]
    admin.alter_user_scram_credentials(words)


async def _until_let_in(users: Iterable[Cluster]) -> None:
    """Brokers hear of users, and before of what they may do, from the controller."""
    for user in users:
        for attempt in stamina.retry_context(on=BrokerRefuses, attempts=None, timeout=HEARD_OF):
            with attempt:
                await knock(user)


def acls(user: User) -> Iterator[ACL]:
    """What Kafka has to be told, and no more."""
    for topic in sorted(user.reads):
        yield _allowed(user, ACLOperation.READ, ResourceType.TOPIC, topic)
    for topic in sorted(user.writes):  # which allows sending idempotently as well
        yield _allowed(user, ACLOperation.WRITE, ResourceType.TOPIC, topic)
    for group in sorted(user.groups):
        yield _allowed(user, ACLOperation.READ, ResourceType.GROUP, group)
    for group in sorted(user.watches):
        yield _allowed(user, ACLOperation.DESCRIBE, ResourceType.GROUP, group)


def _allowed(user: User, operation: ACLOperation, kind: ResourceType, name: str) -> ACL:
    prefix = ACLResourcePatternType.PREFIXED if name.endswith("*") else None
    pattern = ResourcePattern(
        kind, name.removesuffix("*"), prefix or ACLResourcePatternType.LITERAL
    )
    return ACL(f"User:{user.name}", "*", operation, ACLPermissionType.ALLOW, pattern)
