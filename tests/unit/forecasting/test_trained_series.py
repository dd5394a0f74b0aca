"""From a wild series to its published forecast, by the strategies as they are built in."""

import json
from dataclasses import replace
from datetime import date, timedelta
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.forecasting.backtest import Backtest
from functions.forecasting.engines.batched.engine import BatchedEngine
from functions.forecasting.engines.engine import Engine
from functions.forecasting.forecast.forecasts import UPPER_CAP, Forecasts, forecast
from functions.forecasting.model import SeriesModel
from functions.forecasting.prophet.parameters import ProphetParameters
from functions.forecasting.series.calendar import Calendar
from functions.forecasting.series.panel import Panel
from functions.forecasting.strategy import (
    BUILT_IN,
    EnsembleStrategy,
    ProphetStrategy,
    strategy,
    table,
    weighed,
)
from functions.forecasting.training.evidence import YEAR_FOLDS
from functions.forecasting.training.train import train
from functions.forecasting.training.trained import Champion, Trained
from tests.unit.forecasting.generated import FIRST_DAY, days_from, weekly_sales
from tests.unit.forecasting.walks import served

engine: Engine = BatchedEngine()


def outlier(t, rng):
    units = 100 + 9 * (t % 7) + rng.normal(0, 5, len(t))
    units[rng.integers(len(t))] *= 50
    return units


def zero_run(t, rng):
    units = 100 + 9 * (t % 7) + rng.normal(0, 5, len(t))
    start = rng.integers(max(len(t) - 30, 1))
    units[start : start + 30] = 0
    return units


def opens_for_the_first_time(t, rng):
    return np.where((t % 7 == 6) & (t < len(t) - 14), 0.0, 80 + rng.normal(0, 5, len(t)))


WILD = {
    "outlier": outlier,
    "zero run": zero_run,
    "steady": lambda t, rng: 200 + 30 * (t % 7) + rng.normal(0, 10, len(t)),
    "constant": lambda t, rng: np.full(len(t), 7.0),
    "all zero": lambda t, rng: np.zeros(len(t)),
    "triples": lambda t, rng: np.where(t > len(t) - 20, 300.0, 100.0) + rng.normal(0, 5, len(t)),
    "intermittent": lambda t, rng: rng.poisson(0.2, len(t)).astype(float),
    "first sale today": lambda t, rng: np.r_[np.zeros(len(t) - 1), 5.0],
    "heavy tail": lambda t, rng: rng.lognormal(0, 3, len(t)),
    "grows a millionfold": lambda t, rng: np.exp(14 * t / len(t)) * (1 + rng.random(len(t))),
    "huge": lambda t, rng: 1e12 * (1 + rng.random(len(t))),
}
ROWS = (1, 2, 9, 30, 120, 400, 900)


def wild_panel(
    seed: int, chosen: list[tuple[str, int]], islands: bool, closed_sundays: bool
) -> Panel:
    """Series of these shapes and numbers of days, with a promotion now and then."""
    rng = np.random.default_rng(seed)
    dates, units, promos = [], [], []
    for shape, rows in chosen:
        days = days_from(FIRST_DAY, rows)
        if islands:
            days[rows // 2 :] += 4 * 365
        promo = rng.choice([0.0, 1.0, np.nan], rows, p=[0.6, 0.3, 0.1])
        dates.append(days)
        units.append(WILD[shape](np.arange(rows), rng) * np.where(promo == 1, 1.5, 1))
        promos.append(promo)
    lengths = [len(each) for each in units]
    every = np.concatenate(dates)
    sunday = (every.astype(np.int64) + 3) % 7 == 6
    return Panel(
        keys=tuple((str(i), "all") for i in range(len(units))),
        offsets=np.r_[0, np.cumsum(lengths)].astype(np.int64),
        dates=every,
        units=np.concatenate(units),
        is_open=~(sunday & closed_sundays),
        driver_names=("promo",),
        drivers=np.concatenate(promos)[:, None],
    )


def assert_publishable(week: Forecasts, models: list[SeriesModel]) -> None:
    """Finite, never negative, in order, below the cap, and exactly 0 on closed days."""
    assert np.isfinite([week.yhat, week.lower, week.upper]).all()
    assert (week.lower >= 0).all()
    assert (week.lower <= week.yhat).all()
    assert (week.yhat <= week.upper).all()
    cap = np.array([model.cap for model in models])[:, None]
    assert (week.yhat <= cap).all()
    assert (week.upper <= UPPER_CAP * cap).all()
    weekday = (week.dates.astype(np.int64) + 3) % 7
    for i, model in enumerate(models):
        assert (week.upper[i, np.isin(weekday, model.closed_weekdays)] == 0).all()


@settings(deadline=None, max_examples=30)
@given(
    seed=st.integers(0, 2**32 - 1),
    chosen=st.lists(
        st.tuples(st.sampled_from(sorted(WILD)), st.sampled_from(ROWS)), min_size=1, max_size=4
    ),
    islands=st.booleans(),
    closed_sundays=st.booleans(),
    name=st.sampled_from(["auto", *(name for name in BUILT_IN if name != "auto")]),
    naive_serves=st.booleans(),
)
def test_whatever_was_sold_what_is_published_makes_sense(
    seed, chosen, islands, closed_sundays, name, naive_serves
):
    panel = wild_panel(seed, chosen, islands, closed_sundays)
    as_of = (panel.dates.max() + 1).item()
    results = train(panel, strategy(name), as_of, engine, naive_serves=naive_serves)
    assert all(isinstance(each, Trained) for each in results)
    models = [each.model for each in results]
    assert_publishable(forecast(models, as_of, 28), models)
    for each in results:
        numbers = [v for v in each.metrics.as_dict().values() if v is not None]
        assert np.isfinite(numbers).all()
        assert all(0.75 <= times <= 5 for times in each.model.interval_scale)
        text = json.dumps(each.model.to_json_dict(), allow_nan=False)
        assert SeriesModel.from_json_dict(json.loads(text)) == each.model


@pytest.mark.parametrize(("shape", "rows"), [*product(WILD, (1, 9, 120))])
def test_every_kind_of_series_is_publishable_by_auto(shape: str, rows: int):
    panel = wild_panel(0, [(shape, rows), ("steady", 200)], islands=False, closed_sundays=True)
    as_of = (panel.dates.max() + 1).item()
    models = [each.model for each in train(panel, strategy("auto"), as_of, engine)]
    assert_publishable(forecast(models, as_of, 7), models)


@pytest.fixture(scope="module")
def fleet() -> Panel:
    """Six series of three lengths, three of which have a day of rest."""
    shapes = ["steady", "intermittent", "triples", "outlier", "steady", "zero run"]
    rows = [900, 300, 120, 400, 200, 300]
    return wild_panel(3, list(zip(shapes, rows, strict=True)), False, True)


@pytest.mark.parametrize("name", BUILT_IN)
def test_every_built_in_strategy_trains_series_long_enough_for_it(fleet: Panel, name: str):
    as_of = fleet.dates[fleet.series(0)][-1].item() + timedelta(days=1)
    trained = train(fleet, strategy(name), as_of, engine, naive_serves=False)[0]
    assert isinstance(trained, Trained)
    assert trained.chosen == name or (name, trained.chosen) == ("warm-start", "calendar")
    assert len(trained.folds) == (5 + YEAR_FOLDS if weighed(name, BUILT_IN) != (name,) else 5)
    assert trained.comparison[0].metrics.mae is not None
    used = [each for each in trained.comparison if each.weight]
    chosen = BUILT_IN[trained.chosen]
    means = isinstance(chosen, EnsembleStrategy)
    members = len(chosen.members) if means else len(used) or 1
    assert len(trained.model.members) == members


def test_a_strategy_of_ones_own_trains_beside_the_built_in_ones(fleet: Panel):
    own = ProphetStrategy(name="own", window_days=200, scale="log", drivers=True, weekly_order=2)
    mean = EnsembleStrategy(name="mean", members=("own", "naive"))
    known = table([own, mean])
    as_of = fleet.dates[fleet.series(0)][-1].item() + timedelta(days=1)
    for asked in (own, mean):
        trained = train(
            fleet, asked, as_of, engine, known=known, naive_serves=False, backtest=Backtest(3)
        )[0]
        [prophet] = [m for m in trained.model.members if isinstance(m, ProphetParameters)]
        assert trained.chosen == asked.name
        assert (prophet.scale, prophet.t_scale_days) == ("log", 199)
        assert prophet.seasonalities[0].fourier_order == 2
        assert len(trained.folds) == 3


@pytest.mark.parametrize("name", ["full", "calendar-all", "auto", "blend", "naive"])
def test_a_stored_model_takes_up_to_four_kilobytes_a_member_and_forecasts_the_same(fleet, name):
    as_of = fleet.dates[fleet.series(0)][-1].item() + timedelta(days=1)
    long = fleet.select([0, 3])
    for trained in train(long, strategy(name), as_of, engine, naive_serves=False):
        text = json.dumps(trained.model.to_json_dict())
        assert 500 < len(text) < 500 + 4000 * len(trained.model.members)
        again = SeriesModel.from_json_dict(json.loads(text))
        ours, theirs = (forecast([model], as_of, 7) for model in (trained.model, again))
        assert ours.yhat.tobytes() == theirs.yhat.tobytes()


def test_the_same_panel_trains_to_the_same_bytes(fleet: Panel):
    as_of = fleet.dates[fleet.series(0)][-1].item() + timedelta(days=1)
    runs = [train(fleet, strategy("auto"), as_of, engine) for _ in range(2)]
    texts = [[json.dumps(each.model.to_json_dict()) for each in run] for run in runs]
    assert texts[0] == texts[1]
    assert runs[0] == runs[1]


def test_neither_order_nor_padding_changes_what_is_trained(fleet: Panel):
    """Company does: choices and intervals are shrunk towards the fleet's. Its order does not."""
    as_of = fleet.dates[fleet.series(0)][-1].item() + timedelta(days=1)
    order = [3, 5, 0, 2, 4, 1]
    ours = train(fleet, strategy("auto"), as_of, engine)
    moved = train(fleet.select(order), strategy("auto"), as_of, engine)
    assert [each.key for each in moved] == [ours[i].key for i in order]
    assert [each.chosen for each in moved] == [ours[i].chosen for i in order]
    weeks = [forecast([each.model for each in run], as_of, 7) for run in (ours, moved)]
    for name in ("yhat", "lower", "upper"):
        found, expected = getattr(weeks[1], name), getattr(weeks[0], name)[order]
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9)


def test_days_from_as_of_on_are_never_looked_at(fleet: Panel):
    as_of = date(2016, 6, 1)
    later = fleet.dates >= np.datetime64(as_of)
    scrambled = replace(
        fleet,
        units=np.where(later, 1e9, fleet.units),
        drivers=np.where(later[:, None], 7.0, fleet.drivers),
        is_open=fleet.is_open ^ later,
    )
    expected = train(fleet.only(~later), strategy("auto"), as_of, engine)
    assert later.any()
    assert train(scrambled, strategy("auto"), as_of, engine) == expected


def test_a_weekday_that_opens_for_the_first_time_is_not_forecast_as_closed(make_panel):
    panel = make_panel(weekly_sales(200), closed_sundays=True)
    as_of = (panel.dates[-1] + 1).item()
    [trained] = train(panel, strategy("auto"), as_of, engine)
    assert trained.model.closed_weekdays == (6,)
    said = Calendar(as_of, np.ones((1, 7), np.int8), (), np.empty((1, 7, 0)))
    by_rule, planned = (forecast([trained.model], as_of, 7, each) for each in (None, said))
    sunday = (planned.dates.astype(np.int64) + 3) % 7 == 6
    assert by_rule.yhat[0, sunday] == 0
    assert 0.5 < planned.yhat[0, sunday] / planned.yhat[0].mean() < 1.5


def test_a_level_that_triples_is_followed_within_three_weeks(make_panel):
    rng = np.random.default_rng(1)
    units = np.where(np.arange(400) > 400 - 21, 300.0, 100.0) + rng.normal(0, 5, 400)
    panel = make_panel(units)
    as_of = (panel.dates[-1] + 1).item()
    [trained] = train(panel, strategy("auto"), as_of, engine)
    assert forecast([trained.model], as_of, 7).yhat.mean() > 200


def test_a_warm_start_keeps_the_champions_parameters_and_follows_the_level(make_panel):
    promo = (np.arange(300) % 10 < 3).astype(float)
    units = weekly_sales(300) * (1 + 0.3 * promo)
    panel = make_panel(units, drivers={"promo": promo})
    as_of = date(2015, 9, 1)
    [before] = train(panel, strategy("calendar-linear"), as_of, engine, naive_serves=False)
    champions = {panel.keys[0]: Champion("calendar-linear", before.model)}
    raised = replace(panel, units=np.where(panel.dates >= np.datetime64(as_of), 1.5, 1) * units)
    later = as_of + timedelta(days=28)
    [warm] = train(raised, strategy("warm-start"), later, engine, champions=champions)
    assert warm.chosen == "calendar-linear"
    assert warm.notes[0] == f"a warm start from the model of days up to {before.data_through}"
    [old], [new] = before.model.members, warm.model.members
    assert replace(new, shift=0.0) == replace(old, shift=0.0)
    assert new.shift > old.shift + 0.1
    assert warm.data_through == later - timedelta(days=1)


def test_a_champion_of_another_kind_is_no_start(make_panel, curved):
    panel = make_panel(weekly_sales(200))
    champions = {panel.keys[0]: Champion("full", served(curved))}
    [cold] = train(panel, strategy("warm-start"), date(2015, 8, 1), engine, champions=champions)
    assert cold.notes == (
        "a cold start: no champion has parameters that can be moved to these days",
    )
    assert all(m.concave for m in cold.model.members if isinstance(m, ProphetParameters))


def test_a_warm_start_from_drivers_that_are_gone_counts_them_as_zero(make_panel):
    promo = (np.arange(300) % 10 < 3).astype(float)
    units = weekly_sales(300) * (1 + 0.3 * promo)
    panel = make_panel(units, drivers={"promo": promo})
    as_of = date(2015, 9, 1)
    [before] = train(panel, strategy("calendar-linear"), as_of, engine, naive_serves=False)
    champions = {panel.keys[0]: Champion("calendar-linear", before.model)}
    bare = make_panel(units)
    later = as_of + timedelta(days=28)
    [warm] = train(bare, strategy("warm-start"), later, engine, champions=champions)
    assert_publishable(forecast([warm.model], later, 7), [warm.model])
