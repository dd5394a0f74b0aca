from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prophet.serialize import model_from_json, model_to_json

from functions.forecasting.backtest import DEFAULT, Backtest
from functions.forecasting.engines.batched import engine as batched_engine
from functions.forecasting.engines.batched import optimum
from functions.forecasting.engines.batched.engine import BatchedEngine
from functions.forecasting.engines.engine import Engine
from functions.forecasting.engines.stan.engine import ProphetEngine
from functions.forecasting.findings import Finding
from functions.forecasting.folds import fold_cuts
from functions.forecasting.prophet.convert import rebuild
from functions.forecasting.prophet.intervals import half_widths
from functions.forecasting.prophet.parameters import ProphetParameters
from functions.forecasting.prophet.prediction import predict
from functions.forecasting.series.failures import FitFailure
from functions.forecasting.series.panel import Panel
from functions.forecasting.series.regressors import Design, design
from functions.forecasting.strategy import ProphetStrategy, same_columns, strategy
from tests.unit.forecasting.generated import FIRST_DAY, days_from, weekly_sales
from tests.unit.forecasting.optimum import advantage, assert_optimal
from tests.unit.forecasting.walks import (
    fitted,
    fold_models,
    head,
    models_of,
    walked,
    week_of,
)

engine: Engine = BatchedEngine()
stock: Engine = ProphetEngine()
FULL = ProphetStrategy(name="full")

SHAPES = {
    "noisy": lambda t, rng: 100 + rng.normal(0, 10, len(t)),
    "weekly": lambda t, rng: 50 + 9 * (t % 7) + rng.normal(0, 3, len(t)),
    "bent": lambda t, rng: np.abs(t - len(t) / 2) + rng.normal(0, 0.5, len(t)),
    "noise-free line": lambda t, rng: 1.0 * t,
    "noise-free wave": lambda t, rng: 3 + np.sin(2 * np.pi * t / 7),
    "step": lambda t, rng: np.where(t > len(t) // 2, 1000.0, 10.0),
    "intermittent": lambda t, rng: rng.poisson(0.3, len(t)).astype(float),
    "one sale": lambda t, rng: np.r_[np.zeros(len(t) - 1), 1.0],
    "outlier": lambda t, rng: np.r_[100 + rng.normal(0, 10, len(t) - 1), 5000.0],
    "heavy tail": lambda t, rng: rng.lognormal(0, 3, len(t)),
    "negative": lambda t, rng: -rng.gamma(1, 1, len(t)),
    "constant": lambda t, rng: np.full(len(t), 7.0),
    "zero": lambda t, rng: np.zeros(len(t)),
}
REGULAR = ("noisy", "weekly", "bent", "outlier")


@st.composite
def panels(draw: st.DrawFn, shapes: tuple[str, ...] = tuple(SHAPES), most: int = 6) -> Panel:
    """A panel of generated series with gaps, islands, huge and tiny values."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    dates, units = [], []
    for _ in range(draw(st.integers(1, most))):
        rows = draw(st.sampled_from([2, 3, 5, 9, 14, 30, 98, 150]))
        rows = rows if shapes == tuple(SHAPES) else max(rows, 30)
        missing = draw(st.sampled_from([0.0, 0.1, 0.5]))
        steps = 1 + (rng.random(rows) < missing) * rng.integers(0, 20, rows)
        steps[rows // 2] += draw(st.sampled_from([0, 0, 0, 1400]))
        shape = SHAPES[draw(st.sampled_from(shapes))]
        dates.append(days_from(FIRST_DAY, 1) + np.cumsum(steps))
        units.append(shape(np.arange(rows), rng) * draw(st.sampled_from([1.0, 1.0, 1e12, 1e-6])))
    lengths = [len(each) for each in units]
    return Panel(
        keys=tuple((str(i), "all") for i in range(len(units))),
        offsets=np.r_[0, np.cumsum(lengths)].astype(np.int64),
        dates=np.concatenate(dates),
        units=np.concatenate(units),
        is_open=np.ones(sum(lengths), bool),
    )


strategies = st.sampled_from(
    [FULL] + [replace(FULL, changepoint_prior_scale=scale) for scale in (0.001, 0.5, 10.0)]
)


def assert_same(ours: list, others: list, rescaled: float = 1.0) -> None:
    """Nine digits agree of what the models say, and of their noise, in units per day."""
    days = np.datetime64(FIRST_DAY, "D") + np.arange(0, 300, 5)
    for one, other in zip(ours, others, strict=True):
        assert type(one) is type(other)
        expected = predict([other], days)[0] * rescaled
        size = np.maximum(np.abs(expected), one.y_scale)
        assert (np.abs(predict([one], days)[0] - expected) <= 1e-9 * size).all()
        assert one.sigma_obs == pytest.approx(other.sigma_obs, rel=1e-9)


@settings(deadline=None, max_examples=60)
@given(panels(), strategies)
def test_every_fit_is_the_certified_maximum_of_its_posterior(
    panel: Panel, strategy: ProphetStrategy
):
    models = fitted(engine, panel, strategy)
    assert all(isinstance(model, ProphetParameters) for model in models)
    assert_optimal(panel, models)


@settings(deadline=None, max_examples=40)
@given(panels(), strategies, st.integers(1, 7))
def test_whatever_the_input_forecasts_and_folds_are_finite(
    panel: Panel, strategy: ProphetStrategy, block: int
):
    walk = walked(engine, panel, strategy, block)
    for i, rows in enumerate(panel.rows.tolist()):
        assert (walk.reasons[i] is None) == (rows >= 5 * block + 2)
        folds = walk.band.at(i)
        finite = np.isfinite([folds.yhat, folds.lower, folds.upper])
        assert finite.all() if walk.reasons[i] is None else not finite.any()
    models = [
        model for model in fitted(engine, panel, strategy) if not isinstance(model, FitFailure)
    ]
    week = week_of(models, date(2016, 1, 1))
    assert np.isfinite([week.yhat, week.lower, week.upper]).all()


@settings(deadline=None, max_examples=25)
@given(panels(REGULAR), st.sampled_from([2.0**40, 0.1, 3e11, 7e-13]))
def test_the_unit_of_sales_changes_no_result(panel: Panel, unit: float):
    models = fitted(engine, panel, FULL)
    assert_same(fitted(engine, replace(panel, units=panel.units * unit), FULL), models, unit)


@settings(deadline=None, max_examples=25)
@given(panels(REGULAR, most=5), st.randoms())
def test_neither_order_nor_company_changes_a_result(panel: Panel, random):
    models = fitted(engine, panel, FULL)
    order = random.sample(range(len(panel)), len(panel))
    assert_same(fitted(engine, panel.select(order), FULL), [models[i] for i in order])
    alone = [fitted(engine, panel.select([i]), FULL)[0] for i in range(len(panel))]
    assert_same(alone, models)


def test_chunks_and_padding_change_no_result(make_panel, windowed, monkeypatch):
    lengths = [40, 101, 45, 101, 99, 700, 37]
    panel = make_panel(*(weekly_sales(days, seed) for seed, days in enumerate(lengths)))
    whole = walked(engine, panel, windowed, 7)
    monkeypatch.setattr(batched_engine, "CHUNK_ROWS", 150)
    parts = walked(engine, panel, windowed, 7)
    assert_same(models_of(parts), models_of(whole))
    for name in ("yhat", "lower", "upper"):
        ours, others = getattr(parts.band, name), getattr(whole.band, name)
        np.testing.assert_allclose(ours, others, rtol=1e-9, atol=1e-9 * panel.units.max())


def test_strategies_with_the_same_columns_are_the_same_bytes_together_and_alone(make_panel):
    on_log, linear = twins = [strategy("calendar-all"), strategy("calendar-linear")]
    assert same_columns(on_log, linear)
    panel = make_panel(weekly_sales(101, 1), np.full(101, 7.0), weekly_sales(90, 2))
    made, blocks = design(panel, on_log), np.array([7, 7, 0])
    for one, walk in zip(twins, engine.walk_forward(panel, twins, made, blocks), strict=True):
        [alone] = engine.walk_forward(panel, [one], made, blocks)
        assert walk.band.yhat.tobytes() == alone.band.yhat.tobytes()
        assert walk.band.upper.tobytes() == alone.band.upper.tobytes()
        assert models_of(walk) == models_of(alone)
        assert {model.scale for model in models_of(walk)} == {one.scale}


def test_series_with_blocks_of_other_lengths_have_the_folds_they_would_have_alone(
    make_panel, windowed
):
    panel = make_panel(weekly_sales(101, 1), weekly_sales(101, 2), weekly_sales(20, 3))
    blocks = np.array([7, 3, 0])
    without = Design((), np.empty((222, 0)), np.empty(0), (), np.empty((3, 7, 0)))
    [walk] = engine.walk_forward(panel, [windowed], without, blocks)
    for i, block in enumerate(blocks.tolist()):
        alone = walked(engine, panel.select([i]), windowed, block)
        assert np.isnan(walk.band.yhat[i, :, block:]).all()
        found, expected = walk.band.yhat[i, :, :block], alone.band.yhat[0, :, :block]
        np.testing.assert_allclose(found, expected, rtol=1e-9)
        assert_same([walk.model(i)], [alone.model(0)])


def test_the_same_panel_gives_the_same_bytes_from_any_thread(make_panel, windowed):
    panel = make_panel(*(weekly_sales(90 + seed, seed) for seed in range(20)))
    expected = walked(engine, panel, windowed, 7)
    with ThreadPoolExecutor(2) as threads:
        runs = [threads.submit(walked, engine, panel, windowed, 7) for _ in range(4)]
        for run in runs:
            assert models_of(run.result()) == models_of(expected)
            assert run.result().band.upper.tobytes() == expected.band.upper.tobytes()


@pytest.mark.parametrize("rows", [14, 30, 60, 99, 119])
def test_generated_series_are_fitted_at_least_as_well_as_stan_does(make_panel, windowed, rows):
    panel = make_panel(weekly_sales(rows, seed=rows))
    [model] = fitted(engine, panel, windowed)
    [stans] = fitted(stock, panel, windowed)
    assert advantage(model, stans, panel.dates, panel.units) >= -1e-3
    assert (model.seasonalities, model.y_scale) == (stans.seasonalities, stans.y_scale)
    assert model.changepoints_t == pytest.approx(stans.changepoints_t)


@pytest.mark.parametrize("strategy", [FULL, ProphetStrategy("windowed", window_days=120)])
def test_real_stores_agree_with_stock_prophet(real_panel, strategy: ProphetStrategy):
    as_of = date(2015, 7, 25)
    panel = real_panel.select([0, 2, 4]).window(as_of, strategy.window_days).open_days()
    differences = []
    for cuts in (panel.rows - 7, panel.rows):
        part = panel.only(head(panel, cuts.tolist()))
        pairs = zip(fitted(engine, part, strategy), fitted(stock, part, strategy), strict=True)
        for i, (model, stans) in enumerate(pairs):
            dates, units = part.dates[part.series(i)], part.units[part.series(i)]
            assert advantage(model, stans, dates, units) >= -1e-3
            week = week_of([model, stans], as_of).yhat
            open_days = week[1] > 0
            differences.append(np.abs(week[0] / np.where(open_days, week[1], 1) - 1)[open_days])
    assert np.median(np.concatenate(differences)) < 0.005
    assert np.quantile(np.concatenate(differences), 0.99) < 0.05


@pytest.mark.parametrize("strategy", [FULL, ProphetStrategy("windowed", window_days=120)])
def test_every_fold_of_the_real_stores_is_certified(real_panel, strategy: ProphetStrategy):
    panel = real_panel.window(date(2015, 7, 25), strategy.window_days).open_days()
    cuts = fold_cuts(panel.rows, np.full(len(panel), 7), 5)
    certified = 0
    for k, models in enumerate(fold_models(panel, strategy, 7)):
        certified += assert_optimal(panel.only(head(panel, cuts[:, k].tolist())), models)
    assert certified == 6 * len(panel)


@pytest.mark.parametrize("days", [119, 800])
def test_a_walk_is_its_folds_fitted_and_forecast_one_by_one(make_panel, days: int):
    panel = make_panel(weekly_sales(days), closed_sundays=True).open_days()
    walk = walked(engine, panel, FULL, 7)
    [cuts] = fold_cuts(panel.rows, np.array([7]), 5).tolist()
    for k, cut in enumerate(cuts[:-1]):
        models = fitted(engine, panel.only(head(panel, [cut])), FULL)
        dates = panel.dates[cut : cut + 7]
        yhat = np.maximum(predict(models, dates), 0)
        ahead = (dates - np.datetime64(models[0].last_day)).astype(np.int64)[None]
        width = half_widths(models, ahead, DEFAULT.interval_level)
        np.testing.assert_allclose(walk.band.yhat[0, k], yhat[0], rtol=1e-9)
        np.testing.assert_allclose(walk.band.upper[0, k], (yhat + width)[0], rtol=1e-9)
        np.testing.assert_allclose(walk.band.lower[0, k], (yhat - width)[0], rtol=1e-9)
    assert_same([walk.model(0)], fitted(engine, panel, FULL))


def test_a_model_becomes_a_prophet_that_agrees_and_survives_its_json(make_panel):
    panel = make_panel(weekly_sales(800), closed_sundays=True).open_days()
    [model] = fitted(engine, panel, FULL)
    dates = days_from(model.last_day, 14)
    expected = predict([model], dates)[0]
    prophet = rebuild(model)
    prophet.uncertainty_samples = 0
    frame = pd.DataFrame({"ds": dates.astype("datetime64[ns]")})
    for each in (prophet, model_from_json(model_to_json(prophet))):
        np.testing.assert_allclose(each.predict(frame)["yhat"], expected, rtol=1e-9)
    assert [term.name for term in model.seasonalities] == ["yearly", "weekly"]


@pytest.mark.parametrize("units", [np.full(60, 7.0), np.zeros(60), np.full(2, 3.0)])
@pytest.mark.parametrize("scale", ["linear", "log"])
def test_constant_series_are_fitted_as_prophet_fits_them(make_panel, windowed, units, scale):
    panel, strategy = make_panel(units), replace(windowed, scale=scale)
    assert fitted(engine, panel, strategy) == fitted(stock, panel, strategy)


def test_bad_series_are_unfit_in_their_places_and_the_rest_is_fitted(make_panel, windowed):
    nan = np.array([1.0, np.nan, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0])
    panel = make_panel([], [4.0], nan, weekly_sales(101))
    walk = walked(engine, panel, windowed, 1)
    fits = models_of(walk)
    assert [type(each) for each in fits] == [FitFailure, FitFailure, FitFailure, ProphetParameters]
    assert fits[1].reason == "1 open days are too few; at least 7 are needed"
    assert "nan on 2015-01-06" in fits[2].reason
    assert np.isnan(walk.band.yhat[:3]).all()
    assert fitted(engine, make_panel(), windowed) == []


def test_what_has_no_optimum_within_the_rounds_is_unfit(make_panel, windowed, monkeypatch):
    monkeypatch.setattr(optimum, "_MAX_ROUNDS", 1)
    fits = fitted(engine, make_panel(weekly_sales(101), np.full(101, 7.0)), windowed)
    assert fits[0] == FitFailure("the batched solver found no optimum for 101 open days")
    assert isinstance(fits[1], ProphetParameters)


def test_what_has_no_optimum_is_fitted_by_the_fallback_which_says_so(
    make_panel, windowed, monkeypatch
):
    monkeypatch.setattr(optimum, "_MAX_ROUNDS", 1)
    panel = make_panel(np.full(101, 7.0), weekly_sales(101), [3.0])
    two = Backtest(n_splits=2)
    walk = walked(BatchedEngine(fallback=stock), panel, windowed, 7, two)
    expected = walked(stock, panel, windowed, 7, two)
    assert walk.findings == {1: Finding("stock-as-unsolved")}
    assert walk.model(1) == expected.model(1)
    np.testing.assert_array_equal(walk.band.yhat[1], expected.band.yhat[1])
    assert walk.reasons[2] == FitFailure("1 open days are too few; at least 16 are needed")


@pytest.mark.parametrize("field", [{"growth": "logistic"}, {"seasonality_mode": "multiplicative"}])
def test_a_strategy_that_is_not_concave_is_the_fallbacks_whole(make_panel, quick, field):
    strategy, two = ProphetStrategy("own", **field), Backtest(n_splits=2)
    panel = make_panel(weekly_sales(60), [3.0])
    walk = walked(BatchedEngine(fallback=quick), panel, strategy, 7, two)
    expected = walked(quick, panel, strategy, 7, two)
    assert walk.model(0) == quick.model
    assert walk.reasons == expected.reasons
    np.testing.assert_array_equal(walk.band.yhat, expected.band.yhat)
    assert [seen for _, seen, _, _ in quick.seen] == [strategy, strategy]

    alone = walked(engine, panel, strategy, 7, two)
    assert alone.band.yhat.shape == walk.band.yhat.shape
    assert [why.reason.split(";")[0] for why in alone.reasons if why] == [
        "the batched solver has linear growth and additive terms only"
    ] * 2


def test_an_island_years_away_does_not_make_forecasts_explode(make_panel):
    old = make_panel(weekly_sales(60, seed=1))
    new = make_panel(weekly_sales(60, seed=2), first=date(2019, 1, 7))
    panel = replace(
        new,
        dates=np.r_[old.dates, new.dates],
        units=np.r_[old.units, new.units],
        is_open=np.r_[old.is_open, new.is_open],
        drivers=np.empty((120, 0)),
        offsets=np.array([0, 120]),
    )
    week = week_of(fitted(engine, panel, FULL), date(2019, 6, 1))
    assert week.yhat.max() < 2 * panel.units.max()


def test_a_gap_of_years_in_a_wild_series_keeps_no_fit_from_its_optimum(make_panel):
    """Changepoints about the gap are nearly one: rounding alone kept three folds restless."""
    days = np.concatenate([days_from(FIRST_DAY, 75), days_from(date(2019, 1, 20), 75)])
    wild = [np.exp(np.random.default_rng(seed).normal(0, 3, 150)) for seed in range(60)]
    panel = replace(make_panel(*wild), dates=np.tile(days, 60))
    strategy = replace(FULL, changepoint_prior_scale=10.0)
    assert walked(engine, panel, strategy, 1).reasons == [None] * 60
    for rows in range(145, 151):
        until = panel.only(np.tile(np.arange(150) < rows, 60))
        assert assert_optimal(until, fitted(engine, until, strategy)) == 60
