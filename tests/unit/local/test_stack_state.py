import os
import signal
import stat
from pathlib import Path

import pytest

from infra.local.process import ProcessRecord
from infra.local.state import (
    StackBusy,
    StackState,
    changing,
    read_env,
    read_state,
    uninterrupted,
    write_env,
    write_state,
)
from infra.settings import load_settings

RECORD = ProcessRecord(7, 12.5, "token", "/logs/kafka.log", "127.0.0.1:9092", "told")


def test_a_folder_without_a_stack_has_an_empty_state(tmp_path: Path) -> None:
    assert read_state(tmp_path) == StackState()
    assert read_env(tmp_path) == {}


def test_the_state_is_read_as_it_was_written(tmp_path: Path) -> None:
    state = StackState({"kafka": 9092}, {"kafka": RECORD})

    write_state(tmp_path, state)

    assert read_state(tmp_path) == state


def test_the_env_file_is_for_its_owner_alone(tmp_path: Path) -> None:
    write_env(tmp_path, {"SHELFCAST_KAFKA_BOOTSTRAP": "127.0.0.1:1"})
    write_env(tmp_path, {"SHELFCAST_KAFKA_BOOTSTRAP": "127.0.0.1:2"})

    assert stat.S_IMODE((tmp_path / "stack.env").stat().st_mode) == 0o600
    assert read_env(tmp_path) == {"SHELFCAST_KAFKA_BOOTSTRAP": "127.0.0.1:2"}


def test_other_processes_find_the_stack_by_the_env_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("SHELFCAST_DATABASE_URL", "SHELFCAST_KAFKA_BOOTSTRAP"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SHELFCAST_HOME", str(tmp_path))
    url = "postgresql://shelfcast:p-_w@127.0.0.1:5/shelfcast"

    write_env(tmp_path, {"SHELFCAST_DATABASE_URL": url, "SHELFCAST_KAFKA_BOOTSTRAP": "h:1"})

    assert load_settings().database == url
    assert load_settings().kafka.bootstrap == "h:1"


def test_two_cannot_change_one_stack_at_once(tmp_path: Path) -> None:
    with changing(tmp_path), pytest.raises(StackBusy, match=str(os.getpid())), changing(tmp_path):
        pass

    with changing(tmp_path):
        pass  # free again


def test_an_interrupt_waits_until_what_was_started_is_recorded() -> None:
    steps = []

    def start_and_record() -> None:
        with uninterrupted():
            steps.append("started")
            signal.raise_signal(signal.SIGINT)
            steps.append("recorded")

    with pytest.raises(KeyboardInterrupt):
        start_and_record()
    assert steps == ["started", "recorded"]
