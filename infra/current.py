"""Check that the database's schema and the broker's topics are new enough for this version.

A process checks once, before it takes any work. A newer schema, or a topic with more
partitions, is accepted: in a rolling upgrade the old processes keep running. If a server stays
unavailable, the process continues without the check, since it waits for servers anyway.
"""

import asyncio
import logging
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import asyncpg
import stamina
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError, UnknownTopicOrPartitionError

from events.cluster import Cluster
from events.topics import TOPICS
from infra.outages import is_outage
from infra.reaching import ServerAway, reach_kafka, reach_postgres
from infra.settings import Settings

log = logging.getLogger(__name__)

MIGRATIONS = Path(__file__).with_name("postgres") / "migrations/versions"
REVISION = re.compile(r'^(down_revision|revision) = "(\w+)"$', re.MULTILINE)
PATIENCE = 30.0  # seconds
LOOKS = 5  # a broker learns of new topics with a delay
MEND = "run `shelfcast migrate` of this version"


class NotCurrent(Exception):
    """The schema or a topic is too old for this version."""


def require_current(settings: Settings, topics: Iterable[str], patience: float = PATIENCE) -> None:
    """Raise NotCurrent with what is too old and the command to run; also CredentialRefused."""
    try:
        asyncio.run(_require(settings, list(topics), patience))
    except Exception as error:
        if not isinstance(error, ServerAway) and not is_outage(error):
            raise
        log.warning("schema and topics are not looked at: %s", error)


async def _require(settings: Settings, topics: list[str], patience: float) -> None:
    await reach_postgres(settings.database, patience)
    await _require_schema(settings.database)
    await reach_kafka(settings.kafka, patience)
    await _require_topics(settings.kafka, topics)


async def _require_schema(database_url: str) -> None:
    connection = await asyncpg.connect(database_url)
    try:
        found = await connection.fetchval("SELECT version_num FROM alembic_version")
    except asyncpg.UndefinedTableError:
        found = None
    finally:
        await connection.close()
    known = revisions()
    if found is None or found in known[:-1]:
        raise NotCurrent(
            f"the database's schema is at {found or 'nothing'}, and this version of Shelfcast "
            f"needs {known[-1]}: {MEND}"
        )


async def _require_topics(cluster: Cluster, names: list[str]) -> None:
    admin = AIOKafkaAdminClient(**cluster.aiokafka)
    try:
        await admin.start()
        for attempt in stamina.retry_context(on=NotCurrent, attempts=LOOKS, wait_max=1.0):
            with attempt:
                _compare(await admin.describe_topics(names))
    except KafkaError as error:
        log.warning("topics are not looked at: %r", error)
    finally:
        await admin.close()


def _compare(described: Iterable[Mapping[str, Any]]) -> None:
    for topic in described:
        name, wanted = topic["topic"], TOPICS[topic["topic"]].partitions
        if topic["error_code"] == UnknownTopicOrPartitionError.errno:
            raise NotCurrent(f"Kafka has no topic {name}: {MEND}")
        if topic["error_code"] == 0 and (found := len(topic["partitions"])) < wanted:
            raise NotCurrent(
                f"topic {name} has {found} partitions, and this version of Shelfcast needs "
                f"{wanted}: {MEND}"
            )


def revisions() -> list[str]:
    """Return the revisions in order, read from their files, because Alembic is slow to load."""
    after = {}
    for file in MIGRATIONS.glob("*.py"):
        said = dict(REVISION.findall(file.read_text(encoding="utf-8")))
        after[said.get("down_revision")] = said["revision"]
    ordered: list[str] = []
    while (following := after.get(ordered[-1] if ordered else None)) is not None:
        ordered.append(following)
    return ordered
