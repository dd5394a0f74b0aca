"""Makes Kafka's class archive if it is missing: `python -m infra.local.class_archive_maker`.

The broker is run once, as in the stack, and its JVM writes the archive while it ends. That goes
to a file of its own, which is moved into place whole and only read afterwards: any number of
stacks can start from it at once. `make install` does it; an archive that can't be made is told,
and Kafka starts without.
"""

import os
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from signal import SIGTERM

import psutil

from infra.kafka.topics import provision
from infra.local import class_archive, kafka, ports, process
from infra.local.process import ProcessRecord
from infra.local.progress import Silent
from infra.local.service import STOP_WITHIN, ServiceFailed, wait_until_ready

ENDS_WITHIN = 600.0  # seconds; generous, since a JVM that is killed has made nothing


class NotMade(Exception):
    """The JVM ended without its archive."""


def main() -> None:
    """Make it if it is missing; a Java of somebody's own starts without."""
    if os.environ.get("JAVA_HOME") or class_archive.place().is_file():
        return
    try:
        make()
    except (NotMade, ServiceFailed) as error:
        print(f"no class archive, so Kafka starts slower: {error}", file=sys.stderr)


def make() -> None:
    """The archive, from one run of the broker."""
    place = class_archive.place()
    place.parent.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory(prefix="shelfcast-archive-") as home,
        tempfile.TemporaryDirectory(prefix=".make-", dir=place.parent) as fresh,
    ):
        archive = Path(fresh) / place.name
        run(Path(home), archive)
        if not archive.is_file():
            raise NotMade(f"the broker's JVM ended without {archive.name}")
        archive.replace(place)


def run(home: Path, archive: Path) -> None:
    """A broker with the stack's topics, until its JVM has written the archive."""
    port = ports.choose(None, set())
    bootstrap = f"{ports.LOOPBACK}:{port}"
    broker = kafka.service(home, port, ports.choose(None, {port}))
    java, *arguments = broker.command
    # Without profiles of its methods: by these a JVM would compile more of them at its start.
    writing = [f"-XX:AOTCacheOutput={archive}", "-XX:TieredStopAtLevel=1", class_archive.QUIET]
    broker = replace(broker, command=[java, *writing, *arguments])
    record = broker.start(home / "logs" / "kafka.log", "")
    try:
        wait_until_ready({"kafka": record}, {}, _trouble(bootstrap), _once, Silent())
        provision(bootstrap)
        if (broker_process := process.find(record)) is not None:
            broker_process.send_signal(SIGTERM)
            psutil.wait_procs([broker_process], timeout=ENDS_WITHIN)
    finally:
        process.stop(record, SIGTERM, STOP_WITHIN["kafka"])


def _trouble(bootstrap: str) -> Callable[[str, ProcessRecord], str | None]:
    def trouble(_: str, __: ProcessRecord) -> str | None:
        return None if kafka.is_ready(bootstrap) else f"it does not answer on {bootstrap}"

    return trouble


def _once(name: str) -> ProcessRecord:
    raise NotMade(f"{name} ended before it was ready")


if __name__ == "__main__":
    main()
