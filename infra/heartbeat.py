"""A process's sign of life: a file that it renews, and that says what keeps it from working.

Readiness is no fact of the past: a file that is there but has not been renewed for LOST_AFTER
counts for nothing, whoever wrote it.
"""

import logging
import os
from pathlib import Path

log = logging.getLogger(__name__)

EVERY = 2.0  # seconds between two signs
# Generous: a machine that is busy with other things must not make a process look dead. A death
# is noticed sooner, by a process that has gone or a connection that is refused.
LOST_AFTER = 30.0


def beat(file: Path, trouble: str = "") -> None:
    """Renew the file; `trouble` is what keeps the process from working, empty if nothing does.

    Where it can't be written (a full disk) the process goes on, and its silence tells.
    """
    fresh = file.with_name(f".{file.name}-{os.getpid()}")
    try:
        fresh.write_text(trouble)
        fresh.replace(file)
    except OSError as error:
        log.warning("can't renew the sign of life: %s", error)


def trouble(file: Path, now: float) -> str | None:
    """What keeps the process from working, by its own word or by its silence; None if nothing.

    `now` is in seconds since the epoch, as the file's own time is.
    """
    try:
        silent = now - file.stat().st_mtime
        said = file.read_text()
    except FileNotFoundError:
        return "it has not said yet that it is ready"
    if silent > LOST_AFTER:
        return f"no sign of life for {silent:.0f} s"
    return said or None
