from datetime import date, timedelta

import pytest

from events.envelope import Event, first_event
from events.errors import Refusal
from events.payloads import (
    CancelRequested,
    RetrainCoalesced,
    RetrainCompleted,
    SeriesRef,
    TrainingShardRequested,
)
from functions.planner import Planner
from infra.memory.storage import MemoryStorage
from tests.unit.events.examples import SALE
from tests.unit.functions.world import LAST_DAY, NOON, SERIES, World, request


def planner(storage: MemoryStorage, most: int = 2) -> Planner:
    return Planner(storage, most, 1000, clock=lambda: NOON)


async def test_the_first_day_to_forecast_follows_the_day_that_most_series_have_reached(
    world: World,
):
    world.sell(("3", "milk"), days=1, last=LAST_DAY + timedelta(days=3))
    everything = await planner(world.storage)([request("all")])
    one = await planner(world.storage)([request("one", store="3")])
    assert {event.data.as_of for event in everything} == {LAST_DAY + timedelta(days=1)}
    assert {event.data.as_of for event in one} == {NOON.date() + timedelta(days=1)}, "by the clock"


async def test_what_is_asked_for_is_planned(world: World):
    [shard] = await planner(world.storage)([request(store="3", as_of=LAST_DAY, horizon=14)])
    assert isinstance(shard.data, TrainingShardRequested)
    assert (shard.data.as_of, shard.data.horizon) == (LAST_DAY, 14)
    assert (shard.correlation_id, shard.causation_id, shard.time) == ("run", "run", NOON)


async def test_a_day_before_all_sales_of_the_scope_is_refused(world: World):
    first = LAST_DAY - timedelta(days=29)
    with pytest.raises(Refusal) as refused:
        await planner(world.storage)([request(as_of=first - timedelta(days=9))])
    assert str(refused.value) == (
        "as_of: 2015-06-23 is before any sales of '1/milk', '1/rye', '2/milk', '2/rye', '3/milk'; "
        "the first day is 2015-07-02, choose a later one"
    )
    with pytest.raises(Refusal, match="as_of: 2015-07-02 is the first day of sales of '3/milk'; "):
        await planner(world.storage)([request(store="3", as_of=first)])
    with pytest.raises(Refusal, match="as_of: 1900-01-01 is before any sales of '1/rye'; the"):
        await planner(world.storage)([request(series=refs(SERIES[1]), as_of=date(1900, 1, 1))])
    assert world.storage.plans == {}


async def test_a_day_before_the_sales_of_some_of_the_scope_is_planned(world: World):
    world.sell(SERIES[0], days=60)
    await planner(world.storage)([request(as_of=LAST_DAY - timedelta(days=40))])
    assert planned(world) == list(SERIES)


async def test_without_sales_any_day_is_planned_as_nothing():
    [completed] = await planner(MemoryStorage())([request(as_of=date(1900, 1, 1))])
    assert completed.data == RetrainCompleted(run_id="run", planned=0, succeeded=0, failed=0)


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


def planned(world: World, run_id: str = "run") -> list[tuple[str, str]]:
    return [series for shard in world.storage.plans[run_id].shards for series in shard]


def refs(*series: tuple[str, str]) -> tuple[SeriesRef, ...]:
    return tuple(SeriesRef(store=store, product=product) for store, product in series)


async def test_only_the_series_that_are_named_are_planned_in_order(world: World):
    await planner(world.storage)([request(series=refs(SERIES[3], SERIES[0]))])
    assert planned(world) == [SERIES[0], SERIES[3]]
    assert world.storage.plans["run"].named


async def test_a_named_series_without_sales_is_refused_by_name(world: World):
    with pytest.raises(Refusal, match=r"series: no sales are known of '7/x', '8/y'; import"):
        await planner(world.storage)([request(series=refs(("8", "y"), SERIES[0], ("7", "x")))])
    many = refs(*((f"{n}", "x") for n in range(10, 20)))
    with pytest.raises(Refusal, match=r"'14/x' and 5 more; import"):
        await planner(world.storage)([request(series=many)])


async def test_only_what_failed_in_a_run_is_planned(world: World):
    world.close(SERIES[1], SERIES[4])
    await world.run(request("first"))
    await planner(world.storage)([request("all", failed_in="first")])
    await planner(world.storage)([request("one", store="1", failed_in="first")])
    assert planned(world, "all") == [SERIES[1], SERIES[4]]
    assert planned(world, "one") == [SERIES[1]]
    with pytest.raises(Refusal, match="failed_in: there is no run 'nothing'; GET /runs"):
        await planner(world.storage)([request("none", failed_in="nothing")])


async def test_only_series_with_an_older_champion_or_none_are_planned(world: World):
    old = LAST_DAY - timedelta(days=10)
    await world.run(request("old", as_of=old), request("new", store="1"))
    world.sell(("4", "never"))
    days = (LAST_DAY + timedelta(days=1) - old).days
    await planner(world.storage)([request("some", older_than_days=days - 1)])
    assert planned(world, "some") == [*SERIES[2:], ("4", "never")]
    await planner(world.storage)([request("less", older_than_days=days)])
    assert planned(world, "less") == [("4", "never")]


async def test_a_run_that_is_left_with_nothing_is_completed_at_once(world: World):
    await world.run(request("first"))
    [completed] = await planner(world.storage)([request(failed_in="first")])
    assert completed.data == RetrainCompleted(run_id="run", planned=0, succeeded=0, failed=0)


async def test_shards_are_cut_by_the_days_that_a_training_reads(world: World):
    world.sell(SERIES[0], days=900)  # of which a window of 120 days needs a year
    plans = Planner(world.storage, 100, 1000, clock=lambda: NOON)
    await plans([request(name, strategy=name) for name in ("windowed", "full")])
    assert list(map(len, world.storage.plans["windowed"].shards)) == [5]
    assert list(map(len, world.storage.plans["full"].shards)) == [1, 4]


@pytest.mark.parametrize(("asked", "stored"), [(None, "if-better"), ("never", "never")])
async def test_the_policy_goes_from_the_request_or_the_setting_to_every_shard(
    world: World, asked, stored
):
    shards = await planner(world.storage)([request(policy=asked)])
    assert {event.data.policy for event in shards} == {stored}
    assert world.storage.plans["run"].policy == stored


async def test_a_run_of_few_series_goes_the_express_lane_and_a_cancel_too(world: World):
    plans = Planner(world.storage, 100, 1000, express_series=2, clock=lambda: NOON)
    few = await plans([request("few", store="1")])
    many = await plans([request("many")])
    assert {event.lane for event in few} == {"express"}
    assert {event.lane for event in many} == {"bulk"}
    assert request(store="1", product="milk").lane == "express"
    assert request(series=refs(*SERIES)).lane == "express"
    assert request(series=refs(*((f"{n}", "x") for n in range(17)))).lane == "bulk"
    assert {request().lane, request(store="1").lane} == {"bulk"}
    assert cancel("many").lane == "express"


def cancel(run_id: str) -> Event[CancelRequested]:
    data = CancelRequested(run_id=run_id, requested_by="test")
    return first_event(data, "test", event_id=f"cancel-{run_id}", time=NOON)


async def test_a_cancelled_run_ends_with_what_it_has(world: World):
    await world.host.publish([request()])
    await world.host.subscriber("planner").drain()
    [completed] = await planner(world.storage)([cancel("run")])
    assert completed.data == RetrainCompleted(
        run_id="run", planned=5, succeeded=0, failed=0, cancelled=5
    )
    assert completed.correlation_id == "run"
    assert await planner(world.storage)([cancel("run")]) == [completed]


async def test_a_run_that_has_ended_stays_as_it_is_and_says_so_again(world: World):
    await world.run(request())
    [said] = [e for e in world.host.events("runs") if isinstance(e.data, RetrainCompleted)]
    [again] = await planner(world.storage)([cancel("run")])
    assert (again.id, again.data) == (said.id, said.data)


async def test_a_cancel_that_means_no_run_of_its_own_is_refused(world: World):
    with pytest.raises(Refusal, match="run_id: there is no run 'nothing' to cancel"):
        await planner(world.storage)([cancel("nothing")])
    await planner(world.storage)([request("first"), request("second")])
    with pytest.raises(Refusal, match="run 'second' was coalesced into 'first'; cancel that one"):
        await planner(world.storage)([cancel("second")])


async def test_a_repeat_of_what_is_under_way_is_coalesced_and_says_so_every_time(world: World):
    await planner(world.storage)([request("first")])
    [said] = await planner(world.storage)([request("second")])
    assert said.data == RetrainCoalesced(run_id="second", into="first")
    await world.run(request("first"))
    assert await planner(world.storage)([request("second")]) == [said]
    third = await planner(world.storage)([request("third")])
    assert {type(event.data) for event in third} == {TrainingShardRequested}


@pytest.mark.parametrize(
    "other",
    [
        {"store": "1"},
        {"strategy": "full"},
        {"horizon": 9},
        {"as_of": LAST_DAY},
        {"policy": "never"},
        {"series": refs(*SERIES)},
        {"older_than_days": 3},
    ],
)
async def test_what_differs_in_any_wish_is_a_run_of_its_own(world: World, other):
    await planner(world.storage)([request("first"), request("second", **other)])
    assert world.storage.plans["second"].coalesced_into is None


async def test_the_same_named_series_in_another_order_are_the_same_wish(world: World):
    await planner(world.storage)([request("first", series=refs(*SERIES))])
    await planner(world.storage)([request("second", series=refs(*reversed(SERIES)))])
    assert world.storage.plans["second"].coalesced_into == "first"


async def test_events_of_other_types_are_passed_over(world: World):
    assert await planner(world.storage)([first_event(SALE, "test")]) == []
