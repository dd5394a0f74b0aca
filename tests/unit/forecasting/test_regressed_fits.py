"""Fits with regressors, on either scale, from the panel to the forecast."""

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prophet.serialize import model_from_json, model_to_json

from functions.forecasting.backtest import Backtest
from functions.forecasting.engines.batched.engine import BatchedEngine
from functions.forecasting.engines.engine import Engine
from functions.forecasting.engines.stan.engine import ProphetEngine
from functions.forecasting.folds import fold_cuts
from functions.forecasting.forecast.forecasts import forecast
from functions.forecasting.prophet.convert import rebuild
from functions.forecasting.prophet.prediction import effects, predict
from functions.forecasting.series.calendar import Calendar
from functions.forecasting.series.new_level import RESIDUAL_ROWS
from functions.forecasting.series.panel import Panel
from functions.forecasting.series.regressors import DayFacts, columns, design
from functions.forecasting.strategy import ProphetStrategy, strategy
from tests.unit.forecasting.generated import FIRST_DAY, days_from, weekly_sales
from tests.unit.forecasting.optimum import advantage, assert_optimal, columns_of
from tests.unit.forecasting.walks import (
    fitted,
    fold_models,
    head,
    models_of,
    served,
    walked,
    week_of,
)

engine: Engine = BatchedEngine()
stock: Engine = ProphetEngine()

LOG = strategy("calendar-all")
LINEAR = strategy("calendar-linear")
SIMPLE = ProphetStrategy(name="simple", drivers=True)
SCALES = pytest.mark.parametrize("chosen", [LINEAR, LOG], ids=["linear", "log"])


def promoted(make_panel, days: int, seed: int = 0, **more: np.ndarray) -> Panel:
    """A series whose promotions sell more, above all on Saturdays."""
    rng = np.random.default_rng(seed)
    promo = (rng.random(days) < 0.4).astype(float)
    saturday = np.arange(days) % 7 == 5
    units = weekly_sales(days, seed) * (1 + promo * (0.3 + 0.2 * saturday))
    return make_panel(units, closed_sundays=True, drivers={"promo": promo, **more}).open_days()


def calendar_of(start: date, **drivers: list[float]) -> Calendar:
    """A week of open days (closed on Sunday, if it starts on a Monday) with these drivers."""
    values = np.array(list(drivers.values()), float).T[None]
    return Calendar(start, np.full((1, 7), -1, np.int8), tuple(sorted(drivers)), values)


@SCALES
@pytest.mark.parametrize("days", [80, 200, 800])
def test_generated_series_are_certified_and_fitted_at_least_as_well_as_stan_does(
    make_panel, chosen: ProphetStrategy, days: int
):
    panel = promoted(make_panel, days, price=100 + np.sin(np.arange(days)))
    made = design(panel, chosen)
    [model], [stans] = fitted(engine, panel, chosen), fitted(stock, panel, chosen)
    assert assert_optimal(panel, [model], made) == 1
    assert [term.name for term in model.regressors] == [term.name for term in stans.regressors]
    for ours, theirs in zip(model.regressors, stans.regressors, strict=True):
        assert (ours.mean, ours.std) == pytest.approx((theirs.mean, theirs.std), rel=1e-9)
        assert ours.prior_scale == theirs.prior_scale
    regressed = columns_of(model, made, slice(None))
    assert advantage(model, stans, panel.dates, panel.units, regressed) >= -1e-3
    assert (model.scale, model.smearing) == (stans.scale, stans.smearing)
    assert model.shift == pytest.approx(stans.shift, abs=2e-3)


@pytest.mark.parametrize("chosen", [LINEAR, LOG, strategy("local")], ids=lambda each: each.name)
def test_real_stores_agree_with_stock_prophet(real_stores, chosen: ProphetStrategy):
    as_of = date(2015, 7, 25)
    panel = real_stores.select([0, 2, 4]).window(as_of, chosen.window_days).open_days()
    made = design(panel, chosen)
    pairs = zip(fitted(engine, panel, chosen), fitted(stock, panel, chosen), strict=True)
    calendars = [real_calendar(real_stores.select([at]), as_of) for at in (0, 2, 4)]
    differences = []
    for i, (model, stans) in enumerate(pairs):
        rows = panel.series(i)
        regressed = columns_of(model, made, rows)
        better = advantage(model, stans, panel.dates[rows], panel.units[rows], regressed)
        assert better >= -1e-3
        ours, theirs = (
            forecast([served(each)], as_of, 7, calendars[i]).yhat[0] for each in (model, stans)
        )
        is_open = calendars[i].is_open[0, :7] == 1
        assert is_open.sum() == 6
        assert (theirs[is_open] > 0).all()
        differences.append(np.abs(ours / np.where(is_open, theirs, 1) - 1)[is_open])
    assert np.median(np.concatenate(differences)) < 0.005
    assert np.quantile(np.concatenate(differences), 0.99) < 0.05


def real_calendar(panel: Panel, start: date) -> Calendar:
    """What the data itself knows of the days from `start` on."""
    later = panel.dates >= np.datetime64(start)
    return Calendar(
        start,
        panel.is_open[later].astype(np.int8)[None],
        panel.driver_names,
        panel.drivers[later][None],
    )


@SCALES
def test_every_fold_of_the_real_stores_is_certified(real_stores, chosen: ProphetStrategy):
    panel = real_stores.window(date(2015, 7, 25), None).open_days()
    made = design(panel, chosen)
    cuts = fold_cuts(panel.rows, np.full(len(panel), 7), 5)
    certified = 0
    for k, models in enumerate(fold_models(panel, chosen, 7)):
        kept = head(panel, cuts[:, k].tolist())
        certified += assert_optimal(panel.only(kept), models, made.rows(kept))
    assert certified == 6 * len(panel)


@SCALES
def test_folds_are_those_of_stock_prophet(make_panel, chosen: ProphetStrategy):
    panel = promoted(make_panel, 150)
    two = Backtest(n_splits=2)
    ours, stocks = (walked(each, panel, chosen, 7, two) for each in (engine, stock))
    for name in ("yhat", "lower", "upper"):
        found, expected = getattr(ours.band, name), getattr(stocks.band, name)
        np.testing.assert_allclose(found, expected, rtol=0.02)
    assert np.median(np.abs(ours.band.yhat / stocks.band.yhat - 1)) < 0.005


@settings(deadline=None, max_examples=25)
@given(
    seed=st.integers(0, 2**32 - 1),
    days=st.sampled_from([30, 60, 150]),
    chosen=st.sampled_from([SIMPLE, LOG, LINEAR]),
    kinds=st.sets(st.sampled_from(["twin", "sum", "constant", "late", "huge", "gaps", "never"])),
)
def test_collinear_constant_late_and_unknown_drivers_are_certified(
    make_panel, seed, days, chosen, kinds
):
    rng = np.random.default_rng(seed)
    flags = (rng.random((2, days)) < 0.4).astype(float)
    price = rng.normal(0, 1, days)
    drivers = {
        "twin": flags[0],
        "sum": flags[0] + 2 * flags[1],
        "constant": np.full(days, 0.1),
        "late": (np.arange(days) > days - 10).astype(float),
        "huge": 1e9 + 1e3 * price,
        "gaps": np.where(rng.random(days) < 0.3, np.nan, price),
        "never": np.full(days, np.nan),
    }
    units = rng.poisson(20 * (1 + flags[0])).astype(float)
    made = {name: drivers[name] for name in kinds} | {"a": flags[0], "b": flags[1]}
    panel = make_panel(units, drivers=made)
    cuts = fold_cuts(panel.rows, np.array([4]), 5)
    regressed = design(panel, chosen)
    for k, models in enumerate(fold_models(panel, chosen, 4)):
        kept = head(panel, cuts[:, k].tolist())
        assert assert_optimal(panel.only(kept), models, regressed.rows(kept)) == 1
    named = {term.name for term in models[0].regressors}
    assert not named & {"driver/constant", "driver/never"}
    assert "driver/a" in named


def test_twins_share_their_effect_and_forecast_as_one(make_panel):
    one = promoted(make_panel, 150)
    two = replace(one, driver_names=("promo", "twin"), drivers=np.repeat(one.drivers, 2, axis=1))
    [alone], [both] = fitted(engine, one, SIMPLE), fitted(engine, two, SIMPLE)
    first, second = (term.beta for term in both.regressors)
    assert first == pytest.approx(second, rel=1e-6)
    start = alone.last_day + timedelta(days=1)
    promo = [1.0, 0, 1, 0, 1, 0, 0]
    ours = week_of([alone], start, calendar_of(start, promo=promo)).yhat
    theirs = week_of([both], start, calendar_of(start, promo=promo, twin=promo)).yhat
    np.testing.assert_allclose(ours, theirs, rtol=1e-3)


def test_a_promotion_that_exists_in_the_future_only_changes_nothing(make_panel):
    units = weekly_sales(150)
    panels = [make_panel(units), make_panel(units, drivers={"promo": np.zeros(150)})]
    models = [fitted(engine, panel, LINEAR)[0] for panel in panels]
    assert models[0] == models[1]
    start = models[0].last_day + timedelta(days=1)
    planned = week_of([models[1]], start, calendar_of(start, promo=[1.0] * 7))
    np.testing.assert_array_equal(planned.yhat, week_of([models[0]], start).yhat)
    assert planned.assumed == [[()] * 7]


@SCALES
def test_a_forecast_is_what_the_rows_of_those_days_would_have_been_predicted(
    make_panel, chosen: ProphetStrategy
):
    """The last fold's forecast is the same from the stored model and a calendar."""
    panel = promoted(make_panel, 403)  # ends on a Tuesday
    whole = walked(engine, panel, chosen, 6)
    kept = head(panel, [int(panel.rows[0]) - 6])
    before = panel.only(kept)
    [model] = fitted(engine, before, chosen, design(panel, chosen).rows(kept))
    test = panel.dates[-6:]
    start = test[0].item()
    promo = np.zeros((1, 7, 1))
    promo[0, (test - test[0]).astype(int), 0] = panel.drivers[-6:, 0]
    calendar = Calendar(start, np.full((1, 7), -1, np.int8), ("promo",), promo)
    week = week_of([model], start, calendar)
    is_open = np.isin(week.dates, test)
    for name in ("yhat", "lower", "upper"):
        found, expected = getattr(week, name)[0, is_open], getattr(whole.band, name)[0, -1]
        np.testing.assert_allclose(found, expected, rtol=1e-9)


@SCALES
def test_the_recent_residual_is_a_share_of_the_weighted_mean_of_the_last_days(
    make_panel, chosen: ProphetStrategy
):
    panel = promoted(make_panel, 150)
    [model] = fitted(engine, panel, chosen)
    made = design(panel, chosen)
    last = slice(-RESIDUAL_ROWS, None)
    regressed = columns_of(model, made, last)
    terms = model.regressors
    beta = np.array([term.beta / term.std for term in terms])
    effect = (regressed - [term.mean for term in terms]) @ beta
    unshifted = predict([replace(model, shift=0.0)], panel.dates[last], effect[None])[0]
    y = np.log1p(panel.units) if chosen.scale == "log" else panel.units
    age = (panel.dates[-1] - panel.dates[last]).astype(float)
    mean = np.average(y[last] - unshifted, weights=0.5 ** (age / chosen.residual_half_life_days))
    assert model.shift * model.y_scale == pytest.approx(chosen.recent_residual * mean, rel=1e-6)


@SCALES
def test_a_model_becomes_a_prophet_that_agrees_and_survives_its_json(
    make_panel, chosen: ProphetStrategy
):
    panel = promoted(make_panel, 150)
    [model] = fitted(engine, panel, chosen)
    dates = days_from(model.last_day, 14)
    none = np.zeros(14, np.int64)
    facts = DayFacts(dates.astype(np.int64), ("promo",), np.eye(14)[:, :1], none, none)
    expected = predict([model], dates, effects([model], facts, 14))[0]
    names = tuple(term.name for term in model.regressors)
    frame = pd.DataFrame(columns(names, facts), columns=names)
    frame["ds"] = dates.astype("datetime64[ns]")
    prophet = rebuild(model)
    prophet.uncertainty_samples = 0
    for each in (prophet, model_from_json(model_to_json(prophet))):
        np.testing.assert_allclose(each.predict(frame)["yhat"], expected, rtol=1e-9)
    assert len(names) > 5


def test_neither_order_nor_company_changes_a_result_with_regressors(make_panel):
    rng = np.random.default_rng(1)
    lengths = [90, 200, 120, 90]
    units = [weekly_sales(days, seed) for seed, days in enumerate(lengths)]
    promo = (rng.random(sum(lengths)) < 0.3).astype(float)
    promo[:90] = 0  # the first series never had one
    panel = make_panel(*units, drivers={"promo": promo})
    walk = walked(engine, panel, LOG, 7)
    order = [2, 0, 3, 1]
    moved = walked(engine, panel.select(order), LOG, 7)
    np.testing.assert_allclose(moved.band.yhat, walk.band.yhat[order], rtol=1e-9)
    models = models_of(walk)
    for i in range(4):
        alone = walked(engine, panel.select([i]), LOG, 7)
        np.testing.assert_allclose(alone.band.yhat[0], walk.band.yhat[i], rtol=1e-9)
        [other], model = models_of(alone), models[i]
        assert [term.name for term in other.regressors] == [t.name for t in model.regressors]
        assert other.sigma_obs == pytest.approx(model.sigma_obs, rel=1e-9)
    assert FIRST_DAY == models[0].first_day
