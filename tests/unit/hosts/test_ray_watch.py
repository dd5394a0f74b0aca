import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from infra import heartbeat
from infra.hosts import ray_watch
from infra.hosts.ray_watch import NodeLost, Questioner, members, watch

SLEEPER = "import time; time.sleep(600)"


@pytest.fixture
def node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, psutil.Popen]]:
    """Processes that are called like those of a node, and a watch that looks all the time."""
    monkeypatch.setattr(heartbeat, "EVERY", 0.01)
    processes = {}
    for name in ("raylet", "log_monitor"):
        script = tmp_path / f"{name}.py"
        script.write_text(SLEEPER)
        processes[name] = psutil.Popen([sys.executable, str(script)], stdin=subprocess.DEVNULL)
    yield processes
    for process in processes.values():
        end(process)


def end(process: psutil.Popen) -> None:
    if process.poll() is None:
        process.kill()
    process.wait()


class Silent(Questioner):
    """Asks nothing, and answers as the test wants."""

    def __init__(self, trouble: str = "", seconds: float = 0.0) -> None:
        super().__init__([])
        self.told = trouble, seconds

    def start(self) -> None:
        """Asks nothing."""

    def trouble(self, now: float) -> tuple[str, float]:
        return self.told


async def test_a_raylet_that_has_ended_is_a_node_that_is_lost(
    node: dict[str, psutil.Popen], tmp_path: Path
) -> None:
    # The servers of other tests may be children of this process too.
    found = {name: m for name, m in members(psutil.Process()).items() if name in node}
    assert set(found) == set(node)
    end(node["raylet"])

    with pytest.raises(NodeLost, match="raylet ended"):
        await watch(found, Silent(), tmp_path / "sign")


async def test_a_lesser_process_that_has_ended_is_named_and_the_node_goes_on(
    node: dict[str, psutil.Popen], tmp_path: Path
) -> None:
    class Once(Silent):
        looks = 0

        def trouble(self, now: float) -> tuple[str, float]:
            self.looks += 1
            if self.looks == 2:
                end(node["log_monitor"])
            return ("", 0.0) if self.looks < 5 else ("enough", ray_watch.GIVE_UP_AFTER + 1)

    with pytest.raises(NodeLost, match="enough"):
        await watch(members(psutil.Process()), Once(), tmp_path / "sign")
    assert (tmp_path / "sign").read_text() == "Ray's log_monitor has ended"


async def test_a_node_that_gives_no_good_answer_for_long_is_lost(tmp_path: Path) -> None:
    silent = Silent("TimeoutError: timed out", ray_watch.GIVE_UP_AFTER + 1)

    with pytest.raises(NodeLost, match=r"not well for 121 s: TimeoutError: timed out"):
        await watch({}, silent, tmp_path / "sign")


def test_a_bad_answer_is_trouble_until_the_next_good_one() -> None:
    answers: list[Exception | None] = [OSError("refused"), None]

    def question() -> None:
        if (answer := answers.pop(0)) is not None:
            raise answer

    questioner = Questioner([question])
    questioner.ask()
    assert questioner.trouble(0.0)[0] == "OSError: refused"
    questioner.ask()
    assert questioner.trouble(0.0)[0] == ""


def test_an_answer_that_never_comes_is_trouble_too() -> None:
    questioner = Questioner([])
    questioner.ask()

    told, silent = questioner.trouble(10**9)

    assert told == f"Ray or the API has not answered for {silent:.0f} s"
