"""What a command does with the broker: send, read and follow, each with a bounded wait.

Commands take a `Broker`, so tests pass them a log in memory.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Protocol

import stamina
from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaConnectionError, KafkaError

from events import kafka_reading
from events.cluster import Cluster
from events.kafka import READ_COMMITTED, KafkaProducer, scan_topic
from events.log import Producer, Received, Record
from infra.errors import BrokerAway

PATIENCE = 30.0  # seconds that a command waits for the broker; a restart takes ten
OUTAGES = (KafkaError, OSError)


class Follower(Protocol):
    """Reads topics without a consumer group, so it commits nothing."""

    async def start(self) -> None:
        """Connect; raises one of OUTAGES if the log is away."""

    async def poll(self, seconds: float, most: int) -> list[Received]:
        """The next records, at most `most`; empty if none comes in `seconds`."""

    async def close(self) -> None:
        """Disconnect."""


class Broker(Protocol):
    """A log with its address, and the ways to use it."""

    address: str

    def producer(self) -> Producer:
        """A new producer."""

    def follower(self, topics: Sequence[str], from_beginning: bool) -> Follower:
        """A new follower, which reads from the first record or from now on."""

    async def read(self, topic: str, last: int | None = None) -> list[Received]:
        """All records of a topic, or the last `last` of each partition."""

    def scan(self, topic: str, last: int | None = None) -> AsyncIterator[list[Received]]:
        """The same records, a few at a time and in order within each partition."""


class KafkaBroker:
    """Apache Kafka."""

    def __init__(self, cluster: Cluster) -> None:
        self.address, self._cluster = cluster.bootstrap, cluster

    def producer(self) -> Producer:
        """An idempotent producer."""
        return KafkaProducer(self._cluster)

    def follower(self, topics: Sequence[str], from_beginning: bool) -> Follower:
        """A consumer of all partitions."""
        return _KafkaFollower(self._cluster, topics, from_beginning)

    async def read(self, topic: str, last: int | None = None) -> list[Received]:
        """The records of the topic in order; BrokerAway if Kafka stops answering."""
        records = [record async for some in self.scan(topic, last) for record in some]
        return sorted(records, key=lambda record: (record.partition, record.offset))

    async def scan(self, topic: str, last: int | None = None) -> AsyncIterator[list[Received]]:
        """The records a few at a time; BrokerAway if the next ones take longer than PATIENCE."""
        batches = scan_topic(self._cluster, topic, last)
        try:
            while True:
                async with asyncio.timeout(PATIENCE):
                    try:
                        some = await anext(batches)
                    except StopAsyncIteration:
                        return
                yield some
        except OUTAGES as error:  # a TimeoutError is an OSError
            raise BrokerAway(away(self.address, error)) from None
        finally:
            await batches.aclose()


class _KafkaFollower:
    def __init__(self, cluster: Cluster, topics: Sequence[str], from_beginning: bool) -> None:
        self._cluster, self._topics = cluster, topics
        self._reset = "earliest" if from_beginning else "latest"
        self._consumer: AIOKafkaConsumer | None = None

    async def start(self) -> None:
        self._consumer = AIOKafkaConsumer(
            *self._topics,
            **self._cluster.aiokafka,
            enable_auto_commit=False,
            auto_offset_reset=self._reset,
            isolation_level=READ_COMMITTED,
        )
        try:
            await self._consumer.start()
            if self._reset == "latest":
                await self._consumer.seek_to_end()  # now, not at the first poll
        except BaseException:  # a cancellation too must not leave a half-started client
            await self.close()
            raise

    async def poll(self, seconds: float, most: int) -> list[Received]:
        if self._consumer is None:
            return []
        return await kafka_reading.poll(self._consumer, seconds, most)

    async def close(self) -> None:
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            await consumer.stop()


async def send_patiently(
    producer: Producer, records: Sequence[Record], address: str, patience: float = PATIENCE
) -> None:
    """Send, through a short absence of the broker; BrokerAway if it is longer than `patience`.

    Records whose acknowledgement was lost are sent again: readers know them by id.
    """
    retries = stamina.retry_context(
        on=OUTAGES, attempts=None, timeout=patience, wait_initial=0.2, wait_max=5, wait_jitter=0.2
    )
    try:
        async for attempt in retries:
            with attempt:
                await producer.send(records)
    except OUTAGES as error:
        raise BrokerAway(away(address, error)) from None


def away(address: str, error: BaseException) -> str:
    """The message about an outage, in one line."""
    if isinstance(error, KafkaConnectionError):
        reason = "no connection"  # the error's own text is a list of address tuples
    else:
        reason = " ".join(str(error).split()) or type(error).__name__
    return f"Kafka at {address} is away ({reason}): see `shelfcast status`, or `shelfcast up`"
