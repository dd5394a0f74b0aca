"""A batch with damaged records, done without Spark's reader.

Java's consumer gives nothing of a Kafka batch that it can't check, unpack or parse, and no way
past it, so the query fails. The job then runs the query once more from the same checkpoint with
`ReadAround` as its sink (foreachBatch), for the one batch that failed: its offsets are read by
`events.kafka_range`, what is sound goes the way of all records (`stream_jobs.sink`), what is not
becomes a dead letter that names the offsets, and Spark itself commits the batch. The ordinary
query then goes on after it.

As everywhere in the job, effects come before the commit and are idempotent: a kill at any point
meets the same damage again, merges the same and sends letters of the same keys. Every pass
commits a batch or ends the job, so none is tried for ever.
"""

import json
import logging
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession

from events.clock_bound import EPOCH
from events.dead_letters import torn_letter
from events.kafka_range import OffsetRange, read_range
from events.log import Received, Torn
from infra import outages
from stream_jobs.failures import Cause, advice, causes, is_outage
from stream_jobs.merge import MergedTable, merged_table
from stream_jobs.settings import JobSettings
from stream_jobs.sink import OUTGOING, persist_into, sent
from stream_jobs.tables import KEPT, Projection

log = logging.getLogger(__name__)

GLOB = re.compile(r"[][{}*?\\]")
Offsets = Mapping[str, Mapping[str, int]]  # topic, partition, the offset that comes next
READ = pa.schema(
    [
        *OUTGOING,
        ("partition", pa.int32()),
        ("offset", pa.int64()),
        ("timestamp", pa.timestamp("us", "UTC")),
    ]
)


class ReadAround:
    """What foreachBatch calls; `problem` is why it could not do the batch."""

    def __init__(
        self,
        settings: JobSettings,
        checkpoint: str,
        damage: list[Cause],
        send: Callable[[DataFrame], None],
    ) -> None:
        self._settings, self._checkpoint, self._damage = settings, checkpoint, damage
        self._send = send
        self.problem: Exception | None = None
        self.batches = 0

    def __call__(self, frame: DataFrame, batch: int) -> None:
        """Do the batch; `frame` is what Spark would read, and is left alone."""
        try:
            self._do(frame.sparkSession, batch)
        except Exception as error:
            self.problem = error
            raise
        self.batches += 1

    def may_work_later(self) -> bool:
        """Whether an outage was in the way."""
        if self.problem is None:
            return False
        # Where py4j and PySpark keep the Java exception of a letter that could not be sent.
        java = getattr(self.problem, "java_exception", None) or getattr(
            self.problem, "_origin", None
        )
        return outages.is_outage(self.problem) or (java is not None and is_outage(causes(java)))

    def advice(self, ended: str) -> str:
        """What is damaged, why it could not be passed (or how the query ended), the next step."""
        why = f" (not passed: {self.problem or ended})"
        return advice(self._damage, self._checkpoint, why)

    def _do(self, spark: SparkSession, batch: int) -> None:
        before = self._logged(spark, batch - 1) if batch else {}
        for wanted in ranges(before, self._logged(spark, batch)):
            log.info("reading %s around what is damaged", wanted)
            torn: list[Torn] = []
            records = without_torn(read_range(self._settings.kafka, wanted), torn)
            for outgoing in persist_into(self._table, map(as_read, records)):
                self._emit(spark, outgoing)
            for one in torn:
                log.error("dead letter: %s", one)
            for outgoing in sent([torn_letter(one, KEPT[one.topic].group) for one in torn]):
                self._emit(spark, outgoing)

    def _logged(self, spark: SparkSession, batch: int) -> Offsets:
        """The offsets that the batch ends at, as Spark will commit them."""
        place = f"{self._checkpoint}/offsets/{batch}"
        literal = GLOB.sub(r"\\\g<0>", place)  # a folder may have any name
        (whole,) = spark.read.text(literal, wholetext=True).collect()
        return logged_offsets(whole["value"], place)

    def _table(self, kept: Projection) -> MergedTable:
        return merged_table(kept, self._settings.database)

    def _emit(self, spark: SparkSession, outgoing: pa.RecordBatch) -> None:
        self._send(spark.createDataFrame(pa.Table.from_batches([outgoing])))


def logged_offsets(text: str, place: str) -> Offsets:
    """The Kafka offsets in an entry of Spark's offset log: JSON in its last line, of one source."""
    try:
        found = json.loads(text.splitlines()[-1])
        offsets = {t: {p: int(at) for p, at in parts.items()} for t, parts in found.items()}
    except (ValueError, IndexError, AttributeError, TypeError) as error:
        raise ValueError(f"{place} does not end with Kafka's offsets: {error}") from None
    if not set(offsets) <= set(KEPT):
        raise ValueError(f"{place} has offsets of {sorted(offsets)}, not of {sorted(KEPT)} alone")
    return offsets


def ranges(before: Offsets, after: Offsets) -> list[OffsetRange]:
    """What a batch reads between two entries; a partition that is new in it from its earliest."""
    found = [
        OffsetRange(topic, int(number), before.get(topic, {}).get(number), end)
        for topic, partitions in after.items()
        for number, end in partitions.items()
    ]
    return [one for one in found if (one.first or 0) < one.end]


def without_torn(parts: Iterator[list[Received]], torn: list[Torn]) -> Iterator[list[Received]]:
    """The sound records; the others are put into the list."""
    for records in parts:
        torn += [record for record in records if isinstance(record, Torn)]
        if sound := [record for record in records if not isinstance(record, Torn)]:
            yield sound


def as_read(records: list[Received]) -> pa.RecordBatch:
    """Records as Spark's source has them."""
    rows = [
        {
            "topic": one.topic,
            "key": one.key,
            "value": one.value,
            "headers": [{"key": name, "value": value} for name, value in one.headers],
            "partition": one.partition,
            "offset": one.offset,
            "timestamp": EPOCH + timedelta(milliseconds=one.timestamp_ms),
        }
        for one in records
    ]
    return pa.RecordBatch.from_pylist(rows, schema=READ)
