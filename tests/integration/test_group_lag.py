"""The lag of a group as one sees it from outside, with or without a member."""

import uuid

import stamina
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from events.cluster import Cluster
from events.kafka import KafkaConsumer, KafkaProducer, group_lag
from events.log import Record
from infra.outages import is_outage
from infra.settings import Settings


async def until_kafka_coordinates_groups(cluster: Cluster, group: str, topic: str) -> None:
    """A broker makes its topic of offsets when it is first asked for a group."""
    for attempt in stamina.retry_context(on=is_outage, attempts=None, timeout=None):
        with attempt:
            await group_lag(cluster, group, [topic])


async def test_lag_is_what_the_group_has_not_committed_with_and_without_a_member(
    servers: Settings,
):
    topic, group = f"lag-{uuid.uuid4()}", f"group-{uuid.uuid4()}"
    admin = AIOKafkaAdminClient(bootstrap_servers=servers.kafka_bootstrap)
    await admin.start()
    await admin.create_topics([NewTopic(topic, 3, 1)])
    await admin.close()
    await until_kafka_coordinates_groups(servers.kafka, group, topic)
    assert await group_lag(servers.kafka, group, [topic]) == 0
    producer = KafkaProducer(servers.kafka)
    await producer.send([Record(topic, f"{n}".encode(), b"v") for n in range(20)])
    assert await group_lag(servers.kafka, group, [topic]) == 20, "a group nobody knows"
    consumer = KafkaConsumer(servers.kafka, group, [topic])
    await consumer.start()
    received = []
    while len(received) < 20:
        received += await consumer.poll(1.0, 100)
    assert await group_lag(servers.kafka, group, [topic]) == 20, "read and not committed"
    await consumer.commit([r for r in received if r.partition == 0])
    of_others = len([r for r in received if r.partition != 0])
    assert await group_lag(servers.kafka, group, [topic]) == of_others
    await consumer.commit(received)
    assert await group_lag(servers.kafka, group, [topic]) == 0
    await consumer.close()
    await producer.send([Record(topic, b"k", b"v")])
    assert await group_lag(servers.kafka, group, [topic]) == 1, "its members have left"
    await producer.close()
