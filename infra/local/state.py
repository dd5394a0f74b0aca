"""The stack's recorded state in the state folder, and the lock for changing it.

`stack.json` records the ports that were chosen and the processes that were started;
`stack.env`, readable by its owner alone, is what `infra.settings.load_settings` reads.
Both are replaced whole, so a reader never sees half of one.
"""

import fcntl
import json
import os
import signal
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import FrameType

from infra.local.process import ProcessRecord
from infra.settings import STACK_ENV


class StackBusy(Exception):
    """Another `up` or `down` is using the same state folder."""


@dataclass
class StackState:
    """The ports chosen for the stack and the processes started, by name."""

    ports: dict[str, int] = field(default_factory=dict)
    processes: dict[str, ProcessRecord] = field(default_factory=dict)


def read_state(home: Path) -> StackState:
    """The recorded state; empty where nothing was ever started."""
    try:
        kept = json.loads((home / "stack.json").read_text())
    except FileNotFoundError:
        return StackState()
    processes = {name: ProcessRecord(**record) for name, record in kept["processes"].items()}
    return StackState(kept["ports"], processes)


def write_state(home: Path, state: StackState) -> None:
    """Record the state."""
    write_secret(home / "stack.json", json.dumps(asdict(state), indent=2) + "\n")


def write_env(home: Path, variables: Mapping[str, str]) -> None:
    """Record the variables by which every other process finds the stack."""
    text = "".join(f"{name}={value}\n" for name, value in variables.items())
    write_secret(home / STACK_ENV, "# Written by `shelfcast up`.\n" + text)


def read_env(home: Path) -> dict[str, str]:
    """The variables last recorded; empty where there are none."""
    try:
        lines = (home / STACK_ENV).read_text().splitlines()
    except FileNotFoundError:
        return {}
    pairs = (line.partition("=") for line in lines if line and not line.startswith("#"))
    return {name: value for name, _, value in pairs}


def write_secret(path: Path, text: str) -> None:
    """Write a file atomically, readable by its owner only."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}-{os.getpid()}")
    fresh.unlink(missing_ok=True)
    fresh.touch(mode=0o600)
    fresh.write_text(text)
    fresh.replace(path)


def close(home: Path) -> None:
    """Create the state folder if it is missing, and close it to other users.

    Data that another account owns and that lie in it (Postgres, started by root) stay within
    reach of those who know their name. A folder that everybody shares is not ours to close.
    """
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    mode = home.stat().st_mode
    if home.stat().st_uid != os.geteuid() or mode & stat.S_ISVTX:
        return
    data = home / "postgres"
    foreign = data.is_dir() and not data.is_symlink() and data.stat().st_uid != os.geteuid()
    home.chmod(0o711 if foreign else 0o700)


@contextmanager
def changing(home: Path) -> Iterator[None]:
    """Hold the lock for starting and stopping processes; StackBusy if another process has it."""
    close(home)
    with (home / "stack.lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            raise StackBusy(
                f"another `shelfcast up` or `down` (pid {lock.read().strip() or 'unknown'}) is at "
                f"work in {home}: wait for it to end, or end it"
            ) from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield
        lock.truncate(0)


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Delay SIGINT and SIGTERM, so that every started process is also recorded.

    Does nothing off the main thread, which no signal interrupts.
    """
    arrived: list[int] = []

    def note(number: int, _frame: FrameType | None) -> None:
        arrived.append(number)

    previous = {}
    for number in (signal.SIGINT, signal.SIGTERM):
        try:
            previous[number] = signal.signal(number, note)
        except ValueError:
            break  # not the main thread
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
        for arrival in arrived:
            signal.raise_signal(arrival)
