"""What the system asks of a log of records, so that Kafka and a fake are interchangeable.

A log has topics with partitions; a record's key picks its partition, and order holds
within a partition. Delivery is at least once: what a group has not committed comes again.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

Headers = Sequence[tuple[str, bytes]]


@dataclass(frozen=True, slots=True)
class Record:
    """A record to send."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: Headers = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Received(Record):
    """A received record. `timestamp_ms` is set by the log, in milliseconds since 1970 UTC."""

    partition: int = 0
    offset: int = 0
    timestamp_ms: int = 0

    @property
    def next_offset(self) -> int:
        """The offset that a group commits after handling this record."""
        return self.offset + 1


@dataclass(frozen=True, slots=True)
class Torn(Received):
    """Offsets that can't be read, from `offset` to `last`, in place of what stood there."""

    last: int = 0
    reason: str = ""

    @property
    def next_offset(self) -> int:
        """One past the last offset that can't be read."""
        return self.last + 1

    def __str__(self) -> str:
        """Which offsets, and why."""
        where = f"{self.topic}/{self.partition}"
        return f"offsets {self.offset:,} to {self.last:,} of {where} can't be read: {self.reason}"


Partition = tuple[str, int]


class Producer(Protocol):
    """Send records to the log."""

    async def send(self, records: Sequence[Record]) -> None:
        """Send them and wait until the log has all of them; raises an outage when it can't, and
        RecordRefused for a record that the log does not take.

        After an error any of them may or may not be in the log: send them again.
        """

    async def close(self) -> None:
        """Close the connection to the log."""


class Consumer(Protocol):
    """One member of a consumer group."""

    async def start(self) -> None:
        """Join the group; raises an outage when the log is away."""

    async def poll(self, seconds: float, most: int) -> list[Received]:
        """The next records, at most `most`; empty after so many seconds without any.

        Only committed records count, where a producer has transactions. What can't be read is
        one `Torn` for the offsets concerned, and reading goes on after them.
        """

    async def commit(self, done: Iterable[Received]) -> None:
        """Mark these records and all before them in their partitions as done.

        A commit that a rebalance made void is no error: the records come again.
        """

    async def lag(self) -> Mapping[Partition, int]:
        """Records not yet committed in each assigned partition."""

    async def close(self) -> None:
        """Leave the group, without committing."""
