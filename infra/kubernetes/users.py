"""Users and rights at the broker, as Strimzi KafkaUsers.

What a user of a process may do is in `infra.access`. Beside those there is the operator (the
command line, and the Job that migrates) and a shop, which sends sales and calendars from outside.
Passwords come from the secret that `infra.kubernetes.credentials` makes.
"""

from collections.abc import Iterable
from typing import Any

from events.topics import TOPICS
from infra.access import USERS, User
from infra.kubernetes.manifests import OF_CLUSTER
from stream_jobs.tables import KEPT

SECRET = "shelfcast-credentials"  # noqa: S105 - its name
OPERATOR, SHOP = "operator", "shop"
BY_OPERATOR = ("Read", "Write", "Create", "Describe", "DescribeConfigs", "Alter", "AlterConfigs")
# Kafka lets whoever may read or write a thing describe it too; Strimzi's examples say it all the
# same, and so does this: then the list alone says what is allowed.
READ, WRITE = ("Read", "Describe"), ("Write", "Describe")

Acl = dict[str, Any]


def password_key(user: str) -> str:
    """Where in the secret the password of a user is."""
    return f"{user}-kafka-password"


def acls(user: User) -> list[Acl]:
    """Return the ACLs of a process's user."""
    return [
        *(_acl("group", group, READ) for group in sorted(user.groups)),
        *(_acl("group", group, ("Describe",)) for group in sorted(user.watches)),
        *(_acl("topic", topic, READ) for topic in sorted(user.reads)),
        *(_acl("topic", topic, WRITE) for topic in sorted(user.writes)),
    ]


def _acl(kind: str, name: str, operations: Iterable[str]) -> Acl:
    pattern = "prefix" if name.endswith("*") else "literal"
    resource = {"type": kind, "name": name.removesuffix("*"), "patternType": pattern}
    return {"resource": resource, "operations": list(operations)}


def manifest(name: str, allowed: list[Acl]) -> dict[str, Any]:
    """One user."""
    key = {"name": SECRET, "key": password_key(name)}
    return {
        "apiVersion": "kafka.strimzi.io/v1",
        "kind": "KafkaUser",
        "metadata": {"name": name, "labels": dict(OF_CLUSTER)},
        "spec": {
            "authentication": {
                "type": "scram-sha-512",
                "password": {"valueFrom": {"secretKeyRef": key}},
            },
            "authorization": {"type": "simple", "acls": allowed},
        },
    }


def manifests() -> list[dict[str, Any]]:
    """Every user."""
    return [
        *(manifest(name, acls(user)) for name, user in USERS.items()),
        manifest(OPERATOR, [_acl("topic", topic, BY_OPERATOR) for topic in TOPICS]),
        manifest(SHOP, [_acl("topic", topic, WRITE) for topic in KEPT]),
    ]
