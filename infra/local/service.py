"""Start a process of the stack, and wait until it is ready."""

import signal
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from pwd import struct_passwd

from infra.local import process
from infra.local.logs import last_lines
from infra.local.process import ProcessRecord
from infra.local.progress import Progress

POLL = 0.1
LOG_LINES = 15

# Seconds. Generous, since a slow machine and recovery after a crash count too: a process
# that ends is noticed at once, so only one that hangs makes anybody wait this long.
READY_WITHIN = {"postgres": 300.0, "kafka": 300.0, "spark": 300.0, "ray": 600.0}
# For a degraded process: Ray replaces a controller, a proxy or a replica by itself.
MEND_WITHIN = 90.0
STOP_WITHIN = {"postgres": 30.0, "kafka": 40.0, "spark": 40.0, "ray": 40.0}
# Postgres takes SIGTERM as "wait until every client has gone", SIGINT as "end now, cleanly".
STOP_SIGNALS = {"postgres": signal.SIGINT}


@dataclass(frozen=True)
class Service:
    """A process of the stack that is ready to be started."""

    name: str
    command: list[str]
    folder: Path
    address: str
    environment: Mapping[str, str] = field(default_factory=dict)
    account: struct_passwd | None = None

    def start(self, log: Path, digest: str) -> ProcessRecord:
        """Start the process, detached; it need not be ready when this returns."""
        return process.spawn(
            self.command,
            self.environment,
            folder=self.folder,
            log=log,
            address=self.address,
            told=digest,
            account=self.account,
        )


class ServiceFailed(Exception):
    """A process of the stack ended, or was not ready in time."""

    def __init__(self, name: str, what: str, log: Path) -> None:
        self.name = name
        tail = "\n".join(f"  {line}" for line in last_lines(log, LOG_LINES))
        super().__init__(
            f"{name} {what}. The end of its log:\n{tail or '  (nothing was logged)'}\n"
            f"See `shelfcast logs {name}`; when the cause is mended, run `shelfcast up` again"
        )


def wait_until_ready(
    started: Mapping[str, ProcessRecord],
    found: Mapping[str, float],
    trouble: Callable[[str, ProcessRecord], str | None],
    restart: Callable[[str], ProcessRecord],
    progress: Progress,
) -> None:
    """Wait for all of them at once; the first that fails ends the wait with ServiceFailed.

    Those that were `found` running may be ill: one that ends meanwhile or does not recover within
    its seconds is restarted, once. `trouble` says why one does not work, None when it does.
    """
    begin = time.monotonic()
    waiting = {
        name: _Waiting(record, name in found, begin + found.get(name, READY_WITHIN[name]))
        for name, record in started.items()
    }
    while waiting:
        for name, one in list(waiting.items()):
            # Checked first: a process may become ready and end between the two checks.
            alive = process.find(one.record) is not None
            why = trouble(name, one.record) if alive else "it ended"
            if why is None:
                progress.end(name, one.outcome)
                del waiting[name]
            elif alive and time.monotonic() < one.deadline:
                continue
            elif one.may_restart:
                progress.begin(name, "restarting")
                fresh = restart(name)
                outcome = f"ready, restarted since {why}"
                deadline = time.monotonic() + READY_WITHIN[name]
                waiting[name] = _Waiting(fresh, False, deadline, outcome)
            else:
                raise _failure(name, one.record, why if alive else None)
        if waiting:
            time.sleep(POLL)


@dataclass(frozen=True)
class _Waiting:
    """A process that is not ready yet."""

    record: ProcessRecord
    may_restart: bool
    deadline: float
    outcome: str = "ready"


def _failure(name: str, record: ProcessRecord, why: str | None) -> ServiceFailed:
    if why is not None:
        what = f"was not ready within {READY_WITHIN[name]:.0f} s: {why}"
    else:
        # Its descendants would keep running without it.
        process.stop(record, signal.SIGTERM, STOP_WITHIN[name])
        what = "ended before it was ready"
    return ServiceFailed(name, what, Path(record.log))
