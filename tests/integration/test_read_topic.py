"""Reading a whole topic, as listing dead letters does."""

import uuid

from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from events.kafka import KafkaProducer, read_topic
from events.log import Record
from infra.settings import Settings


async def test_everything_on_a_topic_is_read_every_time(servers: Settings):
    topic = f"whole-{uuid.uuid4()}"
    admin = AIOKafkaAdminClient(bootstrap_servers=servers.kafka_bootstrap)
    await admin.start()
    await admin.create_topics([NewTopic(topic, 6, 1)])
    await admin.close()
    assert await read_topic(servers.kafka, topic) == []
    producer = KafkaProducer(servers.kafka)
    await producer.send([Record(topic, f"{n}".encode(), b"v") for n in range(20)])
    await producer.close()
    for _ in range(20):
        assert len(await read_topic(servers.kafka, topic)) == 20
    every, last = await read_topic(servers.kafka, topic), await read_topic(servers.kafka, topic, 2)
    ends = {record.partition: record.offset + 1 for record in every}
    assert last == [record for record in every if record.offset >= ends[record.partition] - 2]
