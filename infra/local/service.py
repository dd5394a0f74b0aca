"""How a process of the stack is started, and waiting until it is ready."""

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

POLL = 0.05
LOG_LINES = 15

# Seconds. Generous, since a slow machine and recovery after a crash count too: a process
# that ends is noticed at once, so only one that hangs makes anybody wait this long.
READY_WITHIN = {"postgres": 300.0, "kafka": 180.0, "spark": 180.0, "ray": 240.0}
STOP_WITHIN = {"postgres": 30.0, "kafka": 40.0, "spark": 40.0, "ray": 40.0}
# Postgres takes SIGTERM as "wait until every client has gone", SIGINT as "end now, cleanly".
STOP_SIGNALS = {"postgres": signal.SIGINT}


@dataclass(frozen=True)
class Service:
    """A process of the stack, prepared so that it can be started."""

    name: str
    command: list[str]
    folder: Path
    address: str
    environment: Mapping[str, str] = field(default_factory=dict)
    account: struct_passwd | None = None

    def start(self, log: Path, told: str) -> ProcessRecord:
        """Start the process, detached; it need not be ready when this returns."""
        return process.spawn(
            self.command,
            self.environment,
            folder=self.folder,
            log=log,
            address=self.address,
            told=told,
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
    started: Mapping[str, ProcessRecord], is_ready: Callable[[str], bool], progress: Progress
) -> None:
    """Wait for all of them at once; the first that fails ends the wait with ServiceFailed."""
    begin = time.monotonic()
    pending = dict(started)
    while pending:
        for name, record in list(pending.items()):
            # Looked at first: a process may get ready and end between the two looks.
            alive = process.find(record) is not None
            if alive and is_ready(name):
                progress.end(name, "ready")
                del pending[name]
            elif not alive:
                raise ServiceFailed(name, "ended before it was ready", Path(record.log))
            elif time.monotonic() - begin > READY_WITHIN[name]:
                what = f"was not ready within {READY_WITHIN[name]:.0f} s"
                raise ServiceFailed(name, what, Path(record.log))
        if pending:
            time.sleep(POLL)
