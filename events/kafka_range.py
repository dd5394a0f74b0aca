"""The records of a range of a partition's offsets, whatever stands there.

For a reader that met what it could not read: `events.kafka_reading` gives what is sound of the
range, and a `Torn` for the rest.
"""

import asyncio
from collections.abc import AsyncGenerator, Iterator
from dataclasses import dataclass

from aiokafka import AIOKafkaConsumer, TopicPartition

from events import kafka_reading
from events.cluster import Cluster
from events.errors import TornLog
from events.log import Received

AT_ONCE = 5_000  # records, which may have a megabyte each


@dataclass(frozen=True, slots=True)
class OffsetRange:
    """Offsets from `first`, or from the earliest if it is None, up to `end`, which is not in it."""

    topic: str
    partition: int
    first: int | None
    end: int

    def __str__(self) -> str:
        """The offsets and where they are."""
        first = "the earliest" if self.first is None else f"{self.first:,}"
        return f"offsets {first} to {self.end - 1:,} of {self.topic}/{self.partition}"


async def scan_range(cluster: Cluster, wanted: OffsetRange) -> AsyncGenerator[list[Received], None]:
    """What the range holds, some records at a time, in their order; no group.

    A `Torn` may begin before the range or end after it. Raises TornLog when the log no longer
    holds, or does not yet hold, all of the range.
    """
    consumer = AIOKafkaConsumer(
        **cluster.aiokafka,
        enable_auto_commit=False,
        auto_offset_reset="none",
        isolation_level="read_committed",
    )
    partition = TopicPartition(wanted.topic, wanted.partition)
    try:
        await consumer.start()
        consumer.assign([partition])
        earliest = (await consumer.beginning_offsets([partition]))[partition]
        latest = (await consumer.end_offsets([partition]))[partition]
        first = earliest if wanted.first is None else wanted.first
        if first < earliest or wanted.end > latest:
            raise TornLog(f"{wanted} are wanted, and the log has {earliest:,} to {latest - 1:,}")
        consumer.seek(partition, first)
        while await consumer.position(partition) < wanted.end:
            records = await kafka_reading.poll(consumer, 0.5, AT_ONCE)
            yield [record for record in records if record.offset < wanted.end]
    finally:
        await consumer.stop()


def read_range(cluster: Cluster, wanted: OffsetRange) -> Iterator[list[Received]]:
    """The same for a caller without an event loop."""
    scan = scan_range(cluster, wanted)

    async def following() -> list[Received] | None:
        return await anext(scan, None)

    with asyncio.Runner() as runner:
        try:
            while (records := runner.run(following())) is not None:
                yield records
        finally:
            runner.run(scan.aclose())
