"""What one Spark task does with its Kafka partition: rows into Postgres, the rest returned.

Several Arrow batches make a chunk, and each chunk is one merge into the table of its topic, so
memory is bounded by the chunk whatever the partition holds. What breaks the contract, or what
Postgres refuses, comes out as records for the dead-letter topic, each no larger than that topic
takes. What a task gives are records with their topics: `_Chunk.settle` is the place for others.
A task that is repeated repeats the same merges and the same dead letters' keys.
"""

import logging
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from events.dead_letters import dead_letter_record
from events.errors import Refusal
from events.log import Record
from events.printable import one_line
from infra.log_lines import write_logs
from stream_jobs.calendar_changes import calendar_changes
from stream_jobs.contract import DecodedBatch, Rejected, decode_batch, record
from stream_jobs.delay import Delay, Merging, Timed
from stream_jobs.merge import merged_table
from stream_jobs.tables import BESIDE, CALENDAR, KEPT, Projection

log = logging.getLogger(__name__)

CHUNK = 60_000  # records merged at once, unless they are large
CHUNK_BYTES = 64 << 20
# A removal before the sales that were read with it, so that none is seen that it takes back.
ORDER = (*BESIDE.values(), *KEPT.values())
SHOWN = 5  # dead letters of a chunk that are logged one by one

HEADERS: Any = pa.list_(pa.struct([("key", pa.string()), ("value", pa.binary())]))
_FIELDS: list[tuple[str, pa.DataType]] = [
    ("topic", pa.string()),
    ("key", pa.binary()),
    ("value", pa.binary()),
    ("headers", HEADERS),
]
OUTGOING = pa.schema(_FIELDS)
OUTGOING_IN_SPARK = (
    "topic string, key binary, value binary, headers array<struct<key:string,value:binary>>"
)


def persist(batches: Iterator[pa.RecordBatch], database: str) -> Iterator[pa.RecordBatch]:
    """The whole of a task, for Spark's `mapInArrow`."""
    write_logs("json" if os.environ.get("SHELFCAST_LOG_FORMAT") == "json" else "text")
    delay = Delay()
    yield from persist_into(lambda kept: Timed(merged_table(kept, database), delay), batches)
    yield from sent(delay.measure())


def drain(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """A task that does nothing with its records."""
    for _ in batches:
        pass
    yield from ()


def persist_into(
    tables: Callable[[Projection], Merging],
    batches: Iterator[pa.RecordBatch],
    most: int = CHUNK,
) -> Iterator[pa.RecordBatch]:
    """Merge the events among the records, each into its table; yield what is to be sent."""
    chunks: dict[Projection, _Chunk] = {}
    for batch in batches:
        parts = [(KEPT[topic], part) for topic, part in _by_topic(batch)]
        for kept, part in parts:
            chunk = chunks.setdefault(kept, _Chunk(kept))
            parts += chunk.add(part)
        for kept in ORDER:
            if kept in chunks and chunks[kept].is_due(most):
                yield from sent(chunks.pop(kept).settle(tables))
    for chunk in chunks.values():
        yield from sent(chunk.settle(tables))


def _by_topic(batch: pa.RecordBatch) -> Iterator[tuple[str, pa.RecordBatch]]:
    """The records of each topic; Spark's source gives a task those of one alone."""
    topics: Any = batch.column("topic")
    found = topics.unique().to_pylist()
    for topic in found:
        yield topic, batch if len(found) == 1 else batch.filter(pc.equal(topics, topic))


@dataclass
class _Chunk:
    kept: Projection
    batches: list[pa.RecordBatch] = field(default_factory=list)
    decoded: list[DecodedBatch] = field(default_factory=list)
    records: int = 0
    size: int = 0

    def add(self, batch: pa.RecordBatch) -> list[tuple[Projection, pa.RecordBatch]]:
        """Take the records; those that are events of another table, for that one's chunk."""
        decoded = decode_batch(batch, self.kept)
        self.batches.append(batch)
        self.decoded.append(decoded)
        self.records += batch.num_rows
        self.size += batch.nbytes
        return [(kept, batch.take(pa.array(rows))) for kept, rows in decoded.beside.items()]

    def is_due(self, most: int) -> bool:
        """Whether to settle now: it is large, or what its topic is there for waits for it."""
        rare = self.kept in BESIDE.values()
        return rare or self.records >= most or self.size >= CHUNK_BYTES

    def settle(self, tables: Callable[[Projection], Merging]) -> list[Record]:
        """Merge what is right; the records to send: dead letters of what is not, if any, and
        what changed in the calendar.
        """
        rows = pa.concat_tables([decoded.rows for decoded in self.decoded])
        refused = tables(self.kept).merge(rows)
        rejected = [
            (at, rejection)
            for at, decoded in enumerate(self.decoded)
            for rejection in decoded.rejected
        ]
        for refusal in refused:
            at, row = self._origin(refusal.row)
            message = f"Postgres refuses the row: {refusal.message}"
            rejected.append((at, Rejected(row, Refusal.__name__, message)))
        for at, rejection in rejected[:SHOWN]:
            where = record(self.batches[at], rejection.row, self.kept.topic)
            log.error(
                "dead letter from %s/%d@%d: %s",
                *(where.topic, where.partition, where.offset, one_line(rejection.message)),
            )
        if len(rejected) > SHOWN:
            log.error("%d more dead letters from the same chunk", len(rejected) - SHOWN)
        letters = [self._letter(at, rejection) for at, rejection in rejected]
        if self.kept is CALENDAR:
            return letters + calendar_changes(rows, self.batches[0])
        return letters

    def _origin(self, row: int) -> tuple[int, int]:
        """The batch, and the row in it, of a row of the chunk."""
        for at, decoded in enumerate(self.decoded):
            if row < len(decoded.origins):
                return at, int(decoded.origins[row])
            row -= len(decoded.origins)
        raise IndexError(row)

    def _letter(self, at: int, rejection: Rejected) -> Record:
        original = record(self.batches[at], rejection.row, self.kept.topic)
        return dead_letter_record(
            original, self.kept.group, rejection.error, rejection.message, attempts=1
        )


def sent(records: list[Record]) -> Iterator[pa.RecordBatch]:
    """The records as Spark's Kafka sink takes them."""
    if not records:
        return
    rows = [
        {
            "topic": one.topic,
            "key": one.key,
            "value": one.value,
            "headers": [{"key": name, "value": value} for name, value in one.headers],
        }
        for one in records
    ]
    yield pa.RecordBatch.from_pylist(rows, schema=OUTGOING)
