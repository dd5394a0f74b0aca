"""`provision` against a real broker, on topics that exist."""

import asyncio
import time

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from events.cluster import Cluster
from events.topics import TOPICS
from infra.kafka.incremental import set_topic_configs
from infra.kafka.topics import TopicNotProvisioned, provision
from infra.settings import Settings

TOPIC = TOPICS["sales"]


def configs(cluster: Cluster, names: list[str]) -> dict[str, str]:
    async def ask() -> dict[str, str]:
        admin = AIOKafkaAdminClient(**cluster.aiokafka)
        await admin.start()
        try:
            wanted = ConfigResource(ConfigResourceType.TOPIC, TOPIC.name, dict.fromkeys(names))
            [response] = await admin.describe_configs([wanted])
        finally:
            await admin.close()
        return {entry[0]: entry[1] for entry in response.resources[0][4]}

    return asyncio.run(ask())


def until_configs(cluster: Cluster, wanted: dict[str, str]) -> None:
    """The broker answers before it has heard of the change from the controller itself."""
    while configs(cluster, list(wanted)) != wanted:
        time.sleep(0.05)


def test_what_an_operator_set_on_a_topic_survives_and_what_is_ours_is_set_again(
    servers: Settings,
) -> None:
    provision(servers.kafka)
    operators = {
        "segment.bytes": "33554432",
        "retention.bytes": "1073741824",
        "min.insync.replicas": "1",
        "compression.type": "zstd",
    }
    by_hand = operators | {"retention.ms": "60000"}
    assert asyncio.run(set_topic_configs(servers.kafka, {TOPIC.name: by_hand})) == {}
    until_configs(servers.kafka, by_hand)

    provision(servers.kafka)

    until_configs(servers.kafka, TOPIC.config)
    assert configs(servers.kafka, list(operators)) == operators


def test_a_setting_that_the_broker_refuses_is_named(
    servers: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    provision(servers.kafka)
    monkeypatch.setattr(type(TOPIC), "config", property(lambda _: {"cleanup.policy": "burn"}))

    with pytest.raises(TopicNotProvisioned, match=r"settings of topic \S+: Kafka answers .*burn"):
        provision(servers.kafka)
