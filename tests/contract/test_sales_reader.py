"""Sales and the calendar, as every storage reads them."""

from datetime import date, timedelta

import numpy as np
import pytest
from numpy import nan

from functions.forecasting.series.calendar import Calendar
from functions.forecasting.series.own_drivers import MAX_DRIVERS, left_out, parts
from functions.ports import Storage
from functions.records import Extent
from functions.registry.transactions import record_results
from infra.postgres import daily
from tests.contract.examples import DAY, SERIES, plan, trained
from tests.contract.harness import Harness


async def test_scope_finds_all_a_store_a_product_or_one(harness: Harness, storage: Storage):
    for series in SERIES:
        await harness.sell(series, 3)
    await harness.sell(SERIES[0], 1, last=DAY + timedelta(days=1))
    everything = await storage.scope(None, None)
    assert everything.series == SERIES
    assert everything.newest_day == DAY + timedelta(days=1)
    assert (await storage.scope("1", None)).series == SERIES[:2]
    assert (await storage.scope(None, "milk")).series == (SERIES[0], SERIES[2])
    assert (await storage.scope("2", "milk")).series == (SERIES[2],)
    assert (await storage.scope("2", "milk")).newest_day == DAY


@pytest.mark.parametrize(("store", "product"), [("9", None), (None, "x"), ("2", "rye bread")])
async def test_scope_of_what_is_unknown_is_empty(
    harness: Harness, storage: Storage, store, product
):
    for series in SERIES:
        await harness.sell(series, 1)
    scope = await storage.scope(store, product)
    assert scope.series == ()
    assert scope.newest_day is None


async def test_scope_of_an_empty_database_is_empty(storage: Storage):
    assert (await storage.scope(None, None)).series == ()


async def test_scope_has_the_first_and_last_day_of_each_series(harness: Harness, storage: Storage):
    await harness.sell(SERIES[0], 3)
    await harness.sell(SERIES[1], 1)
    spans = ((DAY - timedelta(days=2), DAY), (DAY, DAY))
    assert (await storage.scope(None, None)).spans == spans
    assert (await storage.scope("1", None)).spans == spans
    assert (await storage.scope(None, "rye bread")).spans == spans[1:]
    assert (await storage.scope(*SERIES[1])).spans == spans[1:]


async def test_scope_of_named_series_has_those_that_are_known_sorted(
    harness: Harness, storage: Storage
):
    for series in SERIES:
        await harness.sell(series, 2)
    named = [SERIES[2], ("9", "x"), SERIES[0]]
    scope = await storage.scope_of(named)
    assert scope.series == (SERIES[0], SERIES[2])
    assert scope.newest_day == DAY
    assert (await storage.scope_of([("9", "x")])).newest_day is None


async def test_a_series_without_sales_is_in_no_scope(harness: Harness, storage: Storage):
    for series in SERIES:
        await harness.sell(series, 2)
    await harness.forget(SERIES[1])
    left = (SERIES[0], SERIES[2])
    assert (await storage.scope(None, None)).series == left
    assert (await storage.scope("1", None)).series == left[:1]
    assert (await storage.scope(None, "rye bread")).series == ()
    assert (await storage.scope(*SERIES[1])).series == ()
    assert (await storage.scope_of(SERIES)).series == left
    page = await storage.series_page(None, 9)
    assert [(each.store, each.product) for each in page] == list(left)


async def test_how_much_was_sold_or_imported_is_told(harness: Harness, storage: Storage):
    yesterday = DAY - timedelta(days=1)
    nothing = Extent(0, 0, None, None)
    assert await storage.sold([SERIES[0]], None, None) == nothing
    await harness.sell(SERIES[0], 3)
    await harness.sell(SERIES[2], 1, last=yesterday)
    named = [*SERIES, ("9", "x")]
    assert await storage.sold(named, None, None) == Extent(2, 4, DAY - timedelta(days=2), DAY)
    assert await storage.sold(named, yesterday, yesterday) == Extent(2, 2, yesterday, yesterday)
    assert await storage.sold(named, DAY, None) == Extent(1, 1, DAY, DAY)
    assert await storage.imported("x") == nothing
    await harness.bring_in(SERIES[0], "x", yesterday, DAY)
    await harness.bring_in(SERIES[2], "x", yesterday)
    assert await storage.imported("x") == Extent(2, 3, yesterday, DAY)


async def test_the_drivers_that_a_series_had_are_those_of_its_newest_days_and_those_asked_for(
    harness: Harness,
    storage: Storage,
):
    long_ago = DAY - timedelta(days=390)
    await harness.sell(SERIES[0], 400)
    await harness.sell(SERIES[2], 2)
    await harness.drive(SERIES[0], long_ago, black_friday=1.0, old=1.0)
    await harness.drive(SERIES[0], DAY - timedelta(days=1), promo=0.0)
    await harness.drive(SERIES[2], DAY, price=2.0)
    asked = [SERIES[2], SERIES[0], ("9", "x")]
    had = await storage.drivers_had(asked, ["black_friday", "price", "nothing"])
    assert had == {
        SERIES[0]: {"promo", "black_friday"},
        SERIES[2]: {"price"},
        ("9", "x"): set(),
    }
    assert (await storage.drivers_had(asked, []))[SERIES[0]] == {"promo"}
    assert await storage.drivers_had([], ["promo"]) == {}


async def test_history_comes_in_the_order_asked_for_and_within_the_span(
    harness: Harness, storage: Storage
):
    await harness.sell(SERIES[0], 10)
    await harness.sell(SERIES[2], 5)
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


async def test_history_has_the_drivers_that_any_of_its_days_names(
    harness: Harness, storage: Storage
):
    await harness.sell(SERIES[0], 4)
    await harness.sell(SERIES[2], 2)
    await harness.drive(SERIES[0], DAY - timedelta(days=3), outside=1)
    await harness.drive(SERIES[0], DAY - timedelta(days=2), promo=1, price=2.5)
    await harness.drive(SERIES[0], DAY - timedelta(days=1), promo=0)
    await harness.drive(SERIES[2], DAY, price=1e-300, promo=1)
    panel = await storage.history(
        [SERIES[2], SERIES[1], SERIES[0]], DAY - timedelta(days=2), DAY + timedelta(days=1)
    )
    assert panel.driver_names == ("price", "promo")
    np.testing.assert_array_equal(
        panel.drivers,
        [[nan, nan], [1e-300, 1], [2.5, 1], [nan, 0], [nan, nan]],
    )


async def test_a_series_alone_has_the_history_that_it_has_among_others(
    harness: Harness, storage: Storage
):
    await harness.sell(SERIES[0], 100)
    await harness.sell(SERIES[2], 30)
    for n in range(100):
        day = DAY - timedelta(days=n)
        await harness.drive(SERIES[0], day, **{f"price_{n:02}": 2.5, "promo": n % 2, "never": 0})
    for n in (0, 3, 4):
        await harness.drive(SERIES[2], DAY - timedelta(days=n), promo=1, price=n / 3)
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


async def test_history_without_a_driver_or_not_asked_for_them_has_none(
    harness: Harness, storage: Storage
):
    await harness.sell(SERIES[0], 3)
    tomorrow = DAY + timedelta(days=1)
    assert (await storage.history([SERIES[0]], None, tomorrow)).driver_names == ()
    assert (await storage.history([SERIES[1]], None, tomorrow)).driver_names == ()
    await harness.drive(SERIES[0], DAY, promo=1)
    panel = await storage.history([SERIES[0]], None, tomorrow, drivers=False)
    assert panel.driver_names == ()
    assert panel.units.tolist() == [1, 2, 3]


async def test_days_that_differ_in_which_of_many_drivers_they_have_are_told_apart(
    harness: Harness,
    storage: Storage,
):
    await harness.sell(SERIES[0], 40)
    names = [f"event_{n:02}" for n in range(40)]
    for n, name in enumerate(names):
        day = DAY - timedelta(days=39 - n)
        await harness.drive(SERIES[0], day, **{other: float(other == name) for other in names})
    for asked in (SERIES[:1], SERIES[:2]):  # alone, and beside another
        panel = await storage.history(asked, None, DAY + timedelta(days=1))
        assert panel.driver_names == tuple(names)
        np.testing.assert_array_equal(panel.drivers, np.eye(40))


async def test_names_of_many_series_add_no_columns_to_each_other(
    harness: Harness, storage: Storage, monkeypatch: pytest.MonkeyPatch
):
    series = [(f"s{n}", "milk") for n in range(5)]
    for n, one in enumerate(series):
        await harness.sell(one, 30)
        for day in range(30):
            names = {f"price_{n}_{k:02}": float(k + day) for k in range(20)}
            await harness.drive(one, DAY - timedelta(days=day), **names)
    for most in (10_000, 50):  # distinct sets at a time
        monkeypatch.setattr(daily, "MAX_SETS", most)
        panel = await storage.history([*series, ("s9", "none")], None, DAY + timedelta(days=1))
        if harness.is_postgres:
            assert panel.drivers.shape == (150, 20)
            assert panel.names_of(5) == ()
        for n in range(5):
            names = [f"price_{n}_{k:02}" for k in range(20)]
            expected = np.arange(29, -1, -1)[:, None] + np.arange(20)
            rows = panel.series(n)
            np.testing.assert_array_equal(panel.drivers_named(names)[rows], expected)
            assert np.isnan(panel.drivers_named(["price_9_00"])[rows]).all()


async def test_of_a_series_with_too_many_names_the_most_frequent_are_trained_on(
    harness: Harness,
    storage: Storage,
):
    await harness.sell(SERIES[0], 100)
    await harness.sell(SERIES[2], 2)
    await harness.drive(SERIES[2], DAY, promo=1)
    for n in range(100):
        drivers = {"price": 2.0 + n, f"campaign_{n:02}": 1.0, "never": 0.0}
        await harness.drive(SERIES[0], DAY - timedelta(days=n), **drivers)
    panel = await storage.history([SERIES[0], SERIES[2]], None, DAY + timedelta(days=1))
    if harness.is_postgres:
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


async def test_days_with_every_combination_of_a_few_drivers_are_told_apart(
    harness: Harness, storage: Storage
):
    names = tuple(f"d{n}" for n in range(8))
    await harness.sell(SERIES[0], 256)
    for n in range(256):
        day = DAY - timedelta(days=255 - n)
        await harness.drive(SERIES[0], day, **{d: float(n >> i & 1) for i, d in enumerate(names)})
    expected = (np.arange(256)[:, None] >> np.arange(8)) & 1
    for asked in (SERIES[:1], SERIES[:2]):  # alone, and beside another
        panel = await storage.history(asked, None, DAY + timedelta(days=1))
        assert panel.driver_names == names
        np.testing.assert_array_equal(panel.drivers, expected)


async def test_of_the_plans_for_a_day_the_more_specific_goes_first_in_each_thing_it_says(
    harness: Harness,
    storage: Storage,
):
    later = date(2015, 8, 2)
    await harness.foresee(("", ""), later, False, promo=0, a=1, b=1, c=1, d=1)
    await harness.foresee(("", "milk"), later, None, b=2, c=2, d=2)
    await harness.foresee(("1", ""), later, True, c=3, d=3)
    await harness.foresee(("1", "milk"), later, None, d=4)
    await harness.foresee(("2", "rye bread"), later, True, elsewhere=1)
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


async def test_a_calendar_holds_the_days_asked_for_and_no_other(harness: Harness, storage: Storage):
    first = date(2015, 12, 31)
    for n in range(-1, 4):
        await harness.foresee(("1", ""), first + timedelta(days=n), n % 2 == 0, promo=n)
    calendar = await storage.calendar([SERIES[0], SERIES[2]], first, 3)
    assert calendar.is_open.tolist() == [[1, 0, 1], [-1, -1, -1]]
    np.testing.assert_array_equal(calendar.drivers[0], [[0], [1], [2]])
    assert np.isnan(calendar.drivers[1]).all()


async def test_a_calendar_in_which_nothing_is_planned_is_unknown(
    harness: Harness, storage: Storage
):
    await harness.foresee(("9", ""), DAY, True, promo=1)
    calendar = await storage.calendar(SERIES, DAY, 7)
    unknown = Calendar.unknown(3, DAY, 7)
    assert (calendar.start, calendar.driver_names) == (unknown.start, unknown.driver_names)
    np.testing.assert_array_equal(calendar.is_open, unknown.is_open)
    assert calendar.is_open.dtype == unknown.is_open.dtype
    np.testing.assert_array_equal(calendar.drivers, unknown.drivers)
    assert (await storage.calendar([], DAY, 7)).is_open.shape == (0, 7)


async def test_a_plan_of_opening_alone_names_no_driver(harness: Harness, storage: Storage):
    await harness.foresee(("", ""), DAY, False)
    calendar = await storage.calendar([SERIES[0]], DAY, 1)
    assert (calendar.is_open.tolist(), calendar.driver_names) == ([[0]], ())


async def test_series_come_in_pages(harness: Harness, storage: Storage):
    for series in SERIES:
        await harness.sell(series, 3)
    run = await storage.save_or_coalesce(plan())
    await record_results(storage, [trained(run, SERIES[1])], [])
    first = await storage.series_page(None, 2)
    assert [(s.store, s.product) for s in first] == list(SERIES[:2])
    assert [s.champion_version for s in first] == [None, 1]
    assert (first[0].first_day, first[0].last_day) == (DAY - timedelta(days=2), DAY)
    second = await storage.series_page(SERIES[1], 2)
    assert [(s.store, s.product) for s in second] == [SERIES[2]]
    assert await storage.series_page(SERIES[2], 2) == []
