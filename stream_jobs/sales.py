"""Sales and calendars into their tables: `python -m stream_jobs.sales`.

One Structured Streaming query reads the topics of every kept table (`stream_jobs.tables`); each
micro-batch is one Spark action that merges every Kafka partition in parallel
(`stream_jobs.sink`) and sends what comes of it, such as dead letters. Effects come before the
checkpoint and are idempotent, so a kill at any point, or a checkpoint that lost its newest
commit, repeats and changes nothing.

A batch waits for Postgres, and the query is started again while Kafka is away, for as long as
it lasts. Records that Kafka dropped unread are no outage (failOnDataLoss): the job then ends
with exit code 1 and says what to do, as for a missing topic or a damaged checkpoint.
SIGTERM and SIGINT let the batch in hand finish, within GRACE seconds, and end with 0.
"""

import logging
import signal
import sys
import threading
import time
from functools import partial
from typing import Any

from py4j.protocol import Py4JError  # type: ignore[import-untyped]  # it has no types
from pyspark.errors import PySparkException
from pyspark.sql import SparkSession
from pyspark.sql.streaming.query import StreamingQuery

from events.topics import DEAD_LETTERS, TOPICS
from infra import heartbeat
from infra.settings import CredentialsMissing, SettingMissing
from stream_jobs.failures import QueryFailed, advice, causes, is_outage, summary
from stream_jobs.session import AlreadyRunning, JarsMissing, spark_session
from stream_jobs.settings import JobSettings, load_job_settings
from stream_jobs.sink import LOG_FORMAT, OUTGOING_IN_SPARK, drain, persist
from stream_jobs.tables import KEPT

log = logging.getLogger("stream_jobs.sales")

NAME = "sales"
TRIGGER = "200 milliseconds"
# Bounds what is done again after a kill, and how long SIGTERM waits for a batch.
MOST_RECORDS = 500_000
GRACE = 25.0  # seconds; Kubernetes kills after 30
FIRST_WAIT, LONGEST_WAIT = 1.0, 15.0  # seconds before a failed query is started again
POLL = 0.1
UNUSABLE = (CredentialsMissing, SettingMissing)

READING = {
    # A topic that an older checkpoint does not know yet is read from its beginning.
    "subscribe": ",".join(KEPT),
    "startingOffsets": "earliest",
    "includeHeaders": "true",
    "failOnDataLoss": "true",
    "kafka.isolation.level": "read_committed",  # what a producer aborted never was
    "maxOffsetsPerTrigger": str(MOST_RECORDS),
    "kafkaConsumer.pollTimeoutMs": "20000",
    "fetchOffset.numRetries": "1",  # the query as a whole is started again
    "kafka.default.api.timeout.ms": "15000",
    "kafka.request.timeout.ms": "10000",
    # A poll for a record that is there waits behind the poll before it, 500 ms by default.
    "kafka.fetch.max.wait.ms": "50",
    "kafka.max.poll.records": "5000",
    "kafka.max.partition.fetch.bytes": str(4 << 20),
}
WRITING = {
    "includeHeaders": "true",
    "kafka.acks": "all",
    "kafka.max.request.size": str(TOPICS[DEAD_LETTERS].max_bytes),  # no letter is larger
}


def start_query(spark: SparkSession, settings: JobSettings) -> StreamingQuery:
    """Start the query from its checkpoint, or from the earliest record."""
    records = (
        spark.readStream.format("kafka")
        .options(**READING, **_clients(settings))
        .load()
        .select("topic", "key", "value", "headers", "partition", "offset", "timestamp")
    )
    outgoing = records.mapInArrow(partial(persist, database=settings.database), OUTGOING_IN_SPARK)
    return (
        outgoing.writeStream.format("kafka")
        .queryName(NAME)
        .options(**WRITING, **_clients(settings))
        .option("checkpointLocation", settings.checkpoint(NAME))
        .trigger(processingTime=TRIGGER)
        .start()
    )


def _clients(settings: JobSettings) -> dict[str, str]:
    """How Spark's clients reach Kafka."""
    return {f"kafka.{name}": value for name, value in settings.kafka.java.items()}


def warm_up(spark: SparkSession) -> None:
    """Start the Python workers, so that the first sale does not wait for them."""
    cores = spark.sparkContext.defaultParallelism
    spark.range(cores, numPartitions=cores).mapInArrow(drain, OUTGOING_IN_SPARK).collect()


class Job:
    """Keeps the query running until told to stop."""

    def __init__(self, spark: SparkSession, settings: JobSettings, stopping: threading.Event):
        self._spark, self._settings, self._stopping = spark, settings, stopping
        self._failures = 0
        self._last_batch = -1
        self._started = False
        self._next_beat = 0.0

    def run(self) -> None:
        """Returns when stopped; QueryFailed when no waiting mends what is wrong."""
        while not self._stopping.is_set():
            query = start_query(self._spark, self._settings)
            while query.isActive and not self._stopping.is_set():
                self._report(query)
                self._stopping.wait(POLL)
            if query.isActive:
                self._finish(query)
                return
            self._failed(query)

    def _failed(self, query: Any) -> None:
        """Wait before the next try, or raise."""
        failure = query._jsq.exception()
        if failure.isEmpty():
            return  # ended without an error: somebody else stopped it
        chain = causes(failure.get())
        if not is_outage(chain):
            raise QueryFailed(advice(chain, self._settings.checkpoint(NAME)))
        wait = min(LONGEST_WAIT, FIRST_WAIT * 2**self._failures)
        self._failures += 1
        log.warning("outage of Kafka, starting again in %g s: %s", wait, summary(chain))
        if self._started:
            self._beat(f"Kafka is away, tried again in {wait:g} s: {summary(chain)}")
        self._stopping.wait(wait)

    def _report(self, query: StreamingQuery) -> None:
        """Log the batches that ended since the last look, and say that the job is at work."""
        for progress in query.recentProgress:
            batch, rows = progress["batchId"], progress["numInputRows"]
            if rows and batch > self._last_batch:
                seconds = progress["durationMs"]["triggerExecution"] / 1000
                log.info("batch %d: %s records in %.2f s", batch, f"{rows:,}", seconds)
                self._last_batch = batch
                self._failures = 0
        self._started = self._started or _has_started(query)
        if self._started:
            self._beat()

    def _beat(self, trouble: str = "") -> None:
        """Renew the sign of life, now and then or when there is trouble to tell."""
        now = time.monotonic()
        if self._settings.ready_file is not None and (trouble or now >= self._next_beat):
            heartbeat.beat(self._settings.ready_file, trouble)
            self._next_beat = now + heartbeat.EVERY

    def _finish(self, query: StreamingQuery) -> None:
        """Let the batch in hand finish, but not for ever; what is cut short comes again."""
        log.info("stopping after the batch in hand")
        before = query.lastProgress
        deadline = time.monotonic() + GRACE
        while query.isActive and query.status["isTriggerActive"] and time.monotonic() < deadline:
            if query.lastProgress != before:
                break  # under a steady stream the next batch follows at once
            time.sleep(POLL)
        query.stop()
        self._report(query)


def _has_started(query: StreamingQuery) -> bool:
    if query.lastProgress is not None:
        return True
    return bool(query.status["message"].startswith(("Waiting for", "Processing new data")))


def main() -> int:
    """Run the job; the exit code."""
    logging.basicConfig(level=logging.INFO, format=LOG_FORMAT, stream=sys.stderr)
    logging.getLogger("py4j").setLevel(logging.WARNING)
    stopping = threading.Event()
    try:
        settings = load_job_settings(NAME)
        topics, checkpoint = " and ".join(KEPT), settings.checkpoint(NAME)
        log.info("%s from %s, checkpoint %s", topics, settings.kafka, checkpoint)
        with spark_session("shelfcast-sales", settings) as spark:
            # After the session, which has a SIGINT handler of its own.
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, lambda *_: stopping.set())
            warm_up(spark)
            Job(spark, settings, stopping).run()
    except (*UNUSABLE, AlreadyRunning, JarsMissing, QueryFailed, PySparkException) as error:
        log.error("%s", error)
        return 1
    except (Py4JError, ConnectionError) as error:
        log.error("Spark's JVM has ended or can't be reached: %r", error)
        return 1
    log.info("stopped")
    return 0


if __name__ == "__main__":
    sys.exit(main())
