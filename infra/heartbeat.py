"""A process's heartbeat: a file that it renews, with the reason if it does not work.

A file that has not been renewed for LOST_AFTER
is ignored, whoever wrote it.
"""

import logging
import os
from pathlib import Path

log = logging.getLogger(__name__)

EVERY = 2.0  # seconds between two heartbeats
# Generous: a process on a busy machine must not look dead. A death
# is noticed sooner, by a process that has gone or a connection that is refused.
LOST_AFTER = 30.0


def beat(file: Path, trouble: str = "") -> None:
    """Renew the file; `trouble` is the reason if the process does not work, otherwise empty.

    Where it can't be written (a full disk) the process goes on, and its silence tells.
    """
    fresh = file.with_name(f".{file.name}-{os.getpid()}")
    try:
        fresh.write_text(trouble)
        fresh.replace(file)
    except OSError as error:
        log.warning("can't renew the sign of life: %s", error)


def trouble(file: Path, now: float) -> str | None:
    """Return why the process does not work (its reason, or no heartbeat); None if it works.

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
