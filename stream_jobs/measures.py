"""The job's batches, counted and traced by the driver from Spark's own reports."""

from datetime import datetime
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F  # noqa: N812 - Spark's own way to call it

from events.topics import DEAD_LETTERS
from infra import tracing
from infra.metrics.counts import counts
from infra.observing import observer
from infra.settings import Settings
from stream_jobs.delay import MEASURES

FUNCTION = "sales"  # as metrics call the job


def observed(outgoing: DataFrame) -> DataFrame:
    """The records to send, measures taken out."""
    delay = F.when(F.col("topic") == MEASURES, F.col("value").cast("string").cast("double"))
    return outgoing.observe(
        "measures",
        F.max(delay).alias("delay"),
        F.count(F.when(F.col("topic") != MEASURES, 1)).alias("outputs"),
        F.count(F.when(F.col("topic") == DEAD_LETTERS, 1)).alias("dead_letters"),
    ).filter(F.col("topic") != MEASURES)


class Watched:
    """Counts and traces the batches that have ended."""

    def __init__(self, settings: Settings) -> None:
        observer(settings, [FUNCTION])
        self._counts = counts(settings.home)
        self._tracer = tracing.from_environment()

    def tell(self, progress: Any) -> None:
        """One batch, by Spark's own report of it."""
        measured = progress["observedMetrics"]["measures"]
        records, letters = progress["numInputRows"], measured["dead_letters"]
        seconds = progress["durationMs"]["triggerExecution"] / 1000
        self._counts.batch(FUNCTION, records, measured["outputs"] - letters, letters, seconds)
        if measured["delay"] is not None:
            self._counts.came_late(measured["delay"])
        if self._tracer is not None:
            began = datetime.fromisoformat(progress["timestamp"]).timestamp()
            times = int(began * 1e9), int((began + seconds) * 1e9)
            self._tracer.batch(FUNCTION, progress["batchId"], records, *times)
