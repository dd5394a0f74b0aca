"""A shard that kills or outlasts its process is counted in the database, and ends."""

import asyncio
import re
import threading
from concurrent.futures import BrokenExecutor

import pytest

from events.envelope import Event
from events.errors import Refusal
from events.pace import MAX_BATCH_SECONDS
from events.payloads import Payload, RetrainCompleted, TrainingFailed
from functions.forecasting.series.panel import Panel
from functions.trainer import MAX_DELIVERIES, Trainer
from tests.unit.functions.test_trainer import shard
from tests.unit.functions.world import NOON, SERIES, Crash, MeanEngine, World, request


class Killed(BaseException):
    """The process is gone: nothing that it would have done afterwards is done."""


class KillingEngine(MeanEngine):
    """Raises `error` for a panel with a series of `deadly`."""

    def __init__(self, error: BaseException, *deadly: tuple[str, str]) -> None:
        super().__init__()
        self.error, self.deadly = error, set(deadly)

    def walk_forward(self, panel: Panel, strategies, design, blocks, backtest):
        if self.deadly & set(panel.keys):
            raise self.error
        return super().walk_forward(panel, strategies, design, blocks, backtest)


class WaitingEngine(MeanEngine):
    """Says that it began, and waits until it may go on; for one series only, if it names it."""

    def __init__(self) -> None:
        super().__init__()
        self.began, self.may_end = threading.Event(), threading.Event()
        self.waits_for: tuple[str, str] | None = None

    def walk_forward(self, panel: Panel, strategies, design, blocks, backtest):
        if self.waits_for is None or self.waits_for in panel.keys:
            self.began.set()
            self.may_end.wait()
        return super().walk_forward(panel, strategies, design, blocks, backtest)


def world_of(engine: MeanEngine) -> World:
    made = World(engine=engine)
    made.sell(*SERIES)
    return made


def trainer(world: World, engine: MeanEngine, seconds=lambda: 0.0) -> Trainer:
    """A trainer of a new process."""
    return Trainer(world.storage, engine, {}, clock=lambda: NOON, seconds=seconds)


async def test_a_shard_that_kills_its_process_ends_as_a_dead_letter_and_its_run_completes():
    engine = KillingEngine(Killed(), SERIES[0])
    world = world_of(engine)
    await world.host.publish([request()])
    await world.host.subscriber("planner").drain()
    for _ in range(MAX_DELIVERIES):
        with pytest.raises(Killed):
            await world.host.subscriber("trainer").drain()
    await world.host.settle()
    [letter] = world.letters()
    assert letter.error == "Refusal"
    assert (
        f"shard 0 of run run, of 2 series, was delivered {MAX_DELIVERIES} times" in letter.message
    )
    states = {series: world.storage.results["run", series] for series in SERIES}
    assert [states[key].state for key in SERIES] == ["failed"] * 2 + ["succeeded"] * 3
    assert "never came back" in (states[SERIES[1]].error or "")
    assert [done.failed for done in world.data(RetrainCompleted)] == [2]


async def test_a_replayed_shard_is_counted_anew():
    engine = KillingEngine(Killed(), SERIES[0])
    world = world_of(engine)
    for _ in range(MAX_DELIVERIES):
        with pytest.raises(Killed):
            await trainer(world, engine)([shard(*SERIES[:2])])
    for _ in range(3):  # alone and in a batch, and after a crash before its letter was sent
        with pytest.raises(Refusal):
            await trainer(world, engine)([shard(*SERIES[:2])])
    await world.storage.fail_shard("run", 0, "dead-lettered", NOON)
    engine.deadly.clear()
    assert len(await trainer(world, engine)([shard(*SERIES[:2])])) == 2


async def test_what_came_back_counts_for_nothing_however_often_it_is_delivered():
    engine = KillingEngine(Crash("a bug"), SERIES[0])
    world = world_of(engine)
    for _ in range(MAX_DELIVERIES + 2):
        with pytest.raises(Crash):
            await trainer(world, engine)([shard(*SERIES[:2])])
    engine.deadly.clear()
    for _ in range(MAX_DELIVERIES + 2):  # published, and read again before the commit
        assert len(await trainer(world, engine)([shard(*SERIES[:2])])) == 2


async def test_deliveries_before_one_that_came_back_are_forgotten():
    engine = KillingEngine(Killed(), SERIES[0])
    world = world_of(engine)
    for _ in range(2):
        for _ in range(MAX_DELIVERIES - 1):
            with pytest.raises(Killed):
                await trainer(world, engine)([shard(*SERIES[:2])])
        engine.deadly.clear()
        await trainer(world, engine)([shard(*SERIES[:2])])
        engine.deadly.add(SERIES[0])


async def cut_short(world: World, seconds: list[float]) -> None:
    """A delivery whose process ends in the middle, after so many seconds of its batch."""
    ticks = iter(seconds)
    await ended_in_the_middle(
        trainer(world, WaitingEngine(), lambda: next(ticks)), [shard(*SERIES[:2])]
    )


async def ended_in_the_middle(replica: Trainer, shards: list[Event[Payload]]) -> None:
    engine = replica._engine
    assert isinstance(engine, WaitingEngine)
    task = asyncio.create_task(replica(shards))
    await asyncio.to_thread(engine.began.wait)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    engine.may_end.set()


async def test_an_ordinary_end_of_the_process_uses_up_no_delivery():
    world = world_of(MeanEngine())
    for _ in range(MAX_DELIVERIES + 1):
        await cut_short(world, [0.0, MAX_BATCH_SECONDS - 1])
    assert len(await trainer(world, MeanEngine())([shard(*SERIES[:2])])) == 2


async def test_a_batch_that_outlasts_its_process_is_refused_in_the_end():
    world = world_of(MeanEngine())
    for _ in range(MAX_DELIVERIES):
        await cut_short(world, [0.0, MAX_BATCH_SECONDS])
    with pytest.raises(Refusal, match="outlasts it"):
        await trainer(world, MeanEngine())([shard(*SERIES[:2])])


async def test_a_shard_that_follows_a_long_one_is_not_blamed_for_the_time_of_that_one():
    world = world_of(MeanEngine())
    long, sound = shard(*SERIES[:2]), shard(*SERIES[2:4], shard=1)
    for _ in range(MAX_DELIVERIES + 1):
        engine = WaitingEngine()
        engine.waits_for = SERIES[2]
        # The long one ends a second before the host takes the replica for stuck.
        ticks = iter([0.0, MAX_BATCH_SECONDS - 1, MAX_BATCH_SECONDS + 1])
        await ended_in_the_middle(trainer(world, engine, lambda t=ticks: next(t)), [long, sound])
    assert len(await trainer(world, MeanEngine())([long, sound])) == 4


async def test_rebalances_while_a_shard_is_trained_use_up_no_delivery():
    world = world_of(MeanEngine())
    engines = [WaitingEngine() for _ in range(MAX_DELIVERIES + 1)]
    members = []
    for engine in engines:  # each gets it while those before have it in hand
        members.append(asyncio.create_task(trainer(world, engine)([shard(*SERIES[:2])])))
        members[-1].add_done_callback(lambda _, began=engine.began: began.set())
        await asyncio.to_thread(engine.began.wait)
    counted = dict(world.storage.deliveries)
    for engine in engines:
        engine.may_end.set()
    assert counted == {("run", 0): 1}
    assert [len(results) for results in await asyncio.gather(*members)] == [2] * len(engines)


async def test_a_killed_fitting_process_counts_once_for_each_process_that_met_it():
    engine = KillingEngine(BrokenExecutor("killed"), SERIES[0])
    world = world_of(engine)
    for _ in range(MAX_DELIVERIES):
        replica = trainer(world, engine)
        for _ in range(4):  # an outage: tried again until the host replaces the replica
            with pytest.raises(BrokenExecutor):
                await replica([shard(*SERIES[:2])])
    with pytest.raises(Refusal):
        await trainer(world, engine)([shard(*SERIES[:2])])


async def test_a_cancelled_shard_was_never_handed_over():
    world = world_of(MeanEngine())
    await world.host.publish([request()])
    await world.host.subscriber("planner").drain()
    await world.storage.cancel("run", NOON)
    await world.host.settle()
    assert world.storage.deliveries == {}


async def test_a_model_too_large_for_an_event_fails_its_own_series_alone():
    class Verbose(MeanEngine):
        def _fit(self, panel: Panel, i: int):
            made = super()._fit(panel, i)
            if panel.keys[i] != SERIES[0]:
                return made
            many = tuple([0.1] * 150_000)
            return type(made)(**{**vars(made), "delta": many, "changepoints_t": many})

    world = world_of(Verbose())
    await world.run(request(policy="always", strategy="windowed"))
    assert world.letters() == []
    [failure] = world.data(TrainingFailed)
    assert (failure.store, failure.product) == SERIES[0]
    assert re.search(
        r"an event of 1,2\d\d,\d{3} bytes for the topic training-results, which takes 1,044,480",
        failure.reason,
    )
    assert [done.succeeded for done in world.data(RetrainCompleted)] == [len(SERIES) - 1]
