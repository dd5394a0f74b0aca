"""Trainers come when shards wait and go when none do; the express lane needs none of them."""

from collections.abc import Iterator

import psutil
import pytest

from events.payloads import EXPRESS_SERIES
from infra.local import stack
from infra.local.state import read_state
from tests.e2e.system import System, wait

TRAINERS = {
    "SHELFCAST_TRAINER_REPLICAS_MIN": "0",
    "SHELFCAST_TRAINER_REPLICAS_MAX": "2",
    "SHELFCAST_TRAINER_IDLE_SECONDS": "3",
    "SHELFCAST_SHARD_SERIES": "1",
}


@pytest.fixture
def scaling(tmp_path, monkeypatch: pytest.MonkeyPatch) -> Iterator[System]:
    """A stack whose trainers follow the lag from none on."""
    for name, value in TRAINERS.items():
        monkeypatch.setenv(name, value)
    with stack.running(tmp_path, stack.EVERYTHING) as settings:
        yield System(settings)


def trainers(system: System) -> int:
    """The trainers that run."""
    host = psutil.Process(read_state(system.settings.home).processes["ray"].pid)
    lines = []
    for child in host.children(recursive=True):
        try:
            lines.append(" ".join(child.cmdline()))
        except psutil.NoSuchProcess:  # it ended meanwhile
            continue
    return sum(line.startswith("ray::ServeReplica:shelfcast:trainer") for line in lines)


def test_trainers_follow_the_shards_that_wait_from_none_and_back_to_none(scaling: System):
    wait(lambda: trainers(scaling) == 0)
    ready = scaling.get("/readyz").json()
    assert ready["ready"], "none is needed"
    assert ready["functions"]["trainer"]["state"] == "idle"

    store = scaling.shop(EXPRESS_SERIES + 1)
    single = scaling.post("/retrain", {"store": store, "product": "product-0"}).json()["run_id"]
    assert scaling.ended(single)["counts"]["succeeded"] == 1
    assert trainers(scaling) == 0, "the express lane has a trainer of its own"

    many = scaling.retrain(store, horizon=9)
    wait(lambda: trainers(scaling) == 2)
    assert scaling.ended(many)["counts"]["succeeded"] == EXPRESS_SERIES + 1
    wait(lambda: trainers(scaling) == 0)
