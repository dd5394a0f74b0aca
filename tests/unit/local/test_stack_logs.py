import stat
from pathlib import Path

import pytest

from infra.local import logs
from infra.local.logs import Follower, last_lines


def test_no_file_has_no_lines(tmp_path: Path) -> None:
    assert last_lines(tmp_path / "none.log", 5) == []


def test_the_last_lines_are_found_across_blocks(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    long = "x" * logs.BLOCK
    log.write_text(f"first\n{long}\nlast\n")

    assert last_lines(log, 2) == [long, "last"]
    assert last_lines(log, 9) == ["first", long, "last"]
    assert last_lines(log, 0) == []


def test_a_follower_waits_for_whole_lines(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    log.write_text("old\n")
    follower = Follower(log)

    with log.open("a") as file:
        file.write("new\nha")
        file.flush()
        assert list(follower.new_lines()) == ["new"]
        file.write("lf\n")
    assert list(follower.new_lines()) == ["half"]


def test_a_follower_goes_on_with_the_log_of_the_next_start(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    log.write_text("a long line of the first start\n")
    follower = Follower(log)

    log.rename(tmp_path / "a.log.1")
    assert list(follower.new_lines()) == []
    log.write_text("again\n")

    assert list(follower.new_lines()) == ["again"]


def test_a_log_that_has_grown_large_is_cut_while_its_process_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logs, "MAX_LOG_BYTES", 10)
    log, small = tmp_path / "a.log", tmp_path / "b.log"
    small.write_text("small\n")
    follower = Follower(log)
    with log.open("a") as file:
        file.write("more than ten bytes\n")
        file.flush()
        assert list(follower.new_lines()) == ["more than ten bytes"]

        assert logs.cut(tmp_path) == [log]
        assert logs.cut(tmp_path) == []

        file.write("new\n")
    assert log.read_text() == "new\n"
    assert list(follower.new_lines()) == ["new"]
    assert (tmp_path / "a.log.1").read_text() == "more than ten bytes\n"
    assert stat.S_IMODE((tmp_path / "a.log.1").stat().st_mode) == 0o600
    assert small.read_text() == "small\n"
