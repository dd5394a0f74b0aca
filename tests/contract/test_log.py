"""What every log keeps to: the fake and the real Kafka."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from events.cluster import Cluster
from events.kafka import KafkaConsumer, KafkaProducer
from events.log import Consumer, Producer, Received, Record
from events.memory import MemoryLog

PARTITIONS = 4


@dataclass
class Log:
    topic: str
    producer: Producer
    consumer: Callable[[str], Consumer]


@pytest.fixture(params=["memory", "kafka"])
def cluster(request: pytest.FixtureRequest) -> Cluster | None:
    return request.getfixturevalue("servers").kafka if request.param == "kafka" else None


@pytest.fixture
async def log(cluster: Cluster | None):
    topic = f"contract-{uuid.uuid4()}"
    if cluster is None:
        memory = MemoryLog({topic: PARTITIONS})
        yield Log(topic, memory.producer(), lambda group: memory.consumer(group, [topic]))
        return
    await _create(cluster, topic)
    producer = KafkaProducer(cluster)
    yield Log(topic, producer, lambda group: KafkaConsumer(cluster, group, [topic]))
    await producer.close()


async def _create(cluster: Cluster, topic: str) -> None:
    from aiokafka.admin import AIOKafkaAdminClient, NewTopic

    admin = AIOKafkaAdminClient(**cluster.aiokafka)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(topic, PARTITIONS, 1)])
    finally:
        await admin.close()


async def receive(consumer: Consumer, count: int) -> list[Received]:
    """The next `count` records, waiting for as long as the test may take."""
    records: list[Received] = []
    while len(records) < count:
        records += await consumer.poll(1.0, 100)
    return records


def records(topic: str, *keys: str) -> list[Record]:
    return [
        Record(topic, key.encode(), f"{key} {n}".encode(), [("n", str(n).encode())])
        for n, key in enumerate(keys)
    ]


async def test_what_is_sent_is_received_with_key_value_and_headers(log: Log):
    sent = records(log.topic, "a", "b", "c")
    await log.producer.send(sent)
    consumer = log.consumer("g")
    await consumer.start()
    received = await receive(consumer, 3)
    await consumer.close()
    assert {(r.key, r.value, tuple(r.headers)) for r in received} == {
        (r.key, r.value, tuple(r.headers)) for r in sent
    }


async def test_records_of_one_key_keep_their_order(log: Log):
    await log.producer.send(records(log.topic, *("a", "b", "c", "d", "e") * 20))
    consumer = log.consumer("g")
    await consumer.start()
    received = await receive(consumer, 100)
    await consumer.close()
    for key in (b"a", b"b", b"c", b"d", b"e"):
        numbers = [int(dict(r.headers)["n"]) for r in received if r.key == key]
        assert numbers == sorted(numbers)
        assert len({r.partition for r in received if r.key == key}) == 1


async def test_what_was_not_committed_comes_again_and_what_was_does_not(log: Log):
    await log.producer.send(records(log.topic, *"aaaa"))
    first = log.consumer("g")
    await first.start()
    seen = await receive(first, 4)
    await first.commit(seen[:2])
    await first.close()
    second = log.consumer("g")
    await second.start()
    again = await receive(second, 2)
    await second.close()
    assert [r.value for r in again] == [b"a 2", b"a 3"]


async def test_each_group_gets_every_record(log: Log):
    await log.producer.send(records(log.topic, "a", "b"))
    for group in ("one", "two"):
        consumer = log.consumer(group)
        await consumer.start()
        assert {r.key for r in await receive(consumer, 2)} == {b"a", b"b"}
        await consumer.close()


async def test_lag_counts_what_is_not_committed(log: Log):
    await log.producer.send(records(log.topic, *"abcdef"))
    consumer = log.consumer("g")
    await consumer.start()
    received = await receive(consumer, 6)
    assert sum((await consumer.lag()).values()) == 6
    await consumer.commit(received)
    assert sum((await consumer.lag()).values()) == 0
    await consumer.close()


async def test_a_poll_returns_at_most_what_was_asked_for(log: Log):
    await log.producer.send(records(log.topic, *"aaaaaa"))
    consumer = log.consumer("g")
    await consumer.start()
    batches = []
    while sum(map(len, batches)) < 6:
        batches.append(await consumer.poll(1.0, 4))
    await consumer.close()
    assert max(map(len, batches)) <= 4


async def test_a_record_without_value_is_received_as_such(log: Log):
    await log.producer.send([Record(log.topic, b"k", None)])
    consumer = log.consumer("g")
    await consumer.start()
    [received] = await receive(consumer, 1)
    await consumer.close()
    assert received.value is None
