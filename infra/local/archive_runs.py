"""Runs of Kafka and the Spark job in which their JVMs record the classes for an archive.

Each starts what the stack starts, lets it do its work once, and returns when the JVM has ended.
They need no Postgres: the job gets sales that break their contract, which become dead letters.
"""

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from signal import SIGTERM

import psutil

from events.cluster import Cluster
from events.kafka import KafkaProducer, read_topic
from events.log import Record
from events.payloads import SaleRecorded
from events.topics import DEAD_LETTERS
from infra.kafka.topics import provision
from infra.local import class_archive, kafka, ports, process, workers
from infra.local.process import ProcessRecord
from infra.local.progress import Silent
from infra.local.service import READY_WITHIN, STOP_WITHIN, Service, wait_until_ready
from infra.local.status import DATABASE_URL, KAFKA_BOOTSTRAP

ENDS_WITHIN = 600.0  # seconds; generous, since a JVM that is killed has made nothing
POLL = 0.5
NOWHERE = f"postgresql://nobody@{ports.LOOPBACK}:1/none"  # asked for by the settings, not used


class NotRun(Exception):
    """The run did not do its work."""


def run_kafka(home: Path, archive: Path) -> None:
    """A broker with the stack's topics, until its JVM has written the archive."""
    with _broker(home, _writing(archive)) as (bootstrap, record):
        provision(Cluster(bootstrap))
        _end(record)


def run_spark(home: Path, archive: Path) -> None:
    """The streaming job beside a broker with a bad sale, until its JVM has written the archive."""
    with _broker(home, []) as (bootstrap, _):
        provision(Cluster(bootstrap))
        asyncio.run(_publish_bad_sale(bootstrap))
        variables = {"SHELFCAST_HOME": str(home), KAFKA_BOOTSTRAP: bootstrap, DATABASE_URL: NOWHERE}
        job = workers.service("spark", home, variables, "")
        flags = class_archive.environment_of_spark(_writing(archive))
        job = replace(job, environment={**job.environment, **flags})
        with _running(job, home, lambda: workers.trouble(home, "spark", "")) as record:
            _wait_for_dead_letter(bootstrap, record)
            _end(record)


RUNS: dict[str, Callable[[Path, Path], None]] = {"kafka": run_kafka, "spark": run_spark}


def _writing(archive: Path) -> list[str]:
    # Without profiles of its methods: by these a JVM would compile more of them at its start.
    return [f"-XX:AOTCacheOutput={archive}", "-XX:TieredStopAtLevel=1", class_archive.QUIET]


@contextmanager
def _broker(home: Path, flags: list[str]) -> Iterator[tuple[str, ProcessRecord]]:
    port = ports.choose(None, set())
    bootstrap = f"{ports.LOOPBACK}:{port}"
    broker = kafka.service(home, port, ports.choose(None, {port}))
    java, *arguments = broker.command
    broker = replace(broker, command=[java, *flags, *arguments])

    def trouble() -> str | None:
        return None if kafka.is_ready(bootstrap) else f"it does not answer on {bootstrap}"

    with _running(broker, home, trouble) as record:
        yield bootstrap, record


@contextmanager
def _running(
    service: Service, home: Path, trouble: Callable[[], str | None]
) -> Iterator[ProcessRecord]:
    """Run the process until it is ready, and always end it after the block."""
    record = service.start(home / "logs" / f"{service.name}.log", "")
    try:
        wait_until_ready({service.name: record}, {}, lambda *_: trouble(), _once, Silent())
        yield record
    finally:
        process.stop(record, SIGTERM, STOP_WITHIN[service.name])


def _once(name: str) -> ProcessRecord:
    raise NotRun(f"{name} ended before it was ready")


def _end(record: ProcessRecord) -> None:
    """Tell the process to end, and wait for its whole family: one of them writes the archive."""
    members = process.family(record)
    if (first := process.find(record)) is not None:
        first.send_signal(SIGTERM)
    _, running = psutil.wait_procs(members, timeout=ENDS_WITHIN)
    if running:
        raise NotRun(f"it did not end within {ENDS_WITHIN:.0f} s after SIGTERM")


async def _publish_bad_sale(bootstrap: str) -> None:
    producer = KafkaProducer(Cluster(bootstrap))
    try:
        await producer.send([Record(SaleRecorded.TOPIC, b"archive", b"no event", [("a", b"b")])])
    finally:
        await producer.close()


def _wait_for_dead_letter(bootstrap: str, job: ProcessRecord) -> None:
    deadline = time.monotonic() + READY_WITHIN["spark"]
    while not asyncio.run(read_topic(Cluster(bootstrap), DEAD_LETTERS)):
        if process.find(job) is None or time.monotonic() > deadline:
            raise NotRun("the job made no dead letter of a bad sale")
        time.sleep(POLL)
