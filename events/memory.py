"""The log in memory, for unit tests: same promises as Kafka's, one consumer per group."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from zlib import crc32

from events.log import Partition, Received, Record
from events.topics import TOPICS


class MemoryLog:
    """Topics (by default the topic table's) and the groups' committed offsets."""

    def __init__(self, topics: Mapping[str, int] | None = None) -> None:
        self.topics = topics or {topic.name: topic.partitions for topic in TOPICS.values()}
        self.partitions: dict[Partition, list[Received]] = defaultdict(list)
        self.committed: dict[tuple[str, Partition], int] = {}
        self.away: Exception | None = None
        self._arrived = asyncio.Event()

    def producer(self) -> "MemoryProducer":
        """A producer for this log."""
        return MemoryProducer(self)

    def consumer(self, group: str, topics: Sequence[str]) -> "MemoryConsumer":
        """A consumer of this log; a group has one at a time."""
        return MemoryConsumer(self, group, topics)

    def records(self, topic: str) -> list[Received]:
        """All records of a topic, in order within each partition."""
        return [r for (name, _), rs in sorted(self.partitions.items()) if name == topic for r in rs]

    def check(self) -> None:
        """Raise the outage that a test has set."""
        if self.away is not None:
            raise self.away

    def append(self, record: Record) -> None:
        """Put one record into its partition."""
        number = crc32(record.key or b"") % self.topics[record.topic]
        partition = self.partitions[record.topic, number]
        partition.append(
            Received(
                record.topic,
                record.key,
                record.value,
                list(record.headers),
                number,
                len(partition),
                int(time.time() * 1000),
            )
        )
        self._arrived.set()

    async def wait(self, seconds: float) -> None:
        """Until a record arrives, or so many seconds."""
        self._arrived.clear()
        try:
            async with asyncio.timeout(seconds):
                await self._arrived.wait()
        except TimeoutError:
            return


class MemoryProducer:
    """Appends to a MemoryLog."""

    def __init__(self, memory: MemoryLog) -> None:
        self._log = memory

    async def send(self, records: Sequence[Record]) -> None:
        """Append them all."""
        self._log.check()
        for record in records:
            self._log.append(record)

    async def close(self) -> None:
        """Nothing to let go of."""


class MemoryConsumer:
    """Reads a MemoryLog from the group's committed offsets on."""

    def __init__(self, memory: MemoryLog, group: str, topics: Sequence[str]) -> None:
        self._log, self._group, self._topics = memory, group, topics
        self._position: dict[Partition, int] = {}

    async def start(self) -> None:
        """Take up the committed offsets."""
        self._log.check()
        for topic in self._topics:
            for number in range(self._log.topics[topic]):
                at = self._log.committed.get((self._group, (topic, number)), 0)
                self._position[topic, number] = at

    async def poll(self, seconds: float, most: int) -> list[Received]:
        """The next records of every partition."""
        self._log.check()
        if not (records := self._next(most)):
            await self._log.wait(seconds)
            records = self._next(most)
        return records

    def _next(self, most: int) -> list[Received]:
        records: list[Received] = []
        for partition, at in self._position.items():
            taken = self._log.partitions[partition][at : at + most - len(records)]
            self._position[partition] = at + len(taken)
            records += taken
        return records

    async def commit(self, done: Iterable[Received]) -> None:
        """Remember one past the last record of each partition."""
        self._log.check()
        for record in done:
            key = (self._group, (record.topic, record.partition))
            self._log.committed[key] = max(self._log.committed.get(key, 0), record.next_offset)

    async def lag(self) -> Mapping[Partition, int]:
        """Records past the committed offset."""
        return {
            p: len(self._log.partitions[p]) - self._log.committed.get((self._group, p), 0)
            for p in self._position
        }

    async def close(self) -> None:
        """Forget the position."""
        self._position.clear()
