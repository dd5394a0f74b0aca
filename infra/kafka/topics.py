"""Bring a broker's topics in line with the topic table in `events/topics.py`.

The table's settings win over what a topic has; settings that it does not name are the operator's.
"""

import asyncio
import logging

from aiokafka.admin import AIOKafkaAdminClient, NewPartitions, NewTopic

from events.cluster import Cluster
from events.topics import TOPICS, Topic
from infra.kafka.incremental import set_topic_configs

log = logging.getLogger(__name__)


def provision(cluster: Cluster, replication_factor: int = 1) -> None:
    """Create missing topics; bring the settings and partitions of the others up to the table.

    Partitions are only ever added: Kafka can't take any away.
    """
    asyncio.run(_provision(cluster, replication_factor))


async def _provision(cluster: Cluster, replication_factor: int) -> None:
    admin = AIOKafkaAdminClient(**cluster.aiokafka)
    await admin.start()
    try:
        existing = set(await admin.list_topics())
        missing = [topic for topic in TOPICS.values() if topic.name not in existing]
        if missing:
            new = [
                NewTopic(t.name, t.partitions, replication_factor, topic_configs=t.config)
                for t in missing
            ]
            response = await admin.create_topics(new)
            for name, code, message in (error[:3] for error in response.topic_errors):
                if code not in (0, 36):  # 36: another process created it first
                    raise TopicNotProvisioned(f"topic {name}: Kafka answers {code} ({message})")
        await _align(cluster, admin, [topic for topic in TOPICS.values() if topic.name in existing])
    finally:
        await admin.close()


def partitions(cluster: Cluster) -> dict[str, int]:
    """Return the number of partitions of each existing topic of the table."""
    return asyncio.run(_partitions(cluster))


async def _partitions(cluster: Cluster) -> dict[str, int]:
    admin = AIOKafkaAdminClient(**cluster.aiokafka)
    await admin.start()
    try:
        described = await admin.describe_topics()
    finally:
        await admin.close()
    return {each["topic"]: len(each["partitions"]) for each in described if each["topic"] in TOPICS}


async def _align(cluster: Cluster, admin: AIOKafkaAdminClient, topics: list[Topic]) -> None:
    if not topics:
        return
    # Only these: an operator's segment.bytes, min.insync.replicas and the like stay.
    refused = await set_topic_configs(cluster, {topic.name: topic.config for topic in topics})
    for name, answer in refused.items():
        raise TopicNotProvisioned(f"settings of topic {name}: Kafka answers {answer}")
    described = await admin.describe_topics([topic.name for topic in topics])
    now = {topic["topic"]: len(topic["partitions"]) for topic in described}
    grown = {t.name: NewPartitions(t.partitions) for t in topics if now[t.name] < t.partitions}
    if grown:
        log.info("adding partitions to %s", ", ".join(grown))
        await admin.create_partitions(grown)


class TopicNotProvisioned(Exception):
    """Kafka refused to create a topic; the message has its reason."""
