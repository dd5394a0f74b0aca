"""What one Spark task does with its Kafka partition: sales into Postgres, the rest returned.

Several Arrow batches make a chunk, and each chunk is one merge, so memory is bounded by the
chunk whatever the partition holds. What breaks the contract, or what Postgres refuses,
comes out as records for the dead-letter topic. A task that is repeated repeats the same
merges and the same dead letters' keys.
"""

import logging
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field

import pyarrow as pa

from events.dead_letters import dead_letter_record
from events.errors import Refusal
from events.log import Record
from events.payloads import SaleRecorded
from stream_jobs.contract import Judged, Rejected, judge, record
from stream_jobs.merge import SalesTable, sales_table

log = logging.getLogger(__name__)

GROUP = "sales-sink"
CHUNK = 60_000  # records merged at once, unless they are large
CHUNK_BYTES = 64 << 20
SHOWN = 5  # dead letters of a chunk that are logged one by one
LOG_FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"

HEADERS = pa.list_(pa.struct([("key", pa.string()), ("value", pa.binary())]))
DEAD_LETTERS = pa.schema([("key", pa.binary()), ("value", pa.binary()), ("headers", HEADERS)])
DEAD_LETTERS_IN_SPARK = "key binary, value binary, headers array<struct<key:string,value:binary>>"


def persist(batches: Iterator[pa.RecordBatch], database: str) -> Iterator[pa.RecordBatch]:
    """The whole of a task, for Spark's `mapInArrow`."""
    logging.basicConfig(level=logging.INFO, format=LOG_FORMAT, stream=sys.stderr)
    yield from persist_into(sales_table(database), batches)


def drain(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """A task that does nothing with its records."""
    for _ in batches:
        pass
    yield from ()


def persist_into(
    table: SalesTable, batches: Iterator[pa.RecordBatch], most: int = CHUNK
) -> Iterator[pa.RecordBatch]:
    """Merge the sales among the records; yield the dead letters of the others."""
    chunk = _Chunk()
    for batch in batches:
        chunk.add(batch)
        if chunk.records >= most or chunk.size >= CHUNK_BYTES:
            yield from chunk.settle(table)
            chunk = _Chunk()
    yield from chunk.settle(table)


@dataclass
class _Chunk:
    batches: list[pa.RecordBatch] = field(default_factory=list)
    judged: list[Judged] = field(default_factory=list)
    records: int = 0
    size: int = 0

    def add(self, batch: pa.RecordBatch) -> None:
        self.batches.append(batch)
        self.judged.append(judge(batch))
        self.records += batch.num_rows
        self.size += batch.nbytes

    def settle(self, table: SalesTable) -> Iterator[pa.RecordBatch]:
        """Merge what is right; the dead letters of what is not, if any."""
        if not self.batches:
            return
        refused = table.merge(pa.concat_tables([judged.sales for judged in self.judged]))
        rejected = [
            (at, rejection)
            for at, judged in enumerate(self.judged)
            for rejection in judged.rejected
        ]
        for refusal in refused:
            at, row = self._origin(refusal.row)
            message = f"Postgres refuses the row: {refusal.message}"
            rejected.append((at, Rejected(row, Refusal.__name__, message)))
        if rejected:
            yield _dead_letters([self._letter(at, rejection) for at, rejection in rejected])
            for at, rejection in rejected[:SHOWN]:
                where = record(self.batches[at], rejection.row, SaleRecorded.TOPIC)
                log.error(
                    "dead letter from %s/%d@%d: %s",
                    *(where.topic, where.partition, where.offset, rejection.message),
                )
            if len(rejected) > SHOWN:
                log.error("%d more dead letters from the same chunk", len(rejected) - SHOWN)

    def _origin(self, sale: int) -> tuple[int, int]:
        """The batch, and the row in it, of a sale of the chunk."""
        for at, judged in enumerate(self.judged):
            if sale < len(judged.rows):
                return at, int(judged.rows[sale])
            sale -= len(judged.rows)
        raise IndexError(sale)

    def _letter(self, at: int, rejection: Rejected) -> Record:
        original = record(self.batches[at], rejection.row, SaleRecorded.TOPIC)
        return dead_letter_record(original, GROUP, rejection.error, rejection.message, attempts=1)


def _dead_letters(letters: list[Record]) -> pa.RecordBatch:
    rows = [
        {
            "key": letter.key,
            "value": letter.value,
            "headers": [{"key": name, "value": value} for name, value in letter.headers],
        }
        for letter in letters
    ]
    return pa.RecordBatch.from_pylist(rows, schema=DEAD_LETTERS)
