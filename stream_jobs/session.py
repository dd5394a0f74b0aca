"""The Spark session of a streaming job.

Whatever spark-submit or the cluster has set stays as it is. On a local master Spark listens
on the loopback address alone, has no web page, fetches nothing, and keeps its scratch files
in the state folder, from which they are cleared at the next start if it was killed.
"""

import fcntl
import os
import shlex
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pyspark import SparkConf
from pyspark.sql import SparkSession

from stream_jobs.settings import PROJECT, JobSettings

LOOPBACK = "127.0.0.1"
LOGGING = Path(__file__).with_name("log4j2.properties")
# ParallelGC took a fifth of the JVM's processor time off a bulk load; nobody feels its pauses.
# Records live for one batch: with half of the heap for them, collecting costs a third less.
# The optimizing compiler took another fifth, for much that runs a few thousand times: what every
# record goes through is compiled as well when methods have to run four times as often for it.
JVM = (
    "-XX:+UseParallelGC",
    "-XX:NewRatio=1",
    "-XX:CompileThresholdScaling=4",
    "-XX:-UsePerfData",
)
# Columns are judged for less in larger batches, of which Arrow's bytes are bounded all the same.
BATCH_RECORDS, BATCH_BYTES = 20_000, 64 << 20


class AlreadyRunning(Exception):
    """Another process works on the same state folder."""


class JarsMissing(Exception):
    """The jars of Spark's Kafka connector are not where they should be."""


@contextmanager
def spark_session(name: str, settings: JobSettings) -> Iterator[SparkSession]:
    """A session for the length of the block."""
    conf = SparkConf()
    if settings.spark_master is not None:
        conf.setMaster(settings.spark_master)
    conf.setIfMissing("spark.master", "local[*]")
    with _scratch(settings.home.absolute() / "spark") as scratch:
        for key, value in _common().items():
            conf.setIfMissing(key, value)
        if (conf.get("spark.master") or "").startswith("local"):
            for key, value in _local(settings, scratch).items():
                conf.setIfMissing(key, value)
        # Workers are other processes, and find this code by these.
        os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
        known = os.environ.get("PYTHONPATH", "").split(os.pathsep)
        os.environ["PYTHONPATH"] = os.pathsep.join([str(PROJECT), *filter(None, known)])
        spark = SparkSession.Builder().config(conf=conf).appName(name).getOrCreate()
        try:
            spark.sparkContext.setLogLevel("WARN")
            yield spark
        finally:
            spark.stop()


def _common() -> dict[str, str]:
    return {
        "spark.sql.shuffle.partitions": "2",  # no query of ours shuffles
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.adaptive.enabled": "false",  # streaming has none
        "spark.sql.execution.arrow.maxRecordsPerBatch": str(BATCH_RECORDS),
        "spark.sql.execution.arrow.maxBytesPerBatch": str(BATCH_BYTES),
        "spark.python.daemon.module": "stream_jobs.worker_daemon",
        "spark.sql.streaming.numRecentProgressUpdates": "20",
    }


def _local(settings: JobSettings, scratch: Path) -> dict[str, str]:
    jars = sorted((settings.jars / "spark").absolute().glob("*.jar"))
    if not jars:
        raise JarsMissing(
            f"{settings.jars / 'spark'} holds no jars of Spark's Kafka connector: "
            "run `shelfcast up`, or set SHELFCAST_JARS to their folder"
        )
    os.environ.setdefault("SPARK_LOCAL_IP", LOOPBACK)
    java = {"java.io.tmpdir": str(scratch), "log4j2.configurationFile": LOGGING.as_uri()}
    class_path = os.pathsep.join(map(str, jars))
    options = [shlex.quote(f"-D{key}={value}") for key, value in java.items()]
    return {
        # Not `spark.jars`: those are copied and have a loader of their own, which takes nothing
        # from the class archive that the JVM may start from.
        "spark.driver.extraClassPath": class_path,
        "spark.executor.extraClassPath": class_path,
        "spark.driver.memory": settings.spark_memory,
        "spark.driver.host": LOOPBACK,
        "spark.driver.bindAddress": LOOPBACK,
        "spark.driver.extraJavaOptions": " ".join([*options, *JVM]),
        "spark.local.dir": str(scratch),
        "spark.sql.warehouse.dir": str(scratch / "warehouse"),
        "spark.sql.artifact.isolation.enabled": "false",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
    }


@contextmanager
def _scratch(folder: Path) -> Iterator[Path]:
    """An empty folder of this process alone; AlreadyRunning if another one has it."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AlreadyRunning(
                f"another streaming job works in {folder}: end it first, or set SHELFCAST_HOME"
            ) from None
        scratch = folder / "scratch"
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir()
        try:
            yield scratch
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
