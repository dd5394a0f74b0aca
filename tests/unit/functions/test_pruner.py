"""What goes by itself, and that every run ends."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from events.envelope import Event, first_event
from events.payloads import PruneCompleted, PruneRequested, RetrainCompleted
from functions.pruner import Pruner
from functions.pruner.pruner import GIVEN_UP, MAX_ROWS, MAX_TIME
from functions.records import Series
from functions.retention import TABLES, Limits, Pruned, Retention, Table
from infra.memory.storage import MemoryStorage
from tests.unit.functions.test_crashes import Killed, dying
from tests.unit.functions.world import SERIES, World, request

NOW = datetime(2016, 8, 1, 3, tzinfo=UTC)


def wish(request_id: str = "prune", at: datetime = NOW) -> Event[PruneRequested]:
    return first_event(PruneRequested(requested_by="test"), "test", event_id=request_id, time=at)


def overdue(world: World, run_id: str = "run", days: int = 8) -> None:
    world.storage.planned_at[run_id] = NOW - timedelta(days=days)


async def planned(world: World, run_id: str = "run") -> None:
    """A run whose shards nobody has read when they leave the log."""
    await world.host.publish([request(run_id)])
    await world.host.subscriber("planner").drain()
    for topic, _ in world.host.log.partitions:
        if topic == "training-shards":
            world.host.log.partitions[topic, _].clear()


async def test_a_run_whose_shards_have_left_the_log_ends_and_says_why_and_what_to_do(world: World):
    await planned(world)
    overdue(world)
    await world.run(wish())
    run = await world.storage.run("run")
    assert run is not None
    assert run.state == "completed"
    assert {failure.reason for failure in run.failures} == {GIVEN_UP}
    assert "within 7 days" in GIVEN_UP
    assert "POST /retrain and failed_in" in GIVEN_UP
    [completed] = world.data(RetrainCompleted)
    assert (completed.run_id, completed.planned, completed.failed) == ("run", 5, 5)
    [done] = world.data(PruneCompleted)
    assert done.given_up == 5


async def test_an_equal_request_does_not_wait_for_a_run_that_was_given_up(world: World):
    await planned(world, "dead")
    overdue(world, "dead")
    await world.run(request("before"))
    before = await world.storage.run("before")
    assert before is not None
    assert before.coalesced_into == "dead"
    await world.run(wish())
    await world.run(request("after"))
    after = await world.storage.run("after")
    assert after is not None
    assert (after.coalesced_into, after.counts.succeeded) == (None, len(SERIES))


async def test_a_run_that_can_still_be_trained_is_left_alone(world: World):
    await planned(world)
    overdue(world, days=6)
    await world.run(wish())
    run = await world.storage.run("run")
    assert run is not None
    assert run.state == "running"
    assert world.data(RetrainCompleted) == []
    assert world.data(PruneCompleted)[0].given_up == 0


@pytest.mark.parametrize("at", ["publish", "commit"])
async def test_a_pruner_killed_at_its_end_still_says_which_runs_have_ended(world: World, at):
    await planned(world)
    overdue(world)
    await world.host.publish([wish()])
    with pytest.raises(Killed):
        await dying(world, "pruner", at).drain()
    await world.host.settle()
    [completed] = {event.failed for event in world.data(RetrainCompleted)}
    assert completed == 5
    assert len(world.data(PruneCompleted)) == 1


async def aged(world: World) -> None:
    """Three runs of a year ago, the champions of the last."""
    for n, run_id in enumerate(("first", "second", "third")):
        await world.run(request(run_id, NOW - timedelta(days=400 - n)))
        world.storage.planned_at[run_id] = NOW - timedelta(days=400 - n)
    trained = {
        model_id: replace(model, trained_at=NOW - timedelta(days=400))
        for model_id, model in world.storage.stored.items()
    }
    world.storage.stored.update(trained)


async def test_what_is_kept_for_no_longer_goes_and_what_serves_stays(world: World):
    await aged(world)
    served = [await world.storage.forecast(*series) for series in SERIES]
    assert None not in served
    pruned = Pruner(world.storage, Retention(versions=1), lambda: NOW)
    [done] = await pruned([wish()])
    assert isinstance(done.data, PruneCompleted)
    assert done.data.complete
    assert done.data.rows == dict.fromkeys(TABLES, 0) | {
        "forecasts": 2 * 5 * 7,
        "model_versions": 5,
        "training_results": 3 * 5,
        "training_runs": 1,
    }
    assert [await world.storage.forecast(*series) for series in SERIES] == served
    [again] = await pruned([wish("again")])
    assert again.data.rows == dict.fromkeys(TABLES, 0)


async def test_by_default_nothing_goes_of_a_system_that_is_new(world: World):
    await world.run(request())
    before = world.state()
    at = min(world.storage.planned_at.values())
    await Pruner(world.storage, clock=lambda: at)([wish(at=at)])
    assert world.state() == before


async def test_a_request_from_the_future_lets_nothing_go_that_is_to_be_kept(world: World):
    await aged(world)
    before = world.state()
    tomorrow = NOW + timedelta(days=36_000)
    pruner = Pruner(world.storage, clock=lambda: NOW - timedelta(days=390))
    [done] = [e for e in await pruner([wish(at=tomorrow)]) if isinstance(e.data, PruneCompleted)]
    assert sum(done.data.rows.values()) == 0
    assert world.state() == before


async def test_requests_that_come_together_are_one_pruning(world: World):
    await aged(world)
    first, second = await Pruner(world.storage, clock=lambda: NOW)([wish(), wish("too")])
    assert first.data == second.data
    assert (first.causation_id, second.causation_id) == ("prune", "too")


class Endless(MemoryStorage):
    """Has always more to let go, and is held up now and then; every step takes a second."""

    def __init__(self) -> None:
        super().__init__()
        self.now, self.steps, self.most = NOW, 0, 0

    async def prune(
        self, table: Table, limits: Limits, at: Series | None, most: int
    ) -> Pruned | None:
        self.steps, self.most = self.steps + 1, max(self.most, most)
        self.now += timedelta(seconds=1)
        return None if self.steps % 10 == 0 else Pruned(most, complete=False, at=at)


async def test_a_pruning_ends_in_time_rests_as_long_as_it_works_and_says_that_it_goes_on():
    storage = Endless()
    rests: list[float] = []

    async def rest(seconds: float) -> None:
        rests.append(seconds)
        storage.now += timedelta(seconds=seconds)

    pruner = Pruner(storage, clock=lambda: storage.now, pause=rest)
    [done] = await pruner([wish()])
    assert isinstance(done.data, PruneCompleted)
    assert not done.data.complete
    assert storage.now - NOW <= MAX_TIME + timedelta(seconds=2)
    assert set(rests) == {1.0}
    assert storage.steps == len(rests) == MAX_TIME.total_seconds() / 2
    assert storage.most == MAX_ROWS
    assert done.data.rows == {"forecasts": storage.steps * 9 // 10 * MAX_ROWS}
