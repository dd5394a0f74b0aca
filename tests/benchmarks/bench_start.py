"""What `shelfcast up` costs, against the same servers without Shelfcast.

The yardstick is a bare Kafka, a bare Postgres, a Spark session and Ray with an empty Serve
application, started by the same code in the same run. It has nothing that we do for a start's
sake: no JVM options for Kafka, no class archives, Serve with all that it imports; so the ratio
shows what these save. CPU seconds are those of all processes, ended ones included,
from the command until SETTLE_SECONDS after everything is ready: what a start puts off counts too.
`pss_mb` is the memory held then, with what processes share counted once. The ratio is of CPU
seconds, which a busy machine disturbs less than the clock.

    python -m tests.benchmarks.bench_start [--json] [--parts postgres,kafka]
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import psutil

from infra.local import class_archive, kafka, ports, postgres, process, stack, workers
from infra.local.process import ProcessRecord
from infra.local.progress import Silent
from infra.local.service import wait_until_ready
from infra.local.state import read_state, write_state
from infra.settings import Settings
from tests.benchmarks.report import report
from tests.benchmarks.system import console

KEYS = ("cpu_seconds", "wall_seconds", "pss_mb", "yardstick_cpu_seconds", "ratio")
SETTLE_SECONDS = 5.0
BARE = {"spark": "tests.benchmarks.bare_spark", "ray": "tests.benchmarks.bare_ray"}
PROJECT = Path(__file__).parents[2]


@dataclass
class Cost:
    """What a start took."""

    wall: float
    pss_mb: float = 0.0
    cpu: dict[str, float] = field(default_factory=dict)

    @property
    def total(self) -> float:
        """CPU seconds of all parts and of the command."""
        return sum(self.cpu.values())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--parts", default=",".join(stack.EVERYTHING), help="comma-separated")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--begin", nargs=2, metavar=("WHAT", "HOME"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    parts = tuple(name for name in stack.EVERYTHING if name in options.parts.split(","))
    if options.begin:
        what, home = options.begin
        {"stack": begin_stack, "yardstick": begin_yardstick}[what](_settings(Path(home)), parts)
        return
    costs = {what: measured(what, parts) for what in ("stack", "yardstick")}
    of_stack, of_yardstick = costs["stack"], costs["yardstick"]
    result = {
        "cpu_seconds": round(of_stack.total, 1),
        "wall_seconds": round(of_stack.wall, 1),
        "pss_mb": round(of_stack.pss_mb),
        "yardstick_cpu_seconds": round(of_yardstick.total, 1),
        "ratio": round(of_stack.total / of_yardstick.total, 3),
        "parts": {
            what: {name: round(seconds, 1) for name, seconds in cost.cpu.items()}
            for what, cost in costs.items()
        },
        "yardstick_pss_mb": round(of_yardstick.pss_mb),
    }
    report("what a start costs", result, options.json)


def measured(what: str, parts: tuple[str, ...]) -> Cost:
    """Start it in a process of its own, as `shelfcast up` is one, and end it again."""
    console.print(f"starting the {what} …")
    command = [sys.executable, "-m", "tests.benchmarks.bench_start", "--parts", ",".join(parts)]
    with tempfile.TemporaryDirectory(prefix="shelfcast-bench-") as folder:
        home = Path(folder)
        try:
            before, began = _of_children(), time.perf_counter()
            subprocess.run(
                [*command, "--begin", what, folder],
                cwd=PROJECT,
                env={**os.environ, "PYTHONPATH": str(PROJECT)},
                check=True,
            )
            cost = Cost(time.perf_counter() - began)
            cost.cpu["command"] = _of_children() - before
            time.sleep(SETTLE_SECONDS)
            for name, record in read_state(home).processes.items():
                cost.cpu[name] = 0.0
                for member in process.family(record):
                    with suppress(psutil.NoSuchProcess):  # it ended meanwhile
                        cost.cpu[name] += sum(member.cpu_times()[:4])  # with waited-for children
                        cost.pss_mb += member.memory_full_info().pss / 1e6
            return cost
        finally:
            stack.down(_settings(home))
            postgres.discard(home)


def begin_stack(settings: Settings, parts: tuple[str, ...]) -> None:
    """What `shelfcast up` does."""
    stack.up(settings, names=parts)


def begin_yardstick(settings: Settings, parts: tuple[str, ...]) -> None:
    """The same servers, and bare processes in place of the workers."""
    kafka.JVM = ()
    class_archive.options = lambda _name: []
    workers.LAUNCHER = ""
    running = stack.up(settings, names=tuple(name for name in parts if name in stack.SERVERS))
    state = read_state(settings.home)
    environment = {
        "SHELFCAST_HOME": str(settings.home),
        "SHELFCAST_HTTP_PORT": str(running.http_port),
        "PYTHONPATH": str(PROJECT),
    }
    started = {}
    for name in parts:
        if name not in BARE:
            continue
        service = workers.service(name, settings.home, environment, ports.LOOPBACK)
        bare = replace(service, command=[sys.executable, "-m", BARE[name]])
        started[name] = bare.start(settings.home / "logs" / f"{name}.log", "")
        state.processes[name] = started[name]
        write_state(settings.home, state)

    def trouble(name: str, _: ProcessRecord) -> str | None:
        there = workers.ready_file(settings.home, name).exists()
        return None if there else "it has not written its ready file"

    wait_until_ready(started, {}, trouble, started.__getitem__, Silent())


def _settings(home: Path) -> Settings:
    own = {"home": home, "database_url": None, "kafka_bootstrap": None, "http_port": None}
    return Settings(_env_file=None).model_copy(update=own)


def _of_children() -> float:
    """CPU seconds of children that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
