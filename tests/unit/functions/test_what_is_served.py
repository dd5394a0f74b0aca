"""The invariant: what is served is always the coming days, as they were asked for last."""

import asyncio
from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.functions.test_lanes import cancelled
from tests.unit.functions.world import LAST_DAY, NOON, SERIES, World, promotion, request

DAY = timedelta(days=1)
POLICIES = ("always", "if-better", "never", None)
HARMS = ("nothing", "unfit", "poison", "closed")


async def served(world: World, series: tuple[str, str]) -> tuple[date, int] | None:
    found = await world.storage.forecast(*series)
    return None if found is None else (found.days[0].date, len(found.days))


async def champions(world: World) -> set[tuple[str, str]]:
    return set(await world.storage.champions(SERIES))


one_run = st.tuples(
    st.sampled_from(POLICIES),
    st.sampled_from(HARMS),
    st.integers(-20, 7),  # the first day, from the newest sales on
    st.integers(7, 14),  # the horizon
    st.sampled_from([None, "1", "2"]),  # the store
)


@settings(max_examples=40, deadline=None)
@given(st.lists(one_run, min_size=1, max_size=5))
def test_after_every_run_each_champion_serves_the_days_that_the_run_asked_for(runs):
    asyncio.run(check(runs))


async def check(runs) -> None:
    world = World()
    world.sell(*SERIES)
    before = dict(world.storage.sales)
    for number, (policy, harm, ahead, horizon, store) in enumerate(runs):
        world.storage.sales = dict(before)
        world.engine.unfit = {SERIES[0]: "odd"} if harm == "unfit" else {}
        world.engine.poison = {SERIES[0]} if harm == "poison" else set()
        if harm == "closed":
            world.close(SERIES[0])
        as_of = LAST_DAY + ahead * DAY
        await world.run(
            request(
                f"run-{number}",
                NOON + number * timedelta(hours=1),
                policy=policy,
                as_of=as_of,
                horizon=horizon,
                store=store,
            )
        )
        in_scope = {series for series in SERIES if store in (None, series[0])}
        for series in in_scope & await champions(world):
            assert await served(world, series) == (as_of, horizon), (number, series)


async def test_one_run_that_began_too_late_is_taken_back_by_the_next(world: World):
    late = LAST_DAY + 7 * DAY
    await world.run(request("late", as_of=late, policy="always"))
    assert {(await served(world, s))[0] for s in SERIES} == {late}
    await world.run(request("right", NOON + timedelta(hours=1)))
    assert {(await served(world, s))[0] for s in SERIES} == {LAST_DAY + DAY}
    for series in SERIES:
        found = await world.storage.forecast(*series)
        assert found is not None
        assert found.version == 2, "asked for later, of the same sales: it is the newer model"


@pytest.mark.parametrize("fields", [{"run_id": "second"}, {}])
async def test_a_rollback_serves_the_days_after_the_newest_sales(world: World, fields):
    await world.run(request("first"))
    await world.run(
        request("second", NOON + timedelta(hours=1), as_of=LAST_DAY + 7 * DAY, policy="always")
    )
    later = NOON + timedelta(hours=2)
    await world.run(promotion("rollback", *(() if fields else SERIES), at=later, **fields))
    for series in SERIES:
        found = await world.storage.forecast(*series)
        assert found is not None
        assert (found.version, found.days[0].date) == (1, LAST_DAY + DAY)


async def test_an_early_till_moves_nobody_else(world: World):
    world.sell(("3", "milk"), days=1, last=LAST_DAY + 2 * DAY)
    await world.run(request())
    assert {(await served(world, s))[0] for s in SERIES} == {LAST_DAY + DAY}


async def test_where_no_model_may_win_the_champion_forecasts_on(world: World):
    await world.run(request("first"))
    for week in range(1, 4):
        world.sell(*SERIES, days=7, last=LAST_DAY + 7 * week * DAY)
        await world.run(request(f"week-{week}", NOON + week * timedelta(days=7), policy="never"))
        first = LAST_DAY + (7 * week + 1) * DAY
        assert {(await served(world, s)) for s in SERIES} == {(first, 7)}
    assert {m.version for m in (await world.storage.champions(SERIES)).values()} == {1}


async def test_a_request_that_is_read_again_trains_nothing_again(world: World):
    await world.run(request())
    shards = len(world.host.events("training-shards"))
    await world.run(request())
    assert len(world.host.events("training-shards")) == shards


async def test_corrected_sales_are_in_the_model_that_is_asked_for_after_them(world: World):
    await world.host.publish([request("old")])
    for name in ("planner", "trainer", "registry"):
        await world.host.subscriber(name).drain()
    world.sell(*SERIES, units=1000)
    await world.run(request("new", NOON + timedelta(hours=1), policy="always"))
    assert world.storage.plans["new"].coalesced_into is None
    for series in SERIES:
        found = await world.storage.forecast(*series)
        assert found is not None
        assert min(day.yhat for day in found.days) > 900


async def test_a_request_younger_than_the_cancel_of_the_run_it_counted_on_is_done(world: World):
    await world.host.publish([request("a", NOON - timedelta(hours=1))])
    await world.host.subscriber("planner").drain()
    await world.host.publish([request("b", NOON + timedelta(hours=1))])
    await world.host.subscriber("planner").drain()
    assert world.storage.plans["b"].coalesced_into == "a"
    await cancelled(world, "a")
    run = await world.storage.run("b")
    assert run is not None
    assert (run.state, run.counts.succeeded) == ("completed", 5)
    assert {r.state for r in world.storage.results_of("a")} == {"cancelled"}
