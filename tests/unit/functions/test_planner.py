from datetime import timedelta

import pytest

from events.envelope import first_event
from events.errors import Refusal
from events.payloads import RetrainCompleted, TrainingShardRequested
from functions.planner import Planner
from infra.memory.storage import MemoryStorage
from tests.unit.events.examples import SALE
from tests.unit.functions.world import LAST_DAY, NOON, World, request


def planner(storage: MemoryStorage, most: int = 2) -> Planner:
    return Planner(storage, most, 1000, clock=lambda: NOON)


async def test_the_first_day_to_forecast_follows_the_newest_sale(world: World):
    world.sell(("3", "milk"), days=1, last=LAST_DAY + timedelta(days=3))
    everything = await planner(world.storage)([request("all")])
    store = await planner(world.storage)([request("one", store="1")])
    assert {event.data.as_of for event in everything} == {LAST_DAY + timedelta(days=4)}
    assert {event.data.as_of for event in store} == {LAST_DAY + timedelta(days=1)}


async def test_what_is_asked_for_is_planned(world: World):
    [shard] = await planner(world.storage)([request(store="3", as_of=LAST_DAY, horizon=14)])
    assert isinstance(shard.data, TrainingShardRequested)
    assert (shard.data.as_of, shard.data.horizon) == (LAST_DAY, 14)
    assert (shard.correlation_id, shard.causation_id, shard.time) == ("run", "run", NOON)


async def test_without_sales_the_clock_says_the_day():
    storage = MemoryStorage()
    [completed] = await planner(storage)([request()])
    assert completed.data == RetrainCompleted(run_id="run", planned=0, succeeded=0, failed=0)
    assert storage.plans["run"].as_of == NOON.date() + timedelta(days=1)


async def test_a_refused_request_leaves_no_plan(world: World):
    with pytest.raises(Refusal, match="import its sales first"):
        await planner(world.storage)([request(store="77")])
    assert world.storage.plans == {}


async def test_a_plan_that_is_stored_is_not_checked_again(world: World):
    first = await planner(world.storage)([request(store="1")])
    world.storage.sales.clear()
    assert await planner(world.storage, most=1)([request(store="1")]) == first


async def test_events_of_other_types_are_passed_over(world: World):
    assert await planner(world.storage)([first_event(SALE, "test")]) == []
