"""Sales and calendars into their tables: `python -m stream_jobs.sales`.

One Structured Streaming query reads the topics of every kept table (`stream_jobs.tables`); each
micro-batch is one Spark action that merges every Kafka partition in parallel
(`stream_jobs.sink`) and sends what comes of it, such as dead letters. Effects come before the
checkpoint and are idempotent, so a kill at any point, or a checkpoint that lost its newest
commit, repeats and changes nothing.

A batch waits for Postgres, and the query is started again while Kafka is away, for as long as
it lasts. Damaged records are passed over, each batch of them a dead letter
(`stream_jobs.damage`). Records that Kafka dropped unread are no outage (failOnDataLoss): the job
then ends with exit code 1 and says what to do, as for a missing topic or a damaged checkpoint.
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
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.streaming.query import StreamingQuery

from events.topics import DEAD_LETTERS, TOPICS
from infra import heartbeat
from infra.current import NotCurrent, require_current
from infra.log_lines import write_logs
from infra.reaching import CredentialRefused
from infra.settings import CredentialsMissing, SettingMissing
from stream_jobs.damage import ReadAround
from stream_jobs.failures import QueryFailed, advice, causes, is_damage, is_outage, summary
from stream_jobs.measures import Watched, observed
from stream_jobs.session import AlreadyRunning, JarsMissing, spark_session
from stream_jobs.settings import JobSettings, load_job_settings
from stream_jobs.sink import OUTGOING_IN_SPARK, drain, persist
from stream_jobs.tables import KEPT

log = logging.getLogger("stream_jobs.sales")

NAME = "sales"
TRIGGER = "200 milliseconds"
# Bounds what is done again after a kill, and how long SIGTERM waits for a batch.
MAX_RECORDS = 500_000
GRACE = 25.0  # seconds; Kubernetes kills after 30
FIRST_WAIT, MAX_WAIT = 1.0, 15.0  # seconds before a failed query is started again
POLL = 0.1

FAILURES = (
    AlreadyRunning,
    CredentialRefused,
    CredentialsMissing,
    JarsMissing,
    NotCurrent,
    PySparkException,
    QueryFailed,
    SettingMissing,
)

READING = {
    # A topic that an older checkpoint does not know yet is read from its beginning.
    "subscribe": ",".join(KEPT),
    "startingOffsets": "earliest",
    "includeHeaders": "true",
    "failOnDataLoss": "true",
    "kafka.isolation.level": "read_committed",  # what a producer aborted never was
    "maxOffsetsPerTrigger": str(MAX_RECORDS),
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
    outgoing = _records(spark, settings).mapInArrow(
        partial(persist, database=settings.database), OUTGOING_IN_SPARK
    )
    return (
        observed(outgoing)
        .writeStream.format("kafka")
        .queryName(NAME)
        .options(**WRITING, **_clients(settings))
        .option("checkpointLocation", settings.checkpoint(NAME))
        .trigger(processingTime=TRIGGER)
        .start()
    )


def _clients(settings: JobSettings) -> dict[str, str]:
    """How Spark's clients reach Kafka."""
    return {f"kafka.{name}": value for name, value in settings.kafka.java.items()}


def start_around(spark: SparkSession, settings: JobSettings, around: ReadAround) -> StreamingQuery:
    """Start the query from its checkpoint for the batch that failed, and end after it.

    Spark allows a change of the sink, and does the offsets that it has planned before any others.
    """
    return (
        _records(spark, settings)
        .writeStream.foreachBatch(around)
        .queryName(NAME)
        .option("checkpointLocation", settings.checkpoint(NAME))
        .trigger(once=True)  # availableNow would go on to what is new
        .start()
    )


def _records(spark: SparkSession, settings: JobSettings) -> DataFrame:
    return (
        spark.readStream.format("kafka")
        .options(**READING, **_clients(settings))
        .load()
        .select("topic", "key", "value", "headers", "partition", "offset", "timestamp")
    )


def _send(frame: DataFrame, settings: JobSettings) -> None:
    frame.write.format("kafka").options(**WRITING, **_clients(settings)).save()


def warm_up(spark: SparkSession) -> None:
    """Start the Python workers, so that the first sale does not wait for them."""
    cores = spark.sparkContext.defaultParallelism
    spark.range(cores, numPartitions=cores).mapInArrow(drain, OUTGOING_IN_SPARK).collect()


class Job:
    """Keeps the query running until told to stop."""

    def __init__(self, spark: SparkSession, settings: JobSettings, stopping: threading.Event):
        self._spark, self._settings, self._stopping = spark, settings, stopping
        self._around: ReadAround | None = None
        self._failures = 0
        self._last_batch = -1
        self._watched = Watched(settings)
        self._started = False
        self._next_beat = 0.0

    def run(self) -> None:
        """Returns when stopped; QueryFailed when no waiting mends what is wrong."""
        while not self._stopping.is_set():
            query = self._start()
            while query.isActive and not self._stopping.is_set():
                self._report(query)
                self._stopping.wait(POLL)
            if query.isActive:
                self._finish(query)
                return
            self._ended(query)

    def _start(self) -> StreamingQuery:
        if self._around is None:
            return start_query(self._spark, self._settings)
        return start_around(self._spark, self._settings, self._around)

    def _ended(self, query: Any) -> None:
        """Settle how to go on; QueryFailed if there is no way."""
        around, self._around = self._around, None
        failure = query._jsq.exception()
        chain = [] if failure.isEmpty() else causes(failure.get())
        if around is not None and not around.batches:
            if not (around.may_work_later() or is_outage(chain)):
                raise QueryFailed(around.advice(summary(chain) if chain else "no batch is due"))
            self._wait(around.problem or summary(chain))
        elif not chain:
            return  # read around what was damaged, or somebody else stopped it
        elif is_damage(chain):
            log.error("damaged records, reading around them: %s", summary(chain))
            checkpoint = self._settings.checkpoint(NAME)
            send = partial(_send, settings=self._settings)
            self._around = ReadAround(self._settings, checkpoint, chain, send)
        elif is_outage(chain):
            self._wait(summary(chain))
        else:
            raise QueryFailed(advice(chain, self._settings.checkpoint(NAME)))

    def _wait(self, why: object) -> None:
        """Wait before the next try."""
        wait = min(MAX_WAIT, FIRST_WAIT * 2**self._failures)
        self._failures += 1
        log.warning("outage of Kafka, starting again in %g s: %s", wait, why)
        if self._started:
            self._beat(f"Kafka is away, tried again in {wait:g} s: {why}")
        self._stopping.wait(wait)

    def _report(self, query: StreamingQuery) -> None:
        """Log the batches that ended since the last look, and say that the job is at work."""
        for progress in query.recentProgress:
            batch, rows = progress["batchId"], progress["numInputRows"]
            if rows and batch > self._last_batch:
                seconds = progress["durationMs"]["triggerExecution"] / 1000
                log.info("batch %d: %s records in %.2f s", batch, f"{rows:,}", seconds)
                self._last_batch = batch
                self._watched.tell(progress)
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
        if self._around is not None and query.isActive:
            return  # `stop` would wait for a function of this process, with which it ends
        query.stop()
        self._report(query)


def _has_started(query: StreamingQuery) -> bool:
    if query.lastProgress is not None:
        return True
    return bool(query.status["message"].startswith(("Waiting for", "Processing new data")))


def main() -> int:
    """Run the job; the exit code."""
    logging.getLogger("py4j").setLevel(logging.WARNING)
    stopping = threading.Event()
    try:
        settings = load_job_settings(NAME)
        write_logs(settings.log_format)
        topics, checkpoint = " and ".join(KEPT), settings.checkpoint(NAME)
        log.info("%s from %s, checkpoint %s", topics, settings.kafka, checkpoint)
        require_current(settings, [*KEPT, DEAD_LETTERS])
        with spark_session("shelfcast-sales", settings) as spark:
            # After the session, which has a SIGINT handler of its own.
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, lambda *_: stopping.set())
            warm_up(spark)
            Job(spark, settings, stopping).run()
    except FAILURES as error:
        log.error("%s", error)
        return 1
    except (Py4JError, ConnectionError) as error:
        log.error("Spark's JVM has ended or can't be reached: %r", error)
        return 1
    log.info("stopped")
    return 0


if __name__ == "__main__":
    sys.exit(main())
