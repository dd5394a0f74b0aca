"""Clearing the lock file that a killed PostgreSQL server leaves in its data folder.

The server itself removes a lock whose pid is free, but gives up when that pid has gone to
another process, as it does after a restart of the machine or of a container; and it can't
start while its predecessor's children are still on their way out.
"""

import time
from pathlib import Path

import psutil

CHILDREN_GONE_WITHIN = 15.0  # seconds; they notice the server's death at once and end
POLL = 0.05


class PostgresRunsAlready(Exception):
    """A server that this stack did not start, or has forgotten, uses the data folder."""


def clear_stale_lock(data: Path) -> None:
    """Remove the lock if no server has the folder; PostgresRunsAlready if one has."""
    lock = data / "postmaster.pid"
    if not lock.exists():
        return
    owner = int(lock.read_text().split("\n", 1)[0])
    deadline = time.monotonic() + CHILDREN_GONE_WITHIN
    while users := _users(data):
        if owner in users:
            raise PostgresRunsAlready(
                f"a PostgreSQL server (pid {owner}) already uses {data}: "
                f"end it with `kill -INT {owner}`, then run `shelfcast up` again"
            )
        if time.monotonic() > deadline:
            raise PostgresRunsAlready(
                f"processes of an ended PostgreSQL server still use {data}: "
                f"end them with `kill {' '.join(map(str, sorted(users)))}`"
            )
        time.sleep(POLL)
    lock.unlink()


def _users(data: Path) -> set[int]:
    """The pids of PostgreSQL processes that work in the data folder."""
    found = set()
    for process in psutil.process_iter(["name"]):
        if (process.info["name"] or "").startswith("postgres"):
            try:
                if process.cwd() == str(data) and process.status() != psutil.STATUS_ZOMBIE:
                    found.add(process.pid)
            except (psutil.NoSuchProcess, psutil.AccessDenied):
                continue  # ended meanwhile, or another user's, whose data can't be these
    return found
