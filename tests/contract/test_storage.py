"""What every storage keeps to: the fake and the real Postgres."""

import asyncio
import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import asyncpg
import numpy as np
import pytest
from numpy import nan

from events.envelope import Event, first_event
from events.errors import Refusal
from events.payloads import (
    Compared,
    Finding,
    FoldMetrics,
    ModelTrained,
    PromotionRequested,
    SeriesRef,
    TrainingFailed,
)
from functions.forecasting.series.calendar import Calendar
from functions.forecasting.series.own_drivers import MAX_DRIVERS, left_out, parts
from functions.storage import (
    MAX_FAILURES,
    Counts,
    DayForecast,
    Extent,
    Failure,
    Forecast,
    Plan,
    Promotion,
    Storage,
    Window,
)
from infra.memory.storage import MemoryStorage
from infra.postgres import daily
from infra.postgres.storage import PostgresStorage, _hold

NOON = datetime(2015, 8, 1, 12, tzinfo=UTC)
DAY = date(2015, 7, 31)
SERIES = (("1", "milk"), ("1", "rye bread"), ("2", "milk"))
WAITING = """
SELECT count(*) FROM pg_locks JOIN pg_database ON pg_database.oid = database
WHERE datname = current_database() AND locktype = 'advisory' AND NOT granted
"""


async def sell(storage: Storage, series: tuple[str, str], days: int, last: date = DAY) -> None:
    """Sales of `days` days up to `last`: units 1, 2, …; closed on Sundays."""
    rows = [(last - timedelta(days=days - 1 - n), float(n + 1)) for n in range(days)]
    if isinstance(storage, MemoryStorage):
        known = storage.sales.setdefault(series, {})
        known |= {day: (units, day.weekday() != 6) for day, units in rows}
        return
    assert isinstance(storage, PostgresStorage)
    async with storage._transaction() as connection:
        await connection.executemany(
            "INSERT INTO daily_sales (store, product, date, units, open, drivers, event_id,"
            " recorded_at) VALUES ($1, $2, $3, $4, $5, '{}', 'e', $6)",
            [(*series, day, units, day.weekday() != 6, NOON) for day, units in rows],
        )


async def forget(storage: Storage, series: tuple[str, str]) -> None:
    """All sales of a series are taken back."""
    if isinstance(storage, MemoryStorage):
        storage.sales[series].clear()
        return
    assert isinstance(storage, PostgresStorage)
    async with storage._transaction() as connection:
        await connection.execute(
            "DELETE FROM daily_sales WHERE store = $1 AND product = $2", *series
        )


async def bring_in(storage: Storage, series: tuple[str, str], import_id: str, *days: date) -> None:
    """Days with sales are those of an import."""
    if isinstance(storage, MemoryStorage):
        storage.imports.setdefault(series, {}).update(dict.fromkeys(days, import_id))
        return
    assert isinstance(storage, PostgresStorage)
    async with storage._transaction() as connection:
        await connection.execute(
            "UPDATE daily_sales SET import_id = $3"
            " WHERE store = $1 AND product = $2 AND date = ANY ($4)",
            *(*series, import_id, days),
        )


async def drive(storage: Storage, series: tuple[str, str], day: date, **drivers: float) -> None:
    """What drove the sales of a day that has some."""
    if isinstance(storage, MemoryStorage):
        storage.drivers.setdefault(series, {})[day] = drivers
        return
    assert isinstance(storage, PostgresStorage)
    async with storage._transaction() as connection:
        await connection.execute(
            "UPDATE daily_sales SET drivers = $4 WHERE store = $1 AND product = $2 AND date = $3",
            *(*series, day, json.dumps(drivers)),
        )


async def foresee(
    storage: Storage,
    scope: tuple[str, str],
    day: date,
    opened: bool | None = None,
    **drivers: float,
) -> None:
    """A plan; '' is every store or every product."""
    if isinstance(storage, MemoryStorage):
        storage.planned.setdefault(scope, {})[day] = (opened, drivers)
        return
    assert isinstance(storage, PostgresStorage)
    async with storage._transaction() as connection:
        await connection.execute(
            "INSERT INTO calendar (store, product, date, open, drivers, event_id, recorded_at)"
            " VALUES ($1, $2, $3, $4, $5, 'e', $6)",
            *(*scope, day, opened, json.dumps(drivers), NOON),
        )


def plan(run_id: str = "run-1", at: datetime = NOON, as_of: date = date(2015, 8, 1)) -> Plan:
    return Plan(
        run_id, "test", at, "why not", None, None, "windowed", as_of, 7, (SERIES[:2], SERIES[2:])
    )


def trained(
    run: Plan, series: tuple[str, str], at: datetime = NOON, **changes: object
) -> Event[ModelTrained]:
    data = ModelTrained(
        run_id=run.run_id,
        store=series[0],
        product=series[1],
        model_id=f"{run.run_id}:{series[0]}:{series[1].replace(' ', '-')}",
        strategy=run.strategy,
        as_of=run.as_of,
        horizon=run.horizon,
        first_day=run.as_of - timedelta(days=100),
        data_through=run.as_of - timedelta(days=1),
        rows=86,
        metrics={"rmse": 1.5, "mape": None},
        parameters={"k": 0.1, "delta": [0.0, 1e-17]},
        versions={"prophet": "1.5"},
    )
    return first_event(data.model_copy(update=changes), "test", time=at)


def failed(run: Plan, series: tuple[str, str], reason: str, at: datetime = NOON):
    data = TrainingFailed(run_id=run.run_id, store=series[0], product=series[1], reason=reason)
    return first_event(data, "test", time=at)


async def test_scope_finds_all_a_store_a_product_or_one(storage: Storage):
    for series in SERIES:
        await sell(storage, series, 3)
    await sell(storage, SERIES[0], 1, last=DAY + timedelta(days=1))
    everything = await storage.scope(None, None)
    assert everything.series == SERIES
    assert everything.newest_day == DAY + timedelta(days=1)
    assert (await storage.scope("1", None)).series == SERIES[:2]
    assert (await storage.scope(None, "milk")).series == (SERIES[0], SERIES[2])
    assert (await storage.scope("2", "milk")).series == (SERIES[2],)
    assert (await storage.scope("2", "milk")).newest_day == DAY


@pytest.mark.parametrize(("store", "product"), [("9", None), (None, "x"), ("2", "rye bread")])
async def test_scope_of_what_is_unknown_is_empty(storage: Storage, store, product):
    for series in SERIES:
        await sell(storage, series, 1)
    scope = await storage.scope(store, product)
    assert scope.series == ()
    assert scope.newest_day is None


async def test_scope_of_an_empty_database_is_empty(storage: Storage):
    assert (await storage.scope(None, None)).series == ()


async def test_the_first_plan_of_a_run_stays(storage: Storage):
    assert await storage.plan("run-1") is None
    first = await storage.save_plan(plan())
    second = await storage.save_plan(plan(as_of=date(2016, 1, 1)))
    assert first == second == plan() == await storage.plan("run-1")
    assert await storage.counts(["run-1"]) == {"run-1": Counts(3, 0, 0)}


async def test_scope_has_the_first_and_last_day_of_each_series(storage: Storage):
    await sell(storage, SERIES[0], 3)
    await sell(storage, SERIES[1], 1)
    spans = ((DAY - timedelta(days=2), DAY), (DAY, DAY))
    assert (await storage.scope(None, None)).spans == spans
    assert (await storage.scope("1", None)).spans == spans
    assert (await storage.scope(None, "rye bread")).spans == spans[1:]
    assert (await storage.scope(*SERIES[1])).spans == spans[1:]


async def test_scope_of_named_series_has_those_that_are_known_sorted(storage: Storage):
    for series in SERIES:
        await sell(storage, series, 2)
    named = [SERIES[2], ("9", "x"), SERIES[0]]
    scope = await storage.scope_of(named)
    assert scope.series == (SERIES[0], SERIES[2])
    assert scope.newest_day == DAY
    assert (await storage.scope_of([("9", "x")])).newest_day is None


async def test_a_series_without_sales_is_in_no_scope(storage: Storage):
    for series in SERIES:
        await sell(storage, series, 2)
    await forget(storage, SERIES[1])
    left = (SERIES[0], SERIES[2])
    assert (await storage.scope(None, None)).series == left
    assert (await storage.scope("1", None)).series == left[:1]
    assert (await storage.scope(None, "rye bread")).series == ()
    assert (await storage.scope(*SERIES[1])).series == ()
    assert (await storage.scope_of(SERIES)).series == left
    page = await storage.series_page(None, 9)
    assert [(each.store, each.product) for each in page] == list(left)


async def test_how_much_was_sold_or_imported_is_told(storage: Storage):
    yesterday = DAY - timedelta(days=1)
    nothing = Extent(0, 0, None, None)
    assert await storage.sold([SERIES[0]], None, None) == nothing
    await sell(storage, SERIES[0], 3)
    await sell(storage, SERIES[2], 1, last=yesterday)
    named = [*SERIES, ("9", "x")]
    assert await storage.sold(named, None, None) == Extent(2, 4, DAY - timedelta(days=2), DAY)
    assert await storage.sold(named, yesterday, yesterday) == Extent(2, 2, yesterday, yesterday)
    assert await storage.sold(named, DAY, None) == Extent(1, 1, DAY, DAY)
    assert await storage.imported("x") == nothing
    await bring_in(storage, SERIES[0], "x", yesterday, DAY)
    await bring_in(storage, SERIES[2], "x", yesterday)
    assert await storage.imported("x") == Extent(2, 3, yesterday, DAY)


async def test_the_drivers_that_a_series_had_are_those_of_its_newest_days_and_those_asked_for(
    storage: Storage,
):
    long_ago = DAY - timedelta(days=390)
    await sell(storage, SERIES[0], 400)
    await sell(storage, SERIES[2], 2)
    await drive(storage, SERIES[0], long_ago, black_friday=1.0, old=1.0)
    await drive(storage, SERIES[0], DAY - timedelta(days=1), promo=0.0)
    await drive(storage, SERIES[2], DAY, price=2.0)
    asked = [SERIES[2], SERIES[0], ("9", "x")]
    had = await storage.drivers_had(asked, ["black_friday", "price", "nothing"])
    assert had == {
        SERIES[0]: {"promo", "black_friday"},
        SERIES[2]: {"price"},
        ("9", "x"): set(),
    }
    assert (await storage.drivers_had(asked, []))[SERIES[0]] == {"promo"}
    assert await storage.drivers_had([], ["promo"]) == {}


async def test_a_plan_keeps_all_that_was_asked(storage: Storage):
    asked = replace(
        plan(), policy="never", named=True, failed_in="run-0", older_than_days=9, wish="w"
    )
    assert await storage.save_plan(asked) == asked == await storage.plan("run-1")
    run = await storage.run("run-1")
    assert run is not None
    assert (run.policy, run.named) == ("never", True)
    assert (run.failed_in, run.older_than_days, run.coalesced_into) == ("run-0", 9, None)


async def test_a_run_that_is_asked_what_another_is_doing_is_coalesced_into_it(storage: Storage):
    first = await storage.save_plan(replace(plan("first"), wish="w"))
    other = await storage.save_plan(replace(plan("other"), wish="something else"))
    later = replace(plan("later", at=NOON + timedelta(hours=1)), wish="w")
    coalesced = await storage.save_plan(later)
    assert coalesced == replace(later, shards=(), coalesced_into="first")
    assert other.coalesced_into is None
    await storage.record_results([trained(first, series) for series in SERIES], [])
    assert await storage.save_plan(later) == coalesced, "what was decided stays so"
    run = await storage.run("later")
    assert run is not None
    assert (run.state, run.coalesced_into, run.counts) == ("coalesced", "first", Counts(0, 0, 0))
    anew = await storage.save_plan(replace(later, run_id="anew"))
    assert anew.coalesced_into is None, "the first has ended"
    assert anew.shards == later.shards


async def test_runs_without_a_wish_are_never_coalesced(storage: Storage):
    for name in ("one", "two"):
        assert (await storage.save_plan(plan(name))).coalesced_into is None


async def test_what_has_no_result_is_cancelled_and_the_rest_keeps_its_own(storage: Storage):
    run = await storage.save_plan(plan())
    await storage.record_results([trained(run, SERIES[0])], [])
    settled = {("run-1", SERIES[0])}
    assert await storage.settled_series([("run-1", 0), ("run-1", 1)]) == settled
    for _ in range(2):
        await storage.cancel("run-1", NOON)
    assert await storage.counts(["run-1"]) == {"run-1": Counts(3, 1, 0, 2)}
    settled |= {("run-1", SERIES[1])}
    assert await storage.settled_series([("run-1", 0)]) == settled
    assert await storage.settled_series([("run-1", 1)]) == {("run-1", SERIES[2])}
    assert await storage.settled_series([("run-1", 2), ("run-2", 0)]) == set()
    found = await storage.run("run-1")
    assert found is not None
    assert (found.state, found.finished_at, found.failures) == ("cancelled", NOON, ())


async def test_a_cancelled_series_still_succeeds_but_never_fails(storage: Storage):
    run = await storage.save_plan(plan())
    await storage.cancel("run-1", NOON)
    later = NOON + timedelta(minutes=1)
    await storage.record_results(
        [trained(run, SERIES[0], later)], [failed(run, SERIES[1], "too late", later)]
    )
    await storage.fail_shard("run-1", 1, "too late", later)
    assert await storage.counts(["run-1"]) == {"run-1": Counts(3, 1, 0, 2)}
    await storage.cancel("unknown", NOON)
    assert await storage.counts(["unknown"]) == {}


async def test_what_failed_in_a_run_is_known_also_of_one_that_was_coalesced(storage: Storage):
    first = await storage.save_plan(replace(plan("first"), wish="w"))
    await storage.save_plan(replace(plan("later"), wish="w"))
    await storage.record_results([trained(first, SERIES[0])], [failed(first, SERIES[1], "short")])
    assert await storage.failed_in("first") == {SERIES[1]}
    assert await storage.failed_in("later") == {SERIES[1]}
    assert await storage.failed_in("unknown") is None


async def test_up_to_date_is_what_has_a_champion_as_of_the_day_or_later(storage: Storage):
    old = await storage.save_plan(plan("old", as_of=date(2015, 7, 1)))
    new = await storage.save_plan(plan("new"))
    await storage.record_results([trained(old, SERIES[0]), trained(old, SERIES[1])], [])
    await storage.record_results([trained(new, SERIES[1])], [])
    assert await storage.up_to_date(None, None, date(2015, 7, 1)) == {SERIES[0], SERIES[1]}
    assert await storage.up_to_date(None, None, date(2015, 7, 2)) == {SERIES[1]}
    assert await storage.up_to_date("1", None, date(2015, 7, 1)) == {SERIES[0], SERIES[1]}
    assert await storage.up_to_date(None, "milk", date(2015, 7, 1)) == {SERIES[0]}
    assert await storage.up_to_date(*SERIES[0], date(2015, 8, 2)) == set()


async def test_history_comes_in_the_order_asked_for_and_within_the_span(storage: Storage):
    await sell(storage, SERIES[0], 10)
    await sell(storage, SERIES[2], 5)
    panel = await storage.history([SERIES[2], SERIES[1], SERIES[0]], DAY - timedelta(days=6), DAY)
    assert panel.keys == (SERIES[2], SERIES[1], SERIES[0])
    assert panel.offsets.tolist() == [0, 4, 4, 10]
    assert panel.units.tolist() == [1, 2, 3, 4, 4, 5, 6, 7, 8, 9]
    assert panel.dates[-1].item() == DAY - timedelta(days=1)
    sunday = date(2015, 7, 26)
    closed = [
        day.item() for day, opened in zip(panel.dates, panel.is_open, strict=True) if not opened
    ]
    assert set(closed) == {sunday} | ({sunday - timedelta(days=7)} & set(closed))
    whole = await storage.history([SERIES[0]], None, DAY + timedelta(days=1))
    assert len(whole.units) == 10


async def test_history_has_the_drivers_that_any_of_its_days_names(storage: Storage):
    await sell(storage, SERIES[0], 4)
    await sell(storage, SERIES[2], 2)
    await drive(storage, SERIES[0], DAY - timedelta(days=3), outside=1)
    await drive(storage, SERIES[0], DAY - timedelta(days=2), promo=1, price=2.5)
    await drive(storage, SERIES[0], DAY - timedelta(days=1), promo=0)
    await drive(storage, SERIES[2], DAY, price=1e-300, promo=1)
    panel = await storage.history(
        [SERIES[2], SERIES[1], SERIES[0]], DAY - timedelta(days=2), DAY + timedelta(days=1)
    )
    assert panel.driver_names == ("price", "promo")
    np.testing.assert_array_equal(
        panel.drivers,
        [[nan, nan], [1e-300, 1], [2.5, 1], [nan, 0], [nan, nan]],
    )


async def test_a_series_alone_has_the_history_that_it_has_among_others(storage: Storage):
    await sell(storage, SERIES[0], 100)
    await sell(storage, SERIES[2], 30)
    for n in range(100):
        day = DAY - timedelta(days=n)
        await drive(storage, SERIES[0], day, **{f"price_{n:02}": 2.5, "promo": n % 2, "never": 0})
    for n in (0, 3, 4):
        await drive(storage, SERIES[2], DAY - timedelta(days=n), promo=1, price=n / 3)
    span = (DAY - timedelta(days=90), DAY)
    panel = await storage.history(SERIES, *span)
    for i, series in enumerate(SERIES):
        alone, rows = await storage.history([series], *span), panel.series(i)
        for column in ("dates", "units", "is_open"):
            found, expected = getattr(alone, column), getattr(panel, column)[rows]
            assert found.dtype == expected.dtype
            np.testing.assert_array_equal(found, expected)
        assert alone.rows.tolist() == [rows.stop - rows.start]
        assert left_out(alone)[0] == left_out(panel)[i]
        names = [name for name in panel.names_of(i) if name in alone.names_of(0)]
        assert set(names) == set(alone.names_of(0))
        np.testing.assert_array_equal(alone.drivers_named(names), panel.drivers_named(names)[rows])


async def test_history_without_a_driver_or_not_asked_for_them_has_none(storage: Storage):
    await sell(storage, SERIES[0], 3)
    tomorrow = DAY + timedelta(days=1)
    assert (await storage.history([SERIES[0]], None, tomorrow)).driver_names == ()
    assert (await storage.history([SERIES[1]], None, tomorrow)).driver_names == ()
    await drive(storage, SERIES[0], DAY, promo=1)
    panel = await storage.history([SERIES[0]], None, tomorrow, drivers=False)
    assert panel.driver_names == ()
    assert panel.units.tolist() == [1, 2, 3]


async def test_days_that_differ_in_which_of_many_drivers_they_have_are_told_apart(
    storage: Storage,
):
    await sell(storage, SERIES[0], 40)
    names = [f"event_{n:02}" for n in range(40)]
    for n, name in enumerate(names):
        day = DAY - timedelta(days=39 - n)
        await drive(storage, SERIES[0], day, **{other: float(other == name) for other in names})
    for asked in (SERIES[:1], SERIES[:2]):  # alone, and beside another
        panel = await storage.history(asked, None, DAY + timedelta(days=1))
        assert panel.driver_names == tuple(names)
        np.testing.assert_array_equal(panel.drivers, np.eye(40))


async def test_names_of_many_series_add_no_columns_to_each_other(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
):
    series = [(f"s{n}", "milk") for n in range(5)]
    for n, one in enumerate(series):
        await sell(storage, one, 30)
        for day in range(30):
            names = {f"price_{n}_{k:02}": float(k + day) for k in range(20)}
            await drive(storage, one, DAY - timedelta(days=day), **names)
    for most in (10_000, 50):  # distinct sets at a time
        monkeypatch.setattr(daily, "MAX_SETS", most)
        panel = await storage.history([*series, ("s9", "none")], None, DAY + timedelta(days=1))
        if isinstance(storage, PostgresStorage):
            assert panel.drivers.shape == (150, 20)
            assert panel.names_of(5) == ()
        for n in range(5):
            names = [f"price_{n}_{k:02}" for k in range(20)]
            expected = np.arange(29, -1, -1)[:, None] + np.arange(20)
            rows = panel.series(n)
            np.testing.assert_array_equal(panel.drivers_named(names)[rows], expected)
            assert np.isnan(panel.drivers_named(["price_9_00"])[rows]).all()


async def test_of_a_series_with_too_many_names_the_most_frequent_are_trained_on(
    storage: Storage,
):
    await sell(storage, SERIES[0], 100)
    await sell(storage, SERIES[2], 2)
    await drive(storage, SERIES[2], DAY, promo=1)
    for n in range(100):
        drivers = {"price": 2.0 + n, f"campaign_{n:02}": 1.0, "never": 0.0}
        await drive(storage, SERIES[0], DAY - timedelta(days=n), **drivers)
    panel = await storage.history([SERIES[0], SERIES[2]], None, DAY + timedelta(days=1))
    if isinstance(storage, PostgresStorage):
        assert panel.drivers.shape == (102, MAX_DRIVERS)
    # Closed days, of which no model learns, do not count.
    closed = [n for n in range(100) if (DAY - timedelta(days=n)).weekday() == 6]
    by_rank = [f"campaign_{n:02}" for n in range(100) if n not in closed]
    kept = ["price", *by_rank[: MAX_DRIVERS - 1]]
    panel = panel.open_days()
    [found, none] = left_out(panel)
    assert found is not None
    assert found.values["first"] == by_rank[MAX_DRIVERS - 1]
    assert none is None
    found = {name for _, part in parts(panel) for own in part.own_names for name in own}
    assert found == {*kept, "promo"}


async def test_days_with_every_combination_of_a_few_drivers_are_told_apart(storage: Storage):
    names = tuple(f"d{n}" for n in range(8))
    await sell(storage, SERIES[0], 256)
    for n in range(256):
        day = DAY - timedelta(days=255 - n)
        await drive(storage, SERIES[0], day, **{d: float(n >> i & 1) for i, d in enumerate(names)})
    expected = (np.arange(256)[:, None] >> np.arange(8)) & 1
    for asked in (SERIES[:1], SERIES[:2]):  # alone, and beside another
        panel = await storage.history(asked, None, DAY + timedelta(days=1))
        assert panel.driver_names == names
        np.testing.assert_array_equal(panel.drivers, expected)


async def test_of_the_plans_for_a_day_the_more_specific_goes_first_in_each_thing_it_says(
    storage: Storage,
):
    later = date(2015, 8, 2)
    await foresee(storage, ("", ""), later, False, promo=0, a=1, b=1, c=1, d=1)
    await foresee(storage, ("", "milk"), later, None, b=2, c=2, d=2)
    await foresee(storage, ("1", ""), later, True, c=3, d=3)
    await foresee(storage, ("1", "milk"), later, None, d=4)
    await foresee(storage, ("2", "rye bread"), later, True, elsewhere=1)
    calendar = await storage.calendar([SERIES[2], SERIES[0], SERIES[1]], date(2015, 8, 1), 3)
    assert calendar.start == date(2015, 8, 1)
    assert calendar.driver_names == ("a", "b", "c", "d", "promo")
    np.testing.assert_array_equal(
        calendar.is_open, np.array([[-1, 0, -1], [-1, 1, -1], [-1, 1, -1]], np.int8)
    )
    np.testing.assert_array_equal(
        calendar.drivers[:, 1], [[1, 2, 2, 2, 0], [1, 2, 3, 4, 0], [1, 1, 3, 3, 0]]
    )
    assert np.isnan(calendar.drivers[:, [0, 2]]).all()
    for i, series in enumerate([SERIES[2], SERIES[0], SERIES[1]]):
        alone = await storage.calendar([series], date(2015, 8, 1), 3)
        np.testing.assert_array_equal(alone.is_open[0], calendar.is_open[i])
        at = [calendar.driver_names.index(name) for name in alone.driver_names]
        np.testing.assert_array_equal(alone.drivers[0], calendar.drivers[i][:, at])
        others = np.delete(calendar.drivers[i], at, axis=1)
        assert np.isnan(others).all()


async def test_a_calendar_holds_the_days_asked_for_and_no_other(storage: Storage):
    first = date(2015, 12, 31)
    for n in range(-1, 4):
        await foresee(storage, ("1", ""), first + timedelta(days=n), n % 2 == 0, promo=n)
    calendar = await storage.calendar([SERIES[0], SERIES[2]], first, 3)
    assert calendar.is_open.tolist() == [[1, 0, 1], [-1, -1, -1]]
    np.testing.assert_array_equal(calendar.drivers[0], [[0], [1], [2]])
    assert np.isnan(calendar.drivers[1]).all()


async def test_a_calendar_in_which_nothing_is_planned_is_unknown(storage: Storage):
    await foresee(storage, ("9", ""), DAY, True, promo=1)
    calendar = await storage.calendar(SERIES, DAY, 7)
    unknown = Calendar.unknown(3, DAY, 7)
    assert (calendar.start, calendar.driver_names) == (unknown.start, unknown.driver_names)
    np.testing.assert_array_equal(calendar.is_open, unknown.is_open)
    assert calendar.is_open.dtype == unknown.is_open.dtype
    np.testing.assert_array_equal(calendar.drivers, unknown.drivers)
    assert (await storage.calendar([], DAY, 7)).is_open.shape == (0, 7)


async def test_a_plan_of_opening_alone_names_no_driver(storage: Storage):
    await foresee(storage, ("", ""), DAY, False)
    calendar = await storage.calendar([SERIES[0]], DAY, 1)
    assert (calendar.is_open.tolist(), calendar.driver_names) == ([[0]], ())


async def test_recording_twice_is_recording_once(storage: Storage):
    run = await storage.save_plan(plan())
    results = [trained(run, SERIES[0]), trained(run, SERIES[2])]
    failures = [failed(run, SERIES[1], "too short")]
    for _ in range(2):
        await storage.record_results(results, failures)
    assert await storage.counts(["run-1"]) == {"run-1": Counts(3, 2, 1)}
    [model] = await storage.versions(*SERIES[0])
    assert model.version == 1
    assert model.aliases == ("champion",)
    assert model.metrics == {"rmse": 1.5, "mape": None}
    assert model.parameters == {"k": 0.1, "delta": [0.0, 1e-17]}
    assert await storage.models([model.model_id, "unknown"]) == {model.model_id: model}
    ids = [event.data.model_id for event in results]
    promotions = await storage.promotions(ids)
    assert sorted(each.model_id for each in promotions) == sorted(ids)
    assert {(each.version, each.previous_model_id) for each in promotions} == {(1, None)}
    found = await storage.run("run-1")
    assert found is not None
    assert found.failures == (Failure(*SERIES[1], "too short"),)
    assert found.state == "completed"
    assert found.finished_at == NOON


async def test_the_newer_as_of_is_champion_whatever_order_models_come_in(storage: Storage):
    old = await storage.save_plan(plan("old", as_of=date(2015, 7, 1)))
    new = await storage.save_plan(plan("new", at=NOON - timedelta(days=1)))
    await storage.record_results([trained(new, SERIES[0])], [])
    await storage.record_results([trained(old, SERIES[0])], [])
    await storage.record_results([trained(old, SERIES[2])], [])
    await storage.record_results([trained(new, SERIES[2])], [])
    for series in (SERIES[0], SERIES[2]):
        models = await storage.versions(*series)
        assert {m.run_id: "champion" in m.aliases for m in models} == {"old": False, "new": True}
        assert sorted(m.version for m in models) == [1, 2]
    previous = trained(old, SERIES[2]).data.model_id
    promoted = trained(new, SERIES[2]).data.model_id
    assert await storage.promotions([promoted]) == [
        Promotion(
            cause_id=promoted,
            store=SERIES[2][0],
            product=SERIES[2][1],
            model_id=promoted,
            version=2,
            run_id="new",
            horizon=7,
            forecast_from=new.as_of,
            previous_model_id=previous,
            changed_by="registry",
            reason="not comparable, so the newest is champion: no score of its own strategy",
        )
    ]
    assert await storage.promotions([trained(old, SERIES[0]).data.model_id]) == []
    assert [m.aliases for m in await storage.versions(*SERIES[2])] == [("champion",), ("previous",)]


async def test_of_two_runs_of_one_day_the_later_request_wins(storage: Storage):
    late = await storage.save_plan(plan("a-late", at=NOON + timedelta(hours=1)))
    early = await storage.save_plan(plan("early"))
    await storage.record_results([trained(late, SERIES[0]), trained(early, SERIES[0])], [])
    champions = [m.run_id for m in await storage.versions(*SERIES[0]) if "champion" in m.aliases]
    assert champions == ["a-late"]


async def test_a_success_turns_a_failure_and_nothing_turns_a_success(storage: Storage):
    run = await storage.save_plan(plan())
    await storage.fail_shard("run-1", 0, "dead-lettered", NOON)
    assert await storage.counts(["run-1"]) == {"run-1": Counts(3, 0, 2)}
    await storage.record_results([trained(run, SERIES[0], NOON + timedelta(minutes=1))], [])
    await storage.fail_shard("run-1", 0, "again", NOON + timedelta(minutes=2))
    await storage.record_results([], [failed(run, SERIES[0], "late", NOON + timedelta(minutes=3))])
    found = await storage.run("run-1")
    assert found is not None
    assert found.counts == Counts(3, 1, 1)
    assert found.failures == (Failure(*SERIES[1], "again"),)
    assert found.state == "running"
    assert found.finished_at is None


async def test_an_earlier_reason_never_replaces_a_later_one(storage: Storage):
    run = await storage.save_plan(plan())
    await storage.record_results([], [failed(run, SERIES[0], "later", NOON + timedelta(minutes=1))])
    await storage.record_results([], [failed(run, SERIES[0], "earlier", NOON)])
    found = await storage.run("run-1")
    assert found is not None
    assert found.failures == (Failure(*SERIES[0], "later"),)


def asked(
    action: str, *series: tuple[str, str], request_id: str = "request", **fields: object
) -> Event[PromotionRequested]:
    refs = tuple(SeriesRef(store=store, product=product) for store, product in series)
    data = PromotionRequested(action=action, series=refs, requested_by="anna", **fields)
    return first_event(data, "test", event_id=request_id, time=NOON)


async def week(storage: Storage, number: int, *series: tuple[str, str], **changes: object) -> str:
    """A run of one of the weeks, each a week after the one before, and its models; its id."""
    run = plan(f"week-{number}", as_of=date(2015, 8, 1) + timedelta(weeks=number))
    await storage.save_plan(run)
    await storage.record_results([trained(run, each, **changes) for each in series], [])
    return run.run_id


async def standing(storage: Storage, series: tuple[str, str]) -> dict[str, int]:
    """The version in each place that is taken."""
    models = await storage.versions(*series)
    return {alias: model.version for model in models for alias in model.aliases}


async def history(storage: Storage, series: tuple[str, str]) -> list[tuple[object, ...]]:
    changes = await storage.alias_history(*series)
    return [(c.alias, c.previous_version, c.version, c.changed_by) for c in changes]


def comparison(new: float, champion: float, champions_id: str) -> tuple[Compared, ...]:
    return (
        Compared(strategy="naive", score=1.0, metrics={}),
        Compared(strategy="windowed", score=new, metrics={"wape": None}),
        Compared(strategy="windowed", model_id=champions_id, score=champion, metrics={}),
    )


async def test_what_an_older_version_said_in_words_is_kept_as_such(storage: Storage):
    await week(storage, 1, SERIES[0], notes=("intervals widened ½",))
    [model] = await storage.versions(*SERIES[0])
    assert model.findings == (Finding(code="said", values={"text": "intervals widened ½"}),)


async def test_a_model_comes_back_with_all_that_was_compared(storage: Storage):
    await week(storage, 1, SERIES[0])
    [first] = await storage.versions(*SERIES[0])
    told = {
        "chosen": "windowed",
        "policy": "if-better",
        "folds": (FoldMetrics(first_day=DAY, last_day=DAY, metrics={"wape": 0.1, "mape": None}),),
        "comparison": comparison(0.9, 0.8, first.model_id),
        "findings": (
            Finding(
                code="days-far-off",
                values={"days": 2, "share": 0.5, "why": "½", "newest": ("2015-07-01",)},
            ),
        ),
    }
    await week(storage, 2, SERIES[0], **told)
    model, _ = await storage.versions(*SERIES[0])
    assert {name: getattr(model, name) for name in told} == told
    assert model.verdict is not None
    assert not model.verdict.promote
    assert (model.verdict.score, model.verdict.champion_score) == (0.9, 0.8)
    assert model.verdict.champion_model_id == first.model_id
    assert model.aliases == ("challenger",)
    assert await storage.verdicts([model.model_id, "unknown"]) == {
        model.model_id: (2, model.verdict)
    }
    assert await storage.promotions([model.model_id]) == []
    assert await history(storage, SERIES[0]) == [
        ("challenger", None, 2, "registry"),
        ("champion", None, 1, "registry"),
    ]


async def test_a_verdict_stands_whatever_is_champion_when_the_result_comes_again(storage: Storage):
    await week(storage, 1, SERIES[0])
    [first] = await storage.versions(*SERIES[0])
    keep = {"comparison": comparison(0.9, 0.8, first.model_id)}
    await week(storage, 2, SERIES[0], **keep)
    kept = await storage.versions(*SERIES[0])
    await week(storage, 3, SERIES[0])
    places, told = await standing(storage, SERIES[0]), await history(storage, SERIES[0])
    for again in ({"comparison": comparison(0.1, 0.8, first.model_id)}, {"policy": "always"}):
        await week(storage, 2, SERIES[0], **again)
    await week(storage, 1, SERIES[0])
    assert (await storage.versions(*SERIES[0]))[1].verdict == kept[0].verdict
    assert (
        await standing(storage, SERIES[0])
        == places
        == {
            "champion": 3,
            "challenger": 2,
            "previous": 1,
        }
    )
    assert await history(storage, SERIES[0]) == told


async def test_a_policy_decides_without_a_look_at_scores(storage: Storage):
    await week(storage, 1, SERIES[0], policy="never")
    assert await standing(storage, SERIES[0]) == {"challenger": 1}
    await week(storage, 2, SERIES[0], policy="always")
    await week(storage, 3, SERIES[0], policy="never")
    assert await standing(storage, SERIES[0]) == {"champion": 2, "challenger": 3}


async def test_of_several_models_in_a_batch_one_is_promoted_and_each_has_a_verdict(
    storage: Storage,
):
    runs = [await storage.save_plan(plan(f"run-{n}", as_of=date(2015, 8, n))) for n in (1, 2, 3)]
    policies = ("if-better", "if-better", "never")
    batch = [
        trained(run, SERIES[0], policy=policy) for run, policy in zip(runs, policies, strict=True)
    ]
    await storage.record_results([*batch, *batch], [])
    assert await standing(storage, SERIES[0]) == {"champion": 2, "challenger": 3}
    verdicts = await storage.verdicts([event.data.model_id for event in batch])
    assert {version: verdict.promote for version, verdict in verdicts.values()} == {
        1: False,
        2: True,
        3: False,
    }


async def test_a_model_of_a_run_that_nobody_planned_is_refused(storage: Storage):
    with pytest.raises(Refusal, match="run_id: no run 'run-1' is planned"):
        await storage.record_results([trained(plan(), SERIES[0])], [])
    assert await storage.versions(*SERIES[0]) == []


async def test_champions_are_read_for_those_series_that_have_one(storage: Storage):
    await week(storage, 1, *SERIES[:2])
    await week(storage, 2, SERIES[0], chosen="full")
    found = await storage.champions([SERIES[0], SERIES[2], SERIES[1]])
    assert {key: (m.version, m.chosen, m.aliases) for key, m in found.items()} == {
        SERIES[0]: (2, "full", ("champion",)),
        SERIES[1]: (1, None, ("champion",)),
    }
    (stored,) = (await storage.models([found[SERIES[0]].model_id])).values()
    unread = {"folds": (), "comparison": (), "verdict": None}
    assert found[SERIES[0]] == replace(stored, **unread) != stored
    assert await storage.champions([]) == {}


async def test_a_person_promotes_an_older_version_and_rolls_it_back(storage: Storage):
    for number in (1, 2, 3):
        await week(storage, number, SERIES[0])
    request = asked("promote", SERIES[0], version=1, reason="shelves")
    assert await storage.preview(request.data) == (SERIES[0],)
    await storage.change_champions(request, DAY)
    assert await standing(storage, SERIES[0]) == {"champion": 1, "previous": 3}
    [promotion] = await storage.promotions(["request"])
    assert (promotion.version, promotion.run_id) == (1, "week-1")
    assert (promotion.changed_by, promotion.reason) == ("anna", "shelves")
    assert promotion.forecast_from == DAY + timedelta(days=1), "no later than tomorrow"
    await storage.change_champions(asked("rollback", SERIES[0], request_id="back"), DAY)
    assert await standing(storage, SERIES[0]) == {"champion": 3, "previous": 1}
    assert await history(storage, SERIES[0]) == [
        ("champion", 1, 3, "anna"),
        ("champion", 3, 1, "anna"),
        ("champion", 2, 3, "registry"),
        ("champion", 1, 2, "registry"),
        ("champion", None, 1, "registry"),
    ]


async def test_a_request_that_comes_again_later_changes_nothing(storage: Storage):
    for number in (1, 2):
        await week(storage, number, SERIES[0])
    requests = [
        asked("promote", SERIES[0], version=2, request_id="no-change"),
        asked("rollback", SERIES[0], request_id="back"),
        asked("promote", SERIES[0], model_id="week-2:1:milk", request_id="forth"),
        asked("rollback", SERIES[0], request_id="back again"),
    ]
    for request in requests:
        await storage.change_champions(request, DAY)
    ids = [request.id for request in requests]
    places, told = await standing(storage, SERIES[0]), await history(storage, SERIES[0])
    promotions = await storage.promotions(ids)
    for request in [*requests, *reversed(requests)]:
        await storage.change_champions(request, DAY)
    assert places == {"champion": 1, "previous": 2}
    assert await standing(storage, SERIES[0]) == places
    assert await history(storage, SERIES[0]) == told
    assert await storage.promotions(ids) == promotions
    assert [(p.cause_id, p.version) for p in promotions] == [
        ("no-change", 2),
        ("back", 1),
        ("forth", 2),
        ("back again", 1),
    ]
    assert promotions[0].model_id == promotions[0].previous_model_id, "it was champion already"


async def test_a_run_is_rolled_back_and_promoted_again_as_a_whole(storage: Storage):
    await week(storage, 1, *SERIES[:2])
    await week(storage, 2, *SERIES)
    await week(storage, 3, SERIES[1])
    back = asked("rollback", run_id="week-2", request_id="back")
    assert await storage.preview(back.data) == (SERIES[0],), "the only one with a predecessor"
    await storage.change_champions(back, DAY)
    assert await standing(storage, SERIES[0]) == {"champion": 1, "previous": 2}
    assert await standing(storage, SERIES[1]) == {"champion": 3, "previous": 2}
    assert await standing(storage, SERIES[2]) == {"champion": 1}
    await storage.change_champions(asked("promote", run_id="week-2", request_id="forth"), DAY)
    for series, version in zip(SERIES, (2, 2, 1), strict=True):
        assert (await standing(storage, series))["champion"] == version
    promotions = await storage.promotions(["forth"])
    changed = [p for p in promotions if p.model_id != p.previous_model_id]
    assert [(p.store, p.product) for p in changed] == list(SERIES[:2])


async def test_the_challengers_of_a_list_of_series_are_promoted_and_leave_their_places(
    storage: Storage,
):
    await week(storage, 1, *SERIES)
    await week(storage, 2, *SERIES[:2], policy="never")
    await storage.change_champions(asked("promote", *SERIES[:2]), DAY)
    for series in SERIES[:2]:
        assert await standing(storage, series) == {"champion": 2, "previous": 1}
        assert await history(storage, series) == [
            ("challenger", 2, None, "anna"),
            ("champion", 1, 2, "anna"),
            ("challenger", None, 2, "registry"),
            ("champion", None, 1, "registry"),
        ]


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"version": 9}, "version: 1/milk has no version 9"),
        ({"model_id": "week-1:2:milk"}, "model_id: 'week-1:2:milk' is no model of 1/milk"),
        ({}, "series: 1/milk has no challenger"),
        ({"run_id": "week-9"}, "run_id: no model of run 'week-9' is stored"),
    ],
)
async def test_a_request_for_what_is_not_there_changes_nothing(storage: Storage, fields, told):
    await week(storage, 1, SERIES[0], SERIES[2])
    series = [] if "run_id" in fields else [SERIES[0]]
    request = asked("promote", *series, **fields)
    for ask in (storage.preview(request.data), storage.change_champions(request, DAY)):
        with pytest.raises(Refusal, match=told):
            await ask
    assert await standing(storage, SERIES[0]) == {"champion": 1}
    assert len(await storage.alias_history(*SERIES[0])) == 1


async def test_runs_come_newest_first_and_unknown_ones_not_at_all(storage: Storage):
    for n in range(3):
        await storage.save_plan(plan(f"run-{n}", at=NOON + timedelta(hours=n)))
    assert [run.run_id for run in await storage.runs(2)] == ["run-2", "run-1"]
    assert await storage.run("unknown") is None
    assert (await storage.runs(1))[0].counts == Counts(3, 0, 0)


async def test_series_come_in_pages(storage: Storage):
    for series in SERIES:
        await sell(storage, series, 3)
    run = await storage.save_plan(plan())
    await storage.record_results([trained(run, SERIES[1])], [])
    first = await storage.series_page(None, 2)
    assert [(s.store, s.product) for s in first] == list(SERIES[:2])
    assert [s.champion_version for s in first] == [None, 1]
    assert (first[0].first_day, first[0].last_day) == (DAY - timedelta(days=2), DAY)
    second = await storage.series_page(SERIES[1], 2)
    assert [(s.store, s.product) for s in second] == [SERIES[2]]
    assert await storage.series_page(SERIES[2], 2) == []


async def test_it_answers(storage: Storage):
    await storage.ping()


async def test_of_two_plans_of_one_wish_at_once_one_is_coalesced(database: str):
    storage = PostgresStorage(database)
    plans = [replace(plan(f"run-{n}"), wish="w") for n in range(4)]
    stored = await asyncio.gather(*map(storage.save_plan, plans))
    assert len([each for each in stored if each.coalesced_into is None]) == 1
    assert len({each.coalesced_into for each in stored} - {None}) == 1
    await storage.close()


async def test_a_result_that_is_being_recorded_is_not_cancelled_and_holds_nobody_up(database: str):
    storage = PostgresStorage(database)
    await storage.save_plan(plan())
    async with storage._transaction() as recording:
        await recording.execute(
            "UPDATE training_results SET state = 'failed', error = 'e', finished_at = now()"
            " WHERE run_id = 'run-1' AND product = 'rye bread'"
        )
        await storage.cancel("run-1", NOON)
    assert await storage.counts(["run-1"]) == {"run-1": Counts(3, 0, 1, 2)}
    await storage.close()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE alias_history SET reason = 'never happened'",
        "DELETE FROM alias_history",
        "TRUNCATE alias_history",
    ],
)
async def test_the_history_of_aliases_cannot_be_rewritten(database: str, statement: str):
    storage = PostgresStorage(database)
    await week(storage, 1, SERIES[0])
    async with storage._transaction() as connection:
        with pytest.raises(asyncpg.RestrictViolationError, match="append-only: add a change"):
            await connection.execute(statement)
    await storage.close()


async def test_postgres_refuses_what_the_constraints_forbid(database: str):
    storage = PostgresStorage(database)
    run = await storage.save_plan(plan())
    await storage.record_results([trained(run, SERIES[1])], [])
    model_id = trained(run, SERIES[1]).data.model_id
    upside_down = Forecast(*SERIES[1], model_id, (DayForecast(DAY, 5.0, 6.0, 4.0),))
    with pytest.raises(asyncpg.CheckViolationError):
        await storage.serve([(upside_down, Window(DAY, 1, NOON, "run-1"))])
    assert await storage.forecast(*SERIES[1]) is None
    from_the_future = trained(run, SERIES[0], data_through=run.as_of)
    with pytest.raises(asyncpg.CheckViolationError):
        await storage.record_results([from_the_future], [])
    assert await storage.counts(["run-1"]) == {"run-1": Counts(3, 1, 0)}
    await storage.close()


@pytest.mark.parametrize("drivers", ["[1]", "null", '"promo"'])
async def test_postgres_refuses_a_plan_whose_drivers_are_not_named(database: str, drivers: str):
    connection = await asyncpg.connect(database)
    with pytest.raises(asyncpg.CheckViolationError):
        await connection.execute(
            "INSERT INTO calendar VALUES ('', '', '2015-08-01', NULL, $1, 'e', now())", drivers
        )
    await connection.close()


async def test_a_shard_in_hand_is_nobody_elses_until_it_is_let_go_of(storage: Storage):
    for _ in range(2):
        async with storage.in_hand("run", 0) as alone:
            assert alone
            async with storage.in_hand("run", 1) as other_shard, storage.in_hand("run", 0) as again:
                assert (other_shard, again) == (True, False)
        with pytest.raises(ZeroDivisionError):
            async with storage.in_hand("run", 0):
                raise ZeroDivisionError


async def test_deliveries_of_a_shard_are_counted_until_one_came_back(storage: Storage):
    counts = [await storage.hand_over("run", 0, NOON + timedelta(hours=n)) for n in (0, 2, 1)]
    assert counts == [1, 2, 3]
    assert await storage.hand_over("run", 1, NOON) == 1
    await storage.came_back("run", 0)
    await storage.came_back("run", 7)  # that nobody handed over
    assert await storage.hand_over("run", 0, NOON) == 1
    assert await storage.hand_over("run", 1, NOON) == 2


async def test_a_shard_that_was_given_up_is_counted_anew(storage: Storage):
    await storage.hand_over("run", 0, NOON)
    await storage.hand_over("run", 1, NOON)
    await storage.fail_shard("run", 0, "dead-lettered", NOON)
    assert await storage.hand_over("run", 0, NOON) == 1
    assert await storage.hand_over("run", 1, NOON) == 2


# What a column does not take: the fake refuses it as the database does.
REFUSED = (asyncpg.PostgresError, ValueError)


@pytest.mark.parametrize(
    "changes",
    [
        {"reason": "a\x00b"},
        {"requested_by": "\x00"},
        {"store": "a\x00"},
        {"horizon": 2**31},
        {"horizon": 0},
        {"horizon": 91},
        {"older_than_days": 10**11},
        {"older_than_days": 0},
        {"shards": ((("1\x00", "milk"),),)},
    ],
)
async def test_a_plan_that_no_column_takes_is_refused_and_leaves_nothing(storage, changes):
    with pytest.raises(REFUSED):
        await storage.save_plan(replace(plan(), **changes))

    assert await storage.run("run-1") is None


@pytest.mark.parametrize("text", ["\x00", "a\x00b"])
async def test_a_question_about_what_no_column_takes_is_refused(storage: Storage, text: str):
    asked = [
        storage.run(text),
        storage.plan(text),
        storage.scope(text, None),
        storage.scope_of([("1", text)]),
        storage.failed_in(text),
        storage.versions("1", text),
        storage.alias_history(text, "milk"),
        storage.forecast("1", text),
        storage.counts([text]),
        storage.ended([text]),
        storage.shard(text, 0),
        storage.models([text]),
        storage.series_page((text, "milk"), 10),
        storage.failures(text, None, 10),
    ]
    for question in asked:
        with pytest.raises(REFUSED):
            await question


@pytest.mark.parametrize(("run_id", "shard"), [("run\x00", 0), ("run-1", 10**11)])
async def test_a_shard_that_no_column_takes_is_refused(storage: Storage, run_id: str, shard: int):
    await storage.save_plan(plan())

    with pytest.raises(REFUSED):
        await storage.fail_shard(run_id, shard, "why", NOON)
    with pytest.raises(REFUSED):
        await storage.fail_shard("run-1", 0, "a\x00b", NOON)


@pytest.mark.parametrize(
    ("yhat", "lower", "upper"),
    [(1.0, 2.0, 3.0), (1.0, 0.0, 0.5), (1.0, -1.0, 2.0), (1.0, 0.0, float("inf")), (nan, nan, nan)],
)
async def test_a_forecast_outside_its_interval_is_refused(storage, yhat, lower, upper):
    run = await storage.save_plan(plan())
    model = trained(run, SERIES[0])
    await storage.record_results([model], [])

    day = DayForecast(DAY, yhat, lower, upper)
    forecast = Forecast(*SERIES[0], model.data.model_id, (day,))
    with pytest.raises(REFUSED):
        await storage.serve([(forecast, Window(DAY, 1, NOON, "run-1"))])


async def test_a_run_that_has_ended_keeps_its_counts_right_when_a_late_result_comes(storage):
    run = await storage.save_plan(plan())
    model = trained(run, SERIES[0])
    await storage.record_results([model], [failed(run, s, "short") for s in SERIES[1:]])
    [ended] = await storage.runs(1)

    late = trained(run, SERIES[1], NOON + timedelta(hours=1))
    await storage.record_results([late], [])

    [after] = await storage.runs(1)
    assert ended.counts == Counts(3, 1, 2)
    assert after.counts == Counts(3, 2, 1)
    assert (await storage.run("run-1")).counts == after.counts
    assert after.finished_at == NOON + timedelta(hours=1)


async def test_a_run_has_ended_when_no_result_is_to_come(storage: Storage):
    for run_id in ("run-1", "run-2", "run-3"):
        await storage.save_plan(plan(run_id))
    run = plan("run-1")

    async def ended() -> dict[str, Counts]:
        return await storage.ended(["run-1", "run-2", "run-3", "unknown"])

    await storage.record_results([trained(run, SERIES[0])], [failed(run, SERIES[1], "short")])
    assert await ended() == {}
    await storage.record_results([trained(run, SERIES[2])], [])
    await storage.cancel("run-2", NOON)
    assert await ended() == {"run-1": Counts(3, 2, 1), "run-2": Counts(3, 0, 0, 3)}
    await storage.record_results([trained(run, SERIES[1], NOON + timedelta(hours=1))], [])
    assert (await ended())["run-1"] == Counts(3, 3, 0)


async def test_the_series_of_a_shard_are_those_that_were_planned(storage: Storage):
    await storage.save_plan(plan())
    await storage.cancel("run-1", NOON)
    told = [await storage.shard("run-1", number) for number in (0, 1, 2)]
    assert told == [SERIES[:2], SERIES[2:], ()]
    assert await storage.shard("unknown", 0) == ()


async def test_writers_at_once_count_versions_up_without_gaps(storage: Storage):
    runs = [await storage.save_plan(plan(f"run-{n}", NOON + timedelta(hours=n))) for n in range(6)]
    orders = [SERIES, SERIES[::-1], SERIES[1:] + SERIES[:1]] * 2
    await asyncio.gather(
        *(
            storage.record_results([trained(run, series) for series in order], [])
            for run, order in zip(runs, orders, strict=True)
        )
    )
    for series in SERIES:
        models = await storage.versions(*series)
        assert [model.version for model in models] == [6, 5, 4, 3, 2, 1]
        assert [m.run_id for m in models if "champion" in m.aliases] == ["run-5"]


async def until_waiting(storage: PostgresStorage, writers: int) -> None:
    """So many wait for a lock that another holds."""
    async with storage._transaction() as looking:
        while await looking.fetchval(WAITING) < writers:  # noqa: ASYNC110 - Postgres tells nobody
            await asyncio.sleep(0.01)


async def test_writers_of_different_series_do_not_wait_for_each_other(database: str):
    storage = PostgresStorage(database)
    run = await storage.save_plan(plan())
    async with storage._transaction() as writing:
        await _hold(writing, [SERIES[0]])
        same = asyncio.create_task(storage.record_results([trained(run, SERIES[0])], []))
        everything = PromotionRequested(
            requested_by="t", action="promote", series=(SeriesRef(store="2", product="milk"),)
        )
        await until_waiting(storage, 1)
        await storage.record_results([trained(run, SERIES[2])], [])
        alone = asyncio.create_task(
            storage.change_champions(first_event(everything, "test", time=NOON), DAY)
        )
        await until_waiting(storage, 2)
        assert await storage.counts(["run-1"]) == {"run-1": Counts(3, 1, 0)}
        assert not same.done()
        assert not alone.done()
    await same
    with pytest.raises(Refusal):  # there is no challenger
        await alone
    assert await storage.counts(["run-1"]) == {"run-1": Counts(3, 2, 0)}
    await storage.close()


async def test_two_that_end_a_run_at_once_leave_its_counts_right(storage: Storage):
    run = await storage.save_plan(plan())
    await asyncio.gather(
        *(storage.record_results([], [failed(run, series, "short")]) for series in SERIES)
    )

    [found] = await storage.runs(1)
    assert found.counts == Counts(3, 0, 3)
    assert found.state == "completed"
    if isinstance(storage, PostgresStorage):
        async with storage._transaction() as connection:
            kept = await connection.fetchrow("SELECT planned, failed FROM training_runs")
        assert tuple(kept) == (3, 3)


async def test_a_cancelled_run_and_a_given_up_shard_keep_their_counts(storage: Storage):
    await storage.save_plan(plan())
    await storage.fail_shard("run-1", 0, "gave up", NOON)
    [going] = await storage.runs(1)
    await storage.cancel("run-1", NOON)
    [ended] = await storage.runs(1)

    assert going.counts == Counts(3, 0, 2)
    assert going.finished_at is None
    assert ended.counts == Counts(3, 0, 2, 1)
    assert ended.finished_at == NOON


async def test_failures_of_a_run_come_in_pages(storage: Storage):
    many = tuple(("1", f"p{n:03}") for n in range(MAX_FAILURES + 2))
    run = await storage.save_plan(replace(plan(), shards=(many,)))
    await storage.record_results([], [failed(run, series, "short") for series in many])

    first = await storage.run("run-1")
    light = await storage.run("run-1", failures=0)
    rest = await storage.failures("run-1", many[MAX_FAILURES - 1], 10)

    assert [(f.store, f.product) for f in (*first.failures, *rest)] == list(many)
    assert (light.failures, light.counts.failed) == ((), len(many))
    assert await storage.failures("run-2", None, 10) == []


async def test_models_and_changes_of_a_series_come_in_pages(storage: Storage):
    for n in range(3):
        run = await storage.save_plan(plan(f"run-{n}", NOON + timedelta(hours=n)))
        model = trained(run, SERIES[0], NOON + timedelta(hours=n), policy="always")
        await storage.record_results([model], [])
    whole = await storage.alias_history(*SERIES[0])

    newest = await storage.versions_page(*SERIES[0], None, 2)
    older = await storage.versions_page(*SERIES[0], newest[-1].version, 2)
    changes, after = await storage.alias_history_page(*SERIES[0], None, len(whole) - 1)
    last, end = await storage.alias_history_page(*SERIES[0], after, 10)

    assert [model.version for model in (*newest, *older)] == [3, 2, 1]
    assert all(model.parameters == {} for model in newest)
    assert [*changes, *last] == whole
    assert end is None
