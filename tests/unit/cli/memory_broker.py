"""A log in memory where commands expect a broker."""

from collections.abc import AsyncIterator, Sequence

from events.log import Producer, Received
from events.memory import MemoryConsumer, MemoryLog
from events.topics import TOPICS
from infra.cli.client import Client


class MemoryBroker:
    """Hands the log to commands."""

    address = "memory"

    def __init__(self, log: MemoryLog, client: Client | None = None) -> None:
        self._log, self.client = log, client

    def producer(self) -> Producer:
        return self._log.producer()

    def follower(self, topics: Sequence[str], from_beginning: bool) -> MemoryConsumer:
        if not from_beginning:
            for topic in topics:
                for number in range(TOPICS[topic].partitions):
                    end = len(self._log.partitions[topic, number])
                    self._log.committed["now", (topic, number)] = end
        return self._log.consumer("first" if from_beginning else "now", topics)

    async def read(self, topic: str, last: int | None = None) -> list[Received]:
        records = self._log.records(topic)
        if last is None:
            return records
        ends = {r.partition: r.offset + 1 for r in records}
        return [r for r in records if r.offset >= ends[r.partition] - last]

    async def scan(self, topic: str, last: int | None = None) -> AsyncIterator[list[Received]]:
        for record in await self.read(topic, last):
            yield [record]
