"""What the log tells of itself: ends of topics, and how far groups are behind."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from events.cluster import Cluster
from events.kafka import READ_COMMITTED, partitions_of

OLDEST_SECONDS = 1.0  # a partition that gives no record in so long tells no age
ONE_BATCH = 1024  # bytes; a broker gives at least one batch of records, however large


@dataclass(frozen=True)
class Position:
    """A group in a topic: its lag in records, and when its oldest record came, ms since 1970."""

    group: str
    topic: str
    lag: int
    oldest_ms: int | None


@dataclass(frozen=True)
class Extents:
    """Records that each topic ever took, and still has from its start on."""

    taken: Mapping[str, int]
    kept: Mapping[str, int]


class LogWatch:
    """Asks the brokers by connections that it keeps; not for two askers at a time.

    After an error it is closed, and opened again by the next question.
    """

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._opened: tuple[AIOKafkaAdminClient, AIOKafkaConsumer] | None = None

    async def ask(
        self, groups: Mapping[str, Sequence[str]], topics: Sequence[str]
    ) -> tuple[list[Position], Extents]:
        """Where each group is in its topics, and how much these and further topics have."""
        try:
            return await self._ask(groups, topics)
        except BaseException:  # a cancellation too: it leaves an answer half read
            await self.close()
            raise

    async def _open(self) -> tuple[AIOKafkaAdminClient, AIOKafkaConsumer]:
        if self._opened is None:
            admin = AIOKafkaAdminClient(**self._cluster.aiokafka)
            consumer = AIOKafkaConsumer(
                **self._cluster.aiokafka,
                enable_auto_commit=False,
                isolation_level=READ_COMMITTED,
                max_partition_fetch_bytes=ONE_BATCH,
            )
            self._opened = admin, consumer
            await admin.start()
            await consumer.start()
        return self._opened

    async def _ask(
        self, groups: Mapping[str, Sequence[str]], topics: Sequence[str]
    ) -> tuple[list[Position], Extents]:
        admin, consumer = await self._open()
        named = {*topics, *(topic for read in groups.values() for topic in read)}
        partitions = [
            TopicPartition(topic, number)
            for topic in sorted(named)
            for number in await partitions_of(consumer, topic)
        ]
        ends = await consumer.end_offsets(partitions)
        starts = await consumer.beginning_offsets(partitions)
        committed = await asyncio.gather(
            *(
                admin.list_consumer_group_offsets(
                    group, partitions=[p for p in partitions if p.topic in read]
                )
                for group, read in groups.items()
            )
        )
        behind: dict[tuple[str, TopicPartition], int] = {}
        lags = {(group, topic): 0 for group, read in groups.items() for topic in read}
        for (group, read), offsets in zip(groups.items(), committed, strict=True):
            for partition in partitions:
                if partition.topic in read:
                    # A group that never committed begins at the first record.
                    known = offsets[partition].offset if partition in offsets else -1
                    at = max(known, starts[partition])
                    if (lag := ends[partition] - at) > 0:
                        behind[group, partition] = at
                        lags[group, partition.topic] += lag
        oldest = await self._oldest(consumer, behind)
        extents = Extents(
            {topic: sum(ends[p] for p in partitions if p.topic == topic) for topic in named},
            {
                topic: sum(ends[p] - starts[p] for p in partitions if p.topic == topic)
                for topic in named
            },
        )
        return [
            Position(group, topic, lag, oldest.get((group, topic)))
            for (group, topic), lag in lags.items()
        ], extents

    async def _oldest(
        self, consumer: AIOKafkaConsumer, behind: Mapping[tuple[str, TopicPartition], int]
    ) -> dict[tuple[str, str], int]:
        """The time of the first record that a group has not committed, by reading that one.

        A partition that two groups read is read for the one that is further behind.
        """
        wanted: dict[TopicPartition, int] = {}
        for (_, partition), at in behind.items():
            wanted[partition] = min(at, wanted.get(partition, at))
        if not wanted:
            return {}
        found: dict[TopicPartition, int] = {}
        consumer.assign(list(wanted))
        try:
            for partition, at in wanted.items():
                consumer.seek(partition, at)
            deadline = time.monotonic() + OLDEST_SECONDS
            while len(found) < len(wanted) and (left := deadline - time.monotonic()) > 0:
                for partition, records in (
                    await consumer.getmany(timeout_ms=int(left * 1000))
                ).items():
                    if partition not in found and records:
                        found[partition] = records[0].timestamp
        finally:
            consumer.unsubscribe()
        oldest: dict[tuple[str, str], int] = {}
        for group, partition in behind:
            if partition in found:
                key = group, partition.topic
                oldest[key] = min(found[partition], oldest.get(key, found[partition]))
        return oldest

    async def close(self) -> None:
        """Let go of the brokers."""
        opened, self._opened = self._opened, None
        if opened is not None:
            admin, consumer = opened
            await consumer.stop()
            await admin.close()
