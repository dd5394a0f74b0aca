from pathlib import Path

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
