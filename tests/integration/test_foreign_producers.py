"""What other Kafka clients rightfully send, and what no client should, on a real broker."""

import os
import uuid
import warnings

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic, RecordsToDelete
from aiokafka.structs import TopicPartition
from confluent_kafka import Producer as Librdkafka

from events.kafka import KafkaConsumer, KafkaProducer, group_lag, read_topic
from events.log import Received, Record, Torn
from events.unfolding import MAX_UNFOLDED
from infra.settings import Settings

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # of its own reading of its own files
    from kafka import KafkaProducer as KafkaPython

LARGE = 30_000_000


@pytest.fixture
async def topic(servers: Settings) -> str:
    name = f"foreign-{uuid.uuid4()}"
    admin = AIOKafkaAdminClient(bootstrap_servers=servers.kafka_bootstrap)
    await admin.start()
    await admin.create_topics([NewTopic(name, 1, 1)])
    await admin.close()
    return name


async def polled(servers: Settings, topic: str, group: str, end: int) -> list[Received]:
    """All up to an offset, committed."""
    consumer = KafkaConsumer(servers.kafka, group, [topic])
    await consumer.start()
    records: list[Received] = []
    while not records or records[-1].next_offset < end:
        some = await consumer.poll(1.0, 100)
        records += some
        if some:
            await consumer.commit(some)
    await consumer.close()
    return records


@pytest.mark.parametrize("codec", ["none", "gzip", "snappy", "lz4", "zstd"])
async def test_every_codec_of_every_client_is_read_however_large(servers, topic, codec):
    value = b"x" * (900_000 if codec in ("none", "snappy") else LARGE)
    librdkafka = Librdkafka(
        {
            "bootstrap.servers": servers.kafka_bootstrap,
            "compression.type": codec,
            "message.max.bytes": 100_000_000,
        }
    )
    librdkafka.produce(topic, value=value, key=b"k", headers=[("h", b"1")])
    assert librdkafka.flush(60) == 0
    if codec in ("none", "gzip"):  # for the others kafka-python asks for libraries of its own
        python = KafkaPython(
            bootstrap_servers=servers.kafka_bootstrap,
            compression_type=None if codec == "none" else codec,
            max_request_size=100_000_000,
        )
        python.send(topic, value=value, key=b"k", headers=[("h", b"1")]).get(60)
        python.close()
    sent = 2 if codec in ("none", "gzip") else 1
    records = await polled(servers, topic, "g", sent)
    assert [(r.value == value, r.headers) for r in records] == [(True, [("h", b"1")])] * sent


@pytest.mark.parametrize("codec", ["gzip", "lz4", "zstd"])
async def test_a_small_batch_that_unfolds_to_very_much_is_passed_and_named(servers, topic, codec):
    librdkafka = Librdkafka(
        {
            "bootstrap.servers": servers.kafka_bootstrap,
            "compression.type": codec,
            "message.max.bytes": 2 * MAX_UNFOLDED,
            "linger.ms": 0,
        }
    )
    for value in (b"before", bytes(MAX_UNFOLDED + 1), b"after"):
        librdkafka.produce(topic, value=value, key=b"k")
        assert librdkafka.flush(60) == 0
    before, torn, after = await polled(servers, topic, "g", 3)
    assert (before.value, after.value) == (b"before", b"after")
    assert isinstance(torn, Torn)
    assert (torn.offset, torn.last) == (1, 1)
    assert "unfolds to more than 67,108,864" in torn.reason
    assert [r.offset for r in await read_topic(servers.kafka, topic)] == [0, 1, 2]


async def test_an_aborted_transaction_never_counts_and_leaves_no_lag(servers, topic):
    producer = Librdkafka({"bootstrap.servers": servers.kafka_bootstrap, "transactional.id": topic})
    producer.init_transactions(60)
    for value, end in (
        (b"aborted", producer.abort_transaction),
        (b"committed", producer.commit_transaction),
        (b"aborted", producer.abort_transaction),
    ):
        producer.begin_transaction()
        producer.produce(topic, value=value, key=b"k")
        producer.flush(60)
        end(60)
    assert [r.value for r in await read_topic(servers.kafka, topic)] == [b"committed"]
    consumer = KafkaConsumer(servers.kafka, "g", [topic])
    await consumer.start()
    values = []
    while await group_lag(servers.kafka, "g", [topic]):
        records = await consumer.poll(0.2, 100)
        values += [record.value for record in records]
        if records:
            await consumer.commit(records)
    assert values == [b"committed"]
    assert sum((await consumer.lag()).values()) == 0
    await consumer.close()


class NoUtf8(str):
    """A header's name as a client in another language may write it."""

    def encode(self, *_: object) -> bytes:
        return b"caf\xe9"


@pytest.mark.parametrize("codec", [None, "gzip"])
async def test_a_header_name_that_is_not_utf8_harms_no_record_of_its_batch(servers, topic, codec):
    where = {"bootstrap_servers": servers.kafka_bootstrap}
    python = KafkaPython(**where, compression_type=codec, linger_ms=500)
    names = ["a", "b", NoUtf8("caf"), "d"]
    for name in names:
        python.send(topic, value=b"v", key=b"k", headers=[(name, b"1")])
    python.flush()
    python.close()
    records = await polled(servers, topic, "g", 4)
    assert [r.headers[0][0] for r in records] == ["a", "b", "caf\\xe9", "d"]
    assert len(await read_topic(servers.kafka, topic)) == 4


async def test_a_damaged_batch_is_passed_and_named_and_its_neighbours_are_read(
    servers, topic, tmp_path_factory
):
    producer = KafkaProducer(servers.kafka)
    damaged = uuid.uuid4().hex.encode()
    for values in ([b"1", b"2"], [b"3", damaged, b"5"], [b"6"]):
        await producer.send([Record(topic, b"k", value) for value in values])
    await producer.close()
    [segment] = [
        path
        for path in tmp_path_factory.getbasetemp().rglob(f"{topic}-0/*.log")
        if damaged in path.read_bytes()
    ]
    at = segment.read_bytes().index(damaged)
    with segment.open("r+b") as file:
        file.seek(at)
        file.write(b"#" * len(damaged))
        os.fsync(file.fileno())
    records = await polled(servers, topic, "g", 6)
    torn = [record for record in records if isinstance(record, Torn)]
    assert [r.value for r in records if not isinstance(r, Torn)] == [b"1", b"2", b"6"]
    assert [(one.offset, one.last) for one in torn] == [(2, 4)]
    assert "Invalid CRC" in torn[0].reason
    assert [r.offset for r in await read_topic(servers.kafka, topic)] == [0, 1, 2, 5]
    assert await group_lag(servers.kafka, "g", [topic]) == 0


async def test_offsets_that_retention_deleted_are_named_and_reading_goes_on(servers, topic, caplog):
    producer = KafkaProducer(servers.kafka)
    await producer.send([Record(topic, b"k", f"{n}".encode()) for n in range(10)])
    assert len(await polled(servers, topic, "old", 10)) == 10
    consumer = KafkaConsumer(servers.kafka, "old", [topic])
    await consumer.start()
    await consumer.poll(1.0, 1)
    await consumer.commit([Received(topic, b"k", b"", [], 0, 1)])
    await consumer.close()
    admin = AIOKafkaAdminClient(bootstrap_servers=servers.kafka_bootstrap)
    await admin.start()
    await admin.delete_records({TopicPartition(topic, 0): RecordsToDelete(before_offset=6)})
    await admin.close()
    await producer.close()
    lost, *rest = await polled(servers, topic, "old", 10)
    assert isinstance(lost, Torn)
    assert (lost.offset, lost.last) == (2, 5)
    assert [r.offset for r in rest] == [6, 7, 8, 9]
    assert "offsets 2 to 5" in caplog.text
    new = await polled(servers, topic, "new", 10)
    assert [r.offset for r in new] == [6, 7, 8, 9], "a new group has lost nothing"


async def test_a_send_of_many_goes_out_in_parts_each_in_time(servers, topic, monkeypatch):
    monkeypatch.setattr("events.kafka.PART_RECORDS", 10)
    producer = KafkaProducer(servers.kafka)
    await producer.send([Record(topic, b"k", f"{n}".encode()) for n in range(95)])
    await producer.send([Record(topic, b"k", b"x" * 1_000_000)])
    await producer.close()
    values = [r.value for r in await read_topic(servers.kafka, topic)]
    assert values[:95] == [f"{n}".encode() for n in range(95)]
    assert len(values[95]) == 1_000_000
