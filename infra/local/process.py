"""Detached processes that are recognised again later, and ended without collateral.

A process gets a random token in its environment, which its descendants inherit. A pid alone
is never trusted: it counts only if the process carries the token or was created when the
recorded one was. Descendants that outlive their parent are found by the same token.
"""

import hashlib
import os
import secrets
import signal
import subprocess
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from pwd import struct_passwd

import psutil

TOKEN = "SHELFCAST_PROCESS_TOKEN"  # noqa: S105 - the variable's name, not a secret
CLOCK_SLACK = 2.0  # seconds; a creation time shifts when the machine's clock is set
ALONE_WITHIN = 2.0  # seconds in which descendants may end by themselves after their parent
SIGNALLED_WITHIN = 5.0  # seconds in which they must end after a signal
POLL = 0.05

# Children of this very process must be reaped, or they stay as zombies until it ends.
_children: list[subprocess.Popen[bytes]] = []


@dataclass(frozen=True)
class ProcessRecord:
    """The data by which a started process is found again and shown."""

    pid: int
    created: float
    token: str
    log: str
    address: str
    told: str  # digest of the stack's addresses that it was started with, to notice a change


@dataclass(frozen=True)
class Stopped:
    """The result of a stop: whether anything ran, and which processes had to be killed."""

    was_running: bool
    killed: list[str]


def spawn(
    command: list[str],
    environment: Mapping[str, str],
    *,
    folder: Path,
    log: Path,
    address: str,
    told: str = "",
    account: struct_passwd | None = None,
) -> ProcessRecord:
    """Start the command in a new session, its output appended to a new log."""
    token = secrets.token_hex(16)
    log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if log.exists():
        log.replace(log.with_name(log.name + ".1"))
    fresh = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)  # for its owner alone
    with os.fdopen(fresh, "ab") as output:
        child = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=folder,
            env={**os.environ, **environment, TOKEN: token},
            start_new_session=True,
            user=account.pw_uid if account else None,
            group=account.pw_gid if account else None,
            extra_groups=[] if account else None,
        )
    _children.append(child)
    created = psutil.Process(child.pid).create_time()
    return ProcessRecord(child.pid, created, token, str(log), address, told)


def digest(environment: Mapping[str, str]) -> str:
    """A short digest of the variables, to compare them without keeping them."""
    return hashlib.sha256(repr(sorted(environment.items())).encode()).hexdigest()[:16]


def find(record: ProcessRecord) -> psutil.Process | None:
    """The recorded process if it still runs."""
    _reap()
    try:
        process = psutil.Process(record.pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return None
        same = _token_of(process) == record.token or (
            abs(process.create_time() - record.created) < CLOCK_SLACK
        )
    except psutil.NoSuchProcess:
        return None
    return process if same else None


def family(record: ProcessRecord) -> list[psutil.Process]:
    """The recorded process, its descendants, and descendants that lost their parent."""
    members: dict[int, psutil.Process] = {}
    process = find(record)
    if process is not None:
        members[process.pid] = process
        with suppress(psutil.NoSuchProcess):  # ended since; whoever it left is found below
            members |= {child.pid: child for child in process.children(recursive=True)}
    members = {other.pid: other for other in _holders(record.token)} | members
    return [member for member in members.values() if runs(member)]


def stop(record: ProcessRecord, stop_signal: signal.Signals, within: float) -> Stopped:
    """End the process and all its family: politely, then by SIGTERM, at last by SIGKILL."""
    process, members = find(record), family(record)
    if not members:
        return Stopped(was_running=False, killed=[])
    if process is not None:
        _signal(process, stop_signal)
        _wait([process], within)
        # It may have started more processes while shutting down.
        members += [late for late in family(record) if late not in members]
    if process is None or not runs(process):
        _wait(members, ALONE_WITHIN if process is not None else 0)
        _terminate(members)
    return Stopped(was_running=True, killed=_kill(members))


def end_offspring() -> list[str]:
    """End all descendants of this process; return those that had to be killed.

    Found are its descendants, and those that lost their parent but carry its token.
    """
    me = psutil.Process()
    members = {child.pid: child for child in me.children(recursive=True)}
    if token := os.environ.get(TOKEN):
        members |= {other.pid: other for other in _holders(token) if other.pid != me.pid}
    _terminate(list(members.values()))
    return _kill(list(members.values()))


def _terminate(members: list[psutil.Process]) -> None:
    running = [member for member in members if runs(member)]
    for member in running:
        _signal(member, signal.SIGTERM)
    _wait(running, SIGNALLED_WITHIN)


def _kill(members: list[psutil.Process]) -> list[str]:
    stubborn = [member for member in members if runs(member)]
    killed = [f"{_name(member)} (pid {member.pid})" for member in stubborn]
    for member in stubborn:
        _signal(member, signal.SIGKILL)
    _wait(stubborn, SIGNALLED_WITHIN)
    return killed


def age(record: ProcessRecord) -> float:
    """Seconds since the process was started."""
    return time.time() - record.created


def memory(record: ProcessRecord) -> int:
    """Bytes that the process and its descendants hold, what they share counted about once."""
    own, shared = 0, 0
    for member in family(record):
        with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            usage = member.memory_info()
            common = getattr(usage, "shared", 0)  # macOS does not report it
            own += usage.rss - common
            shared = max(shared, common)
    return own + shared


def runs(process: psutil.Process) -> bool:
    """Whether the process runs; one that has ended and only waits to be reaped does not."""
    _reap()
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _reap() -> None:
    _children[:] = [child for child in _children if child.poll() is None]


def _holders(token: str) -> list[psutil.Process]:
    return [other for other in psutil.process_iter() if _token_of(other) == token]


def _token_of(process: psutil.Process) -> str | None:
    try:
        return process.environ().get(TOKEN)
    except (psutil.Error, OSError):
        return None  # another user's, ended, or a system process: not ours


def _wait(processes: list[psutil.Process], within: float) -> None:
    deadline = time.monotonic() + within
    while any(runs(process) for process in processes) and time.monotonic() < deadline:
        time.sleep(POLL)


def _signal(process: psutil.Process, which: signal.Signals) -> None:
    try:
        process.send_signal(which)
    except psutil.NoSuchProcess:
        return  # it ended by itself


def _name(process: psutil.Process) -> str:
    try:
        return process.name()
    except psutil.NoSuchProcess:
        return "a process"
