"""The log on Apache Kafka: an idempotent producer and a group consumer, on aiokafka."""

import asyncio
import logging
from collections import defaultdict
from collections.abc import AsyncGenerator, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import (
    CommitFailedError,
    IllegalStateError,
    InvalidMessageError,
    InvalidTimestampError,
    KafkaConnectionError,
    KafkaError,
    MessageSizeTooLargeError,
    RecordListTooLargeError,
    RecordTooLargeError,
)
from aiokafka.partitioner import murmur2

from events import kafka_reading
from events.broker_refusals import refusal
from events.cluster import Cluster
from events.errors import PublishTimeout, RecordRefused
from events.log import Partition, Received, Record
from events.topics import FRAMING

log = logging.getLogger(__name__)

# Kafka's words for a record that it will never take.
REFUSALS = (
    InvalidMessageError,
    InvalidTimestampError,
    MessageSizeTooLargeError,
    RecordListTooLargeError,
    RecordTooLargeError,
)

SEND_SECONDS = 30.0  # an idempotent send never expires by itself
BATCH_BYTES = 256 * 1024
# The subscriber watches its own progress; Kafka's limit would end long trainings.
POLL_INTERVAL_MS = 24 * 3600 * 1000
# What a producer aborted never was; ends of partitions are then the last stable offsets.
READ_COMMITTED = "read_committed"
# A send of any size goes out in parts, each with its own SEND_SECONDS.
SCANNED_AT_ONCE = 2_000  # records, which may have a megabyte each
PART_RECORDS, PART_BYTES = 2_000, 16 << 20


class KafkaProducer:
    """Sends in batches, each acknowledged by all replicas; starts at the first send."""

    def __init__(self, cluster: Cluster, send_seconds: float = SEND_SECONDS) -> None:
        self._cluster = cluster
        self._send_seconds = send_seconds
        self._producer: AIOKafkaProducer | None = None
        self._starting = asyncio.Lock()

    async def send(self, records: Sequence[Record]) -> None:
        """Send and wait for every acknowledgement, in parts that are each in time."""
        for part in in_parts(records):
            await self._send_part(part)

    async def _send_part(self, records: Sequence[Record]) -> None:
        try:
            async with asyncio.timeout(self._send_seconds):
                producer = await self._started()
                await self._send(producer, records)
        except TimeoutError:
            await self._reset()
            raise PublishTimeout(
                f"Kafka at {self._cluster} acknowledged nothing for {self._send_seconds:g} s"
            ) from None
        except KafkaError as error:
            # An idempotent producer is of no use after some errors; a new one always is.
            await self._reset()
            if isinstance(error, REFUSALS):
                raise RecordRefused(f"{type(error).__name__}: {error}") from error
            raise

    async def _send(self, producer: AIOKafkaProducer, records: Sequence[Record]) -> None:
        waiting: list[asyncio.Future[Any]] = []
        try:
            for (topic, partition), group in (await self._by_partition(producer, records)).items():
                batch = producer.create_batch()
                for record in group:
                    if not _append(batch, record):
                        waiting.append(await producer.send_batch(batch, topic, partition=partition))
                        batch = producer.create_batch()
                        _append(batch, record)
                waiting.append(await producer.send_batch(batch, topic, partition=partition))
            await asyncio.gather(*waiting)
        finally:
            for future in waiting:
                # Whoever gave up waiting has the error already; these must not warn.
                future.add_done_callback(lambda done: done.cancelled() or done.exception())

    async def _by_partition(
        self, producer: AIOKafkaProducer, records: Sequence[Record]
    ) -> dict[Partition, list[Record]]:
        counts = {
            topic: len(await producer.partitions_for(topic)) for topic in {r.topic for r in records}
        }
        groups: dict[Partition, list[Record]] = defaultdict(list)
        for record in records:
            groups[record.topic, partition_of(record.key, counts[record.topic])].append(record)
        return groups

    async def _started(self) -> AIOKafkaProducer:
        async with self._starting:
            if self._producer is None:
                producer = AIOKafkaProducer(
                    **self._cluster.aiokafka,
                    enable_idempotence=True,
                    acks="all",
                    max_batch_size=BATCH_BYTES,
                    max_request_size=4 * BATCH_BYTES + 2 * FRAMING,
                )
                await _started(producer, self._cluster)
                self._producer = producer
            return self._producer

    async def _reset(self) -> None:
        producer, self._producer = self._producer, None
        if producer is not None:
            # `stop` would first wait for what can't be sent.
            if producer._sender._sender_task is not None:
                producer._sender._sender_task.cancel()
            try:
                async with asyncio.timeout(5):
                    await producer.stop()
            except (KafkaError, TimeoutError, asyncio.CancelledError) as error:
                log.warning("the broken producer did not stop cleanly: %r", error)

    async def close(self) -> None:
        """Wait for what is on its way, then close the connections."""
        producer, self._producer = self._producer, None
        if producer is not None:
            await producer.stop()


async def _started(client: AIOKafkaProducer | AIOKafkaConsumer, cluster: Cluster) -> None:
    """Connect; BrokerRefuses rather than an error that says the same of a broker that is away."""
    try:
        await client.start()
    except BaseException as error:  # cancelled too: no half-started client is left behind
        await client.stop()
        if (
            isinstance(error, KafkaConnectionError)
            and (refused := await refusal(cluster)) is not None
        ):
            raise refused from error
        raise


def in_parts(records: Sequence[Record]) -> Iterator[list[Record]]:
    """The records in their order, in parts that are sent within seconds."""
    part: list[Record] = []
    size = 0
    for record in records:
        part.append(record)
        size += len(record.value or b"")
        if len(part) >= PART_RECORDS or size >= PART_BYTES:
            yield part
            part, size = [], 0
    if part:
        yield part


def _append(batch: Any, record: Record) -> bool:
    try:
        appended = batch.append(
            timestamp=None, key=record.key, value=record.value, headers=list(record.headers)
        )
    except (TypeError, ValueError) as error:  # a header that can't be encoded
        raise RecordRefused(f"{type(error).__name__}: {error}") from error
    return appended is not None


@lru_cache(maxsize=1 << 17)
def _hash(key: bytes) -> int:
    return int(murmur2(key)) & 0x7FFFFFFF


def partition_of(key: bytes | None, partitions: int) -> int:
    """The partition that every Kafka client picks for the key (murmur2); 0 without a key."""
    return _hash(key) % partitions if key is not None else 0


class KafkaConsumer:
    """A member of a consumer group, starting at the earliest record, committing by hand.

    What retention deleted before the group read it is a `Torn`, and it goes on at the earliest.
    """

    def __init__(self, cluster: Cluster, group: str | None, topics: Sequence[str]) -> None:
        self._cluster, self._group, self._topics = cluster, group, topics
        self._consumer: AIOKafkaConsumer | None = None
        # One past what was given out, and what is committed, of each partition.
        self._returned: dict[TopicPartition, int] = {}
        self._done: dict[TopicPartition, int] = {}

    async def start(self) -> None:
        """Connect and join the group."""
        consumer = AIOKafkaConsumer(
            *self._topics,
            **self._cluster.aiokafka,
            group_id=self._group,
            enable_auto_commit=False,
            auto_offset_reset="none",  # `kafka_reading` decides, and says what was lost
            isolation_level=READ_COMMITTED,
            max_poll_interval_ms=POLL_INTERVAL_MS,
            session_timeout_ms=10_000,
            heartbeat_interval_ms=2_000,
            fetch_max_wait_ms=500,
            metadata_max_age_ms=60_000,
        )
        await _started(consumer, self._cluster)
        self._consumer = consumer
        self._returned.clear()
        self._done.clear()

    @property
    def _joined(self) -> AIOKafkaConsumer:
        if self._consumer is None:
            raise IllegalStateError("the consumer has not been started")
        return self._consumer

    async def poll(self, seconds: float, most: int) -> list[Received]:
        """The next records of the assigned partitions."""
        consumer = self._joined
        records = await kafka_reading.poll(consumer, seconds, most)
        for record in records:
            self._returned[TopicPartition(record.topic, record.partition)] = record.next_offset
        if not records:
            await self._pass_markers(consumer)
        return records

    async def _pass_markers(self, consumer: AIOKafkaConsumer) -> None:
        """Commit what holds no records: a transaction's markers, and what was aborted.

        Nobody is given those, so nobody commits them, and the lag would never be zero.
        """
        passed = {
            partition: at
            for partition, at in kafka_reading.positions(consumer).items()
            if at > self._done.get(partition, 0)
            and self._returned.get(partition) == self._done.get(partition, None)
        }
        if passed:
            await self._commit(passed)

    async def commit(self, done: Iterable[Received]) -> None:
        """Commit one past the last record of each partition."""
        offsets: dict[TopicPartition, int] = {}
        for record in done:
            partition = TopicPartition(record.topic, record.partition)
            offsets[partition] = max(offsets.get(partition, 0), record.next_offset)
        await self._commit(offsets)

    async def _commit(self, offsets: dict[TopicPartition, int]) -> None:
        try:
            await self._joined.commit(offsets)
        except (CommitFailedError, IllegalStateError) as error:
            log.info("a rebalance made a commit void, the records come again: %s", error)
        else:
            for partition, offset in offsets.items():
                self._done[partition] = offset
                self._returned[partition] = max(self._returned.get(partition, 0), offset)

    async def lag(self) -> Mapping[Partition, int]:
        """End offset less committed offset (or the first offset, before any commit)."""
        consumer = self._joined
        assigned = list(consumer.assignment())
        ends = await consumer.end_offsets(assigned)
        starts = await consumer.beginning_offsets(assigned)
        lag = {}
        for partition in assigned:
            committed = await consumer.committed(partition)
            at = starts[partition] if committed is None else committed
            lag[partition.topic, partition.partition] = max(0, ends[partition] - at)
        return lag

    async def close(self) -> None:
        """Leave the group."""
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            await consumer.stop()


async def group_lag(cluster: Cluster, group: str, topics: Sequence[str]) -> int:
    """Records of the topics that a group has not committed, whether or not it has a member."""
    admin = AIOKafkaAdminClient(**cluster.aiokafka)
    consumer = AIOKafkaConsumer(
        **cluster.aiokafka, enable_auto_commit=False, isolation_level=READ_COMMITTED
    )
    try:
        await admin.start()
        await consumer.start()
        partitions = [
            TopicPartition(topic, number)
            for topic in topics
            for number in await partitions_of(consumer, topic)
        ]
        committed = await admin.list_consumer_group_offsets(group, partitions=partitions)
        consumer.assign(partitions)
        ends = await consumer.end_offsets(partitions)
        starts = await consumer.beginning_offsets(partitions)
    finally:
        await consumer.stop()
        await admin.close()
    # A group that never committed begins at the first record, as its members do.
    at = {p: known.offset for p, known in committed.items() if known.offset >= 0}
    return sum(max(0, ends[p] - max(at.get(p, 0), starts[p])) for p in partitions)


async def read_topic(cluster: Cluster, topic: str, last: int | None = None) -> list[Received]:
    """All records that a topic holds now, oldest first within each partition; no group. With
    `last` only those of each partition's last so many offsets.
    """
    records = [r async for some in scan_topic(cluster, topic, last) for r in some]
    return sorted(records, key=lambda record: (record.partition, record.offset))


async def scan_topic(
    cluster: Cluster, topic: str, last: int | None = None
) -> AsyncGenerator[list[Received], None]:
    """The same a few at a time as they are fetched, in order within each partition."""
    consumer = AIOKafkaConsumer(
        **cluster.aiokafka,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        isolation_level=READ_COMMITTED,
    )
    try:
        await consumer.start()
        numbers = consumer.partitions_for_topic(topic) or await partitions_of(consumer, topic)
        partitions = [TopicPartition(topic, number) for number in sorted(numbers)]
        consumer.assign(partitions)
        ends = await consumer.end_offsets(partitions)
        if last is not None:
            starts = await consumer.beginning_offsets(partitions)
            for p in partitions:
                consumer.seek(p, max(starts[p], ends[p] - last))
        while [p for p in partitions if await consumer.position(p) < ends[p]]:
            yield await kafka_reading.poll(consumer, 0.5, SCANNED_AT_ONCE)
    finally:
        await consumer.stop()


async def partitions_of(consumer: AIOKafkaConsumer, topic: str) -> set[int]:
    """The numbers of a topic's partitions; none of a topic that is not there."""
    await consumer._client._wait_on_metadata(topic)
    numbers: set[int] | None = consumer.partitions_for_topic(topic)
    return numbers or set()
