import signal
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from infra.local import process
from infra.local.process import ProcessRecord

CHILDREN = "import subprocess, sys, time; "
SLEEPER = "import time; print('up', flush=True); time.sleep(600)"
ORPHANER = CHILDREN + f"subprocess.Popen([sys.executable, '-c', {SLEEPER!r}]); time.sleep(600)"
DETACHER = ORPHANER.replace("])", "], start_new_session=True)")
STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); " + SLEEPER


@pytest.fixture
def started(tmp_path: Path) -> Iterator["Starter"]:
    starter = Starter(tmp_path)
    yield starter
    for record in starter.records:
        for member in process.family(record):
            member.kill()


class Starter:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.records: list[ProcessRecord] = []

    def __call__(self, script: str) -> ProcessRecord:
        log = self.folder / f"{len(self.records)}.log"
        command = [sys.executable, "-c", script]
        record = process.spawn(command, {}, folder=self.folder, log=log, address="")
        self.records.append(record)
        while "up" not in log.read_text():
            assert process.find(record), log.read_text()
        return record


def test_a_process_is_found_while_it_runs_and_not_after(started: Starter) -> None:
    record = started(SLEEPER)
    assert process.find(record) is not None

    ended = process.stop(record, signal.SIGTERM, 10)

    assert ended == process.Stopped(was_running=True, killed=[])
    assert process.find(record) is None


def test_a_pid_that_has_gone_to_another_is_left_alone(started: Starter) -> None:
    record = started(SLEEPER)
    earlier = replace(record, created=record.created - 3600, token="of another start")

    assert process.find(earlier) is None
    assert not process.stop(earlier, signal.SIGTERM, 1).was_running
    assert process.find(record) is not None


@pytest.mark.parametrize("script", [ORPHANER, DETACHER], ids=["child", "child in its own session"])
def test_children_end_with_their_parent(started: Starter, script: str) -> None:
    record = started(script)
    children = psutil.Process(record.pid).children()
    assert len(children) == 1

    process.stop(record, signal.SIGTERM, 10)

    assert not any(process.runs(child) for child in children)


@pytest.mark.parametrize("script", [ORPHANER, DETACHER], ids=["child", "child in its own session"])
def test_children_of_a_killed_parent_are_found_and_ended(started: Starter, script: str) -> None:
    record = started(script)
    child = psutil.Process(record.pid).children()[0]
    psutil.Process(record.pid).kill()
    while process.find(record):
        pass
    assert process.family(record) == [child]

    process.stop(record, signal.SIGTERM, 10)

    assert not process.runs(child)


def test_a_process_that_does_not_listen_is_killed_and_named(started: Starter) -> None:
    record = started(STUBBORN)

    ended = process.stop(record, signal.SIGTERM, 0.2)

    assert [f"(pid {record.pid})" in victim for victim in ended.killed] == [True]
    assert process.find(record) is None


def test_the_log_of_the_last_start_is_kept(started: Starter) -> None:
    log = started.folder / "0.log"
    log.write_text("of the start before: up\n")

    started(SLEEPER)

    assert log.read_text() == "up\n"
    assert (started.folder / "0.log.1").read_text() == "of the start before: up\n"
