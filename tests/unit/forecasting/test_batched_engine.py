from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prophet.serialize import model_from_json, model_to_json

from functions.forecasting import active_set, batched_engine, stan_fit
from functions.forecasting.batched_engine import BatchedEngine
from functions.forecasting.engine import Engine
from functions.forecasting.metrics import Metrics
from functions.forecasting.panel import Panel
from functions.forecasting.parameters import ProphetParameters
from functions.forecasting.prediction import predict
from functions.forecasting.procedure import Trained, train
from functions.forecasting.splits import anchored_splits
from functions.forecasting.strategy import Strategy
from functions.forecasting.unfit import Unfit
from tests.unit.forecasting.generated import FIRST_DAY, days_from, weekly_sales
from tests.unit.forecasting.optimum import advantage, assert_optimal

engine: Engine = BatchedEngine()
FULL = Strategy(name="full", window_days=None)

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


def head(panel: Panel, cuts: list[int]) -> Panel:
    """The first rows of each series."""
    rows = [np.arange(start, start + cut) for start, cut in zip(panel.offsets, cuts, strict=False)]
    at = np.concatenate(rows)
    offsets = np.r_[0, np.cumsum(cuts)].astype(np.int64)
    return Panel(panel.keys, offsets, panel.dates[at], panel.units[at], panel.is_open[at])


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
def test_every_fit_is_the_certified_maximum_of_its_posterior(panel: Panel, strategy: Strategy):
    models = engine.fit(panel, strategy)
    assert all(isinstance(model, ProphetParameters) for model in models)
    assert_optimal(panel, models)


@settings(deadline=None, max_examples=40)
@given(panels(), strategies)
def test_whatever_the_input_forecasts_and_errors_are_finite(panel: Panel, strategy: Strategy):
    week = engine.forecast(engine.fit(panel, strategy), date(2016, 1, 1), 7)
    assert np.isfinite([week.yhat, week.lower, week.upper]).all()
    for rows, metrics in zip(panel.rows, engine.backtest(panel, strategy), strict=True):
        assert isinstance(metrics, Unfit) == (rows < 7)
        if isinstance(metrics, Metrics):
            assert np.isfinite([metrics.rmse, metrics.mae, metrics.medae]).all()


@settings(deadline=None, max_examples=25)
@given(panels(REGULAR), st.sampled_from([2.0**40, 0.1, 3e11, 7e-13]))
def test_the_unit_of_sales_changes_no_result(panel: Panel, unit: float):
    models = engine.fit(panel, FULL)
    assert_same(engine.fit(replace(panel, units=panel.units * unit), FULL), models, unit)


@settings(deadline=None, max_examples=25)
@given(panels(REGULAR, most=5), st.randoms())
def test_neither_order_nor_company_changes_a_result(panel: Panel, random):
    models = engine.fit(panel, FULL)
    order = random.sample(range(len(panel)), len(panel))
    assert_same(engine.fit(panel.select(order), FULL), [models[i] for i in order])
    alone = [engine.fit(panel.select([i]), FULL)[0] for i in range(len(panel))]
    assert_same(alone, models)


def test_chunks_and_padding_change_no_result(make_panel, windowed, monkeypatch):
    lengths = [30, 101, 45, 101, 99, 700, 12]
    panel = make_panel(*(weekly_sales(days, seed) for seed, days in enumerate(lengths)))
    models, errors = engine.fit(panel, windowed), engine.backtest(panel, windowed)
    monkeypatch.setattr(batched_engine, "CHUNK_ROWS", 150)
    assert_same(engine.fit(panel, windowed), models)
    for one, other in zip(engine.backtest(panel, windowed), errors, strict=True):
        assert one.rmse == pytest.approx(other.rmse, rel=1e-9)


def test_the_same_panel_gives_the_same_bytes_from_any_thread(make_panel, windowed):
    panel = make_panel(*(weekly_sales(90 + seed, seed) for seed in range(20)))
    expected = engine.fit(panel, windowed), engine.backtest(panel, windowed)
    with ThreadPoolExecutor(2) as threads:
        runs = [threads.submit(engine.fit, panel, windowed) for _ in range(4)]
        assert all(run.result() == expected[0] for run in runs)
    assert engine.backtest(panel, windowed) == expected[1]


@pytest.mark.parametrize("rows", [14, 30, 60, 99, 119])
def test_generated_series_are_fitted_at_least_as_well_as_stan_does(make_panel, windowed, rows):
    units = weekly_sales(rows, seed=rows)
    dates = days_from(FIRST_DAY, rows)
    [model] = engine.fit(make_panel(units), windowed)
    stans = stan_fit.fit(dates, units, windowed)
    assert advantage(model, stans, dates, units) >= -1e-3
    assert (model.seasonalities, model.y_scale) == (stans.seasonalities, stans.y_scale)
    assert model.changepoints_t == pytest.approx(stans.changepoints_t)


@pytest.mark.parametrize("strategy", [FULL, Strategy("windowed", window_days=120)])
def test_real_stores_agree_with_stock_prophet(real_panel, strategy: Strategy):
    as_of = date(2015, 7, 25)
    panel = real_panel.select([0, 2, 4]).window(as_of, strategy.window_days).open_days()
    differences = []
    for cut in (lambda rows: anchored_splits(rows, 5)[-1].cut, lambda rows: rows):
        part = head(panel, [cut(int(rows)) for rows in panel.rows])
        for i, model in enumerate(engine.fit(part, strategy)):
            dates, units = part.dates[part.series(i)], part.units[part.series(i)]
            stans = stan_fit.fit(dates, units, strategy)
            assert advantage(model, stans, dates, units) >= -1e-3
            week = engine.forecast([model, stans], as_of, 7).yhat
            open_days = week[1] > 0
            differences.append(np.abs(week[0] / np.where(open_days, week[1], 1) - 1)[open_days])
    assert np.median(np.concatenate(differences)) < 0.005
    assert np.quantile(np.concatenate(differences), 0.99) < 0.05


def test_every_fold_of_the_real_stores_is_certified(real_panel):
    panel = real_panel.window(date(2015, 7, 25), None).open_days()
    certified = 0
    for k in range(6):
        cuts = [[*(f.cut for f in anchored_splits(r, 5)), r][k] for r in panel.rows.tolist()]
        part = head(panel, cuts)
        certified += assert_optimal(part, engine.fit(part, FULL))
    assert certified == 6 * len(panel)


@pytest.mark.parametrize("days", [119, 800])
def test_a_backtest_is_that_of_the_folds_fitted_one_by_one(make_panel, days: int):
    panel = make_panel(weekly_sales(days), closed_sundays=True).open_days()
    folds = []
    for fold in anchored_splits(int(panel.rows[0]), 5):
        models = engine.fit(head(panel, [fold.cut]), FULL)
        predicted = np.maximum(predict(models, panel.dates[fold.test])[0], 0)
        folds.append(Metrics.of(panel.units[fold.test], predicted))
    expected = Metrics.mean(folds)
    [metrics] = engine.backtest(panel, FULL)
    assert (metrics.rmse, metrics.mae) == pytest.approx((expected.rmse, expected.mae))
    assert (metrics.mape, metrics.medae) == pytest.approx((expected.mape, expected.medae))


def test_a_model_becomes_a_prophet_that_agrees_and_survives_its_json(make_panel):
    panel = make_panel(weekly_sales(800), closed_sundays=True).open_days()
    [model] = engine.fit(panel, FULL)
    dates = days_from(model.last_day, 14)
    expected = predict([model], dates)[0]
    prophet = model.to_prophet()
    prophet.uncertainty_samples = 0
    frame = pd.DataFrame({"ds": dates.astype("datetime64[ns]")})
    for fitted in (prophet, model_from_json(model_to_json(prophet))):
        np.testing.assert_allclose(fitted.predict(frame)["yhat"], expected, rtol=1e-9)
    assert [term.name for term in model.seasonalities] == ["yearly", "weekly"]


@pytest.mark.parametrize("units", [np.full(60, 7.0), np.zeros(60), np.full(2, 3.0)])
def test_constant_series_are_fitted_as_prophet_fits_them(make_panel, windowed, units):
    [model] = engine.fit(make_panel(units), windowed)
    assert model == stan_fit.fit(days_from(FIRST_DAY, len(units)), units, windowed)


def test_bad_series_are_unfit_in_their_places_and_the_rest_is_fitted(make_panel, windowed):
    nan = np.array([1.0, np.nan, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0])
    panel = make_panel([], [4.0], nan, weekly_sales(101))
    fits = engine.fit(panel, windowed)
    assert [type(each) for each in fits] == [Unfit, Unfit, Unfit, ProphetParameters]
    assert fits[1].reason == "1 rows can't be fitted; at least 2 are needed"
    assert "nan on 2015-01-06" in fits[2].reason
    errors = engine.backtest(make_panel([], [1.0] * 6, nan), windowed)
    assert [type(each) for each in errors] == [Unfit, Unfit, Unfit]
    assert "need 7" in errors[1].reason
    assert engine.fit(make_panel(), windowed) == []


def test_what_has_no_optimum_within_the_rounds_is_unfit(make_panel, windowed, monkeypatch):
    monkeypatch.setattr(active_set, "_MOST_ROUNDS", 1)
    panel = make_panel(weekly_sales(101), np.full(101, 7.0))
    fits = engine.fit(panel, windowed)
    assert fits[0] == Unfit("no optimum was found for 101 rows; stock Prophet may find one")
    assert isinstance(fits[1], ProphetParameters)
    [errors, _] = engine.backtest(panel, windowed)
    assert errors.reason.startswith("the fold trained up to 2015-01-25: no optimum was found")


def test_an_island_years_away_does_not_make_forecasts_explode(make_panel):
    old = make_panel(weekly_sales(60, seed=1))
    new = make_panel(weekly_sales(60, seed=2), first=date(2019, 1, 7))
    panel = replace(
        new,
        dates=np.r_[old.dates, new.dates],
        units=np.r_[old.units, new.units],
        is_open=np.r_[old.is_open, new.is_open],
        offsets=np.array([0, 120]),
    )
    [trained] = train(panel, FULL, date(2019, 6, 1), engine)
    assert isinstance(trained, Trained)
    week = engine.forecast([trained.parameters], date(2019, 6, 1), 7)
    assert week.yhat.max() < 2 * panel.units.max()
