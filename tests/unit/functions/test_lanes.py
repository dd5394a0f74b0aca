"""Two lanes, and runs that end early or never begin: what travels where, and what comes of it."""

from collections.abc import Sequence

import pytest

from events.cloudevents import decode, encode
from events.envelope import Event, first_event
from events.payloads import (
    CancelRequested,
    ForecastPublished,
    ModelTrained,
    RetrainCoalesced,
    RetrainCompleted,
    SeriesRef,
    TrainingShardRequested,
)
from events.topics import TOPICS, bulk
from functions.catalog import EXPRESS, FUNCTIONS
from functions.records import Counts
from tests.unit.functions.world import NOON, SERIES, Crash, World, request

EXPRESS_TOPICS = [name for name in TOPICS if name != bulk(name)]
LANELESS = {"promotion-requests", "dead-letters"}  # few events, so one function reads them
PASSED = [bulk(name) for name in EXPRESS_TOPICS]


def named(*series: tuple[str, str]) -> tuple[SeriesRef, ...]:
    return tuple(SeriesRef(store=store, product=product) for store, product in series)


def cancel(run_id: str = "run") -> Event[CancelRequested]:
    data = CancelRequested(run_id=run_id, requested_by="test")
    return first_event(data, "test", event_id=f"cancel-{run_id}", time=NOON)


def counts(world: World, run_id: str = "run") -> Counts:
    return world.storage.counts_of(run_id)


async def cancelled(world: World, run_id: str = "run") -> None:
    """The run is cancelled before any other function does anything, and all settles."""
    await world.host.publish([cancel(run_id)])
    await drain(world, "express-planner")
    await world.host.settle()


async def drain(world: World, *names: str) -> None:
    for name in names:
        await world.host.subscriber(name).drain()


@pytest.fixture
def fast() -> World:
    world = World(express_series=len(SERIES))
    world.sell(*SERIES)
    return world


async def test_the_lane_of_an_event_is_kept_on_the_wire_and_by_what_it_causes():
    express = request(store="1", product="milk")
    _, value, headers = encode(express)
    assert decode(value, headers).lane == "express"
    _, value, headers = encode(request())
    assert decode(value, headers).lane == "bulk"
    assert express.effect(RetrainCoalesced(run_id="a", into="b"), "test").lane == "express"


async def test_a_run_of_few_series_touches_no_topic_of_the_bulk_lane(fast: World):
    await fast.run(request(series=named(*SERIES)))
    records = fast.host.log.records
    passed = [topic for topic in EXPRESS_TOPICS if not topic.startswith("forecast-requests")]
    assert [topic for topic in passed if not records(topic)] == []
    assert [topic for topic in PASSED if records(topic)] == []
    assert len(fast.data(ForecastPublished)) == 5
    assert fast.data(RetrainCompleted)[-1].succeeded == 5


async def test_a_run_of_many_series_touches_no_topic_of_the_express_lane(world: World):
    await world.run(request())
    assert [topic for topic in EXPRESS_TOPICS if world.host.log.records(topic)] == []


async def test_a_single_series_is_forecast_while_a_full_run_waits_before_every_function():
    world = World(express_series=1)
    world.sell(*SERIES)
    await world.host.publish([request("full", horizon=9)])
    await drain(world, "planner", "trainer", "registry")  # results and promotions are queued
    await world.host.publish([request("more", horizon=10)])  # and so is a plan
    await world.host.publish([request("single", store="1", product="milk")])
    await drain(world, *(name for name, f in FUNCTIONS.items() if f.process == EXPRESS))
    assert [f.run_id for f in world.data(ForecastPublished)] == ["single"]
    assert counts(world, "single") == Counts(1, 1, 0)


async def test_the_functions_of_the_lanes_share_no_group_and_no_topic_of_a_run():
    pairs = [(FUNCTIONS[name], FUNCTIONS[f"{EXPRESS}-{name}"]) for name in
             ("planner", "trainer", "registry", "forecaster")]  # fmt: skip
    for slow, fast in pairs:
        assert slow.group != fast.group
        assert not set(slow.inputs) & set(fast.inputs)
        assert set(map(bulk, fast.inputs)) == set(map(bulk, slow.inputs)) - LANELESS


async def test_a_replayed_dead_letter_of_the_express_lane_stays_on_it(fast: World):
    fast.engine.poison = {SERIES[2]}
    await fast.run(request(series=named(*SERIES)))
    [letter] = fast.letters()
    assert letter.topic == "training-shards-express"
    assert counts(fast) == Counts(5, 3, 2)
    fast.engine.poison = set()
    await fast.host.log.producer().send([letter.original(), letter.tombstone()])
    await fast.host.settle()
    assert counts(fast) == Counts(5, 5, 0)
    assert [topic for topic in PASSED if fast.host.log.records(topic)] == []


async def test_a_given_up_request_of_the_express_lane_fails_what_was_planned_for_it(fast: World):
    asked = request(series=named(*SERIES))
    await fast.host.publish([asked])
    await drain(fast, "express-planner")
    fast.storage.failed_in = dies  # type: ignore[method-assign]
    fast.storage.plan, plan = dies, fast.storage.plan  # type: ignore[method-assign]
    await fast.host.publish([asked])
    await drain(fast, "express-planner")
    fast.storage.plan = plan  # type: ignore[method-assign]
    await drain(fast, "registry")
    assert counts(fast) == Counts(5, 0, 5)


async def dies(*_: object) -> None:
    raise Crash("a bug")


async def started(*, trained: int) -> World:
    """A run of three shards, planned, of which some are trained and recorded."""
    world = World()
    world.sell(*SERIES)
    await world.host.publish([request()])
    await drain(world, "planner")
    shards = [e for e in world.host.events("training-shards") if e.data.shard < trained]
    results = await FUNCTIONS["trainer"].build(world.dependencies)(shards)
    await FUNCTIONS["registry"].build(world.dependencies)(results)
    return world


def trained_series(world: World) -> set[tuple[str, str]]:
    return {(m.store, m.product) for m in world.data(ModelTrained)}


async def test_a_cancelled_run_trains_nothing_more_and_keeps_what_it_has():
    world = await started(trained=1)
    await cancelled(world)
    assert counts(world) == Counts(5, 2, 0, 3)
    assert trained_series(world) == set(), "what has a result is not trained again, nor the rest"
    said = [(c.succeeded, c.failed, c.cancelled) for c in world.data(RetrainCompleted)]
    assert said == [(2, 0, 3)]
    assert len(world.storage.stored) == 2
    assert world.letters() == []


async def test_a_cancel_spares_the_engine(world: World):
    await world.host.publish([request()])
    await drain(world, "planner")
    world.engine.poison = set(SERIES)  # to touch it now would be a dead letter
    await cancelled(world)
    assert world.letters() == []
    assert counts(world) == Counts(5, 0, 0, 5)


async def test_a_result_that_was_under_way_when_its_run_was_cancelled_counts(world: World):
    await world.host.publish([request()])
    await drain(world, "planner", "trainer")
    await cancelled(world)
    assert counts(world) == Counts(5, 5, 0)
    said = [(c.succeeded, c.cancelled) for c in world.data(RetrainCompleted)]
    assert said == [(0, 5), (5, 0)], "said again when the counts change"
    assert len(world.data(ForecastPublished)) == 5


async def test_a_failure_that_was_under_way_leaves_its_series_cancelled(world: World):
    world.close(SERIES[0])
    await world.host.publish([request()])
    await drain(world, "planner", "trainer")
    await cancelled(world)
    assert counts(world) == Counts(5, 4, 0, 1)


async def test_a_cancelled_run_that_is_planned_again_stays_cancelled():
    world = await started(trained=1)
    await cancelled(world)
    state, ids = world.state(), world.ids()
    await world.run(request())
    await cancelled(world)
    assert world.state() == state
    assert world.ids() == ids


async def test_a_cancel_of_no_run_is_a_dead_letter_and_harms_no_run(world: World):
    await world.run(request())
    await world.run(cancel("nothing"))
    [letter] = world.letters()
    assert "there is no run 'nothing' to cancel" in letter.message
    odd = first_event(cancel("nothing").data, "test", event_id="run", correlation_id="run")
    await world.run(odd)
    assert len(world.letters()) == 2
    assert counts(world) == Counts(5, 5, 0), "an id like a run's does not make it that run's"


async def test_what_is_coalesced_trains_nothing_of_its_own(world: World):
    await world.run(request("first"), request("second"), request("third", horizon=9))
    assert {m.run_id for m in world.data(ModelTrained)} == {"first", "third"}
    assert world.data(RetrainCoalesced) == [RetrainCoalesced(run_id="second", into="first")]
    run = await world.storage.run("second")
    assert run is not None
    assert (run.state, run.coalesced_into) == ("coalesced", "first")


async def test_a_repeat_after_the_run_was_cancelled_is_a_run_of_its_own(world: World):
    await world.host.publish([request("first")])
    await drain(world, "planner")
    await cancelled(world, "first")
    await world.run(request("second"))
    assert world.data(RetrainCoalesced) == []
    assert counts(world, "second") == Counts(5, 5, 0)


async def test_only_what_failed_is_trained_again(world: World):
    world.close(SERIES[1])
    await world.run(request("first"))
    world.sell(SERIES[1])
    await world.run(request("again", failed_in="first"))
    again: Sequence[TrainingShardRequested] = [
        shard for shard in world.data(TrainingShardRequested) if shard.run_id == "again"
    ]
    assert [shard.series for shard in again] == [named(SERIES[1])]
    assert counts(world, "again") == Counts(1, 1, 0)
