"""Real fits, so few and small ones: a fit takes 0.03 to 0.3 s."""

import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date
from pathlib import Path

import cmdstanpy
import numpy as np
import pandas as pd
import pytest

from functions.forecasting.backtest import Backtest
from functions.forecasting.engines.batched import optimum
from functions.forecasting.engines.engine import Engine
from functions.forecasting.engines.factory import engine as engine_named
from functions.forecasting.engines.stan.engine import ProphetEngine
from functions.forecasting.forecast.forecasts import forecast
from functions.forecasting.prophet.convert import extract, rebuild
from functions.forecasting.prophet.parameters import ProphetParameters
from functions.forecasting.series.failures import FitFailure
from functions.forecasting.strategy import ProphetStrategy, table
from functions.forecasting.training.train import train
from functions.forecasting.training.trained import Trained
from tests.unit.forecasting.generated import days_from, weekly_sales
from tests.unit.forecasting.walks import fitted, models_of, walked

engine: Engine = ProphetEngine()
ONE_FOLD = Backtest(n_splits=1)


def test_a_fit_is_stock_prophets(make_panel, windowed, fitted_prophet):
    panel = make_panel(weekly_sales(119), closed_sundays=True).open_days()
    assert fitted(engine, panel, windowed) == [extract(fitted_prophet)]


def test_folds_are_stock_prophets_predictions(make_panel, windowed):
    two_splits = Backtest(n_splits=2)
    units = weekly_sales(60)
    frame = pd.DataFrame({"ds": days_from(date(2015, 1, 5), 60), "y": units})
    walk = walked(engine, make_panel(units), windowed, 20, two_splits)
    for k, cut in enumerate((20, 40)):
        [model] = fitted(engine, make_panel(units[:cut]), windowed)
        prophet = rebuild(model)
        prophet.uncertainty_samples = 0
        predicted = prophet.predict(frame[["ds"]].iloc[cut : cut + 20])["yhat"]
        np.testing.assert_allclose(walk.band.yhat[0, k], predicted, rtol=1e-9)
    assert [walk.model(0)] == fitted(engine, make_panel(units), windowed)


def test_bad_series_are_unfit_in_their_places_and_the_rest_is_fitted(make_panel, windowed):
    nan = np.array([1.0, np.nan, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0])
    panel = make_panel([], [4.0], nan, weekly_sales(30))
    fits = models_of(walked(engine, panel, windowed, 1))
    assert [type(each) for each in fits] == [FitFailure, FitFailure, FitFailure, ProphetParameters]
    assert fits[1].reason == "1 open days are too few; at least 7 are needed"
    assert "nan on 2015-01-06" in fits[2].reason


def test_what_stan_can_not_fit_is_unfit_with_what_stan_said(make_panel, windowed, monkeypatch):
    def give_up(*_: object, **__: object) -> None:
        raise RuntimeError("Error during optimization! Command ... failed:\nLine search failed\n")

    monkeypatch.setattr("functions.forecasting.engines.stan.fit.Prophet.fit", give_up)
    panel = make_panel(weekly_sales(30))
    assert fitted(engine, panel, windowed) == [
        FitFailure("Stan could not fit 30 rows: Line search failed")
    ]
    [fold] = models_of(walked(engine, panel, windowed, 5))
    assert fold.reason.startswith("the fold trained up to 2015-01-09: Stan could not fit 5 rows")


@pytest.mark.parametrize(
    "units",
    [
        pytest.param(np.full(60, 7.0), id="constant"),
        pytest.param(np.zeros(60), id="all zero"),
        pytest.param(np.r_[np.full(40, 7.0), weekly_sales(20)], id="constant in the first folds"),
        pytest.param(weekly_sales(60) * 1e200, id="huge"),
        pytest.param(weekly_sales(60) * 1e-200, id="tiny"),
        pytest.param(np.r_[np.zeros(59), 1.0], id="one sale on the last day"),
    ],
)
def test_degenerate_series_train_and_forecast_finite_numbers(make_panel, windowed, units):
    [trained] = train(make_panel(units), windowed, date(2015, 4, 15), engine, naive_serves=False)
    assert isinstance(trained, Trained)
    assert np.isfinite([trained.metrics.rmse, trained.metrics.mae, trained.metrics.medae]).all()
    week = forecast([trained.model], date(2015, 3, 6), 7)
    assert np.isfinite([week.yhat, week.lower, week.upper]).all()
    assert week.upper.max() <= 10 * max(units.max(), 1)


def test_a_gap_of_years_is_trained_over_without_a_yearly_term(make_panel, windowed):
    old, new = make_panel(weekly_sales(20)), make_panel(weekly_sales(40), first=date(2019, 1, 7))
    panel = replace(
        new,
        dates=np.r_[old.dates, new.dates],
        units=np.r_[old.units, new.units],
        is_open=np.r_[old.is_open, new.is_open],
        drivers=np.empty((60, 0)),
        offsets=np.array([0, 60]),
    )
    [model] = fitted(engine, panel, windowed)
    assert isinstance(model, ProphetParameters)
    assert model.rows == 60
    assert [each.name for each in model.seasonalities] == ["weekly"]


def test_results_are_the_same_whoever_runs_the_fits(make_panel, windowed):
    panel = make_panel(weekly_sales(101, seed=1), [2.0], weekly_sales(101, seed=2))
    with ThreadPoolExecutor(2) as executor:
        spread = fitted(ProphetEngine(executor), panel, windowed)
    assert spread == fitted(engine, panel, windowed)


def temporary_files() -> list[Path]:
    """What fits might leave behind in the temporary folders."""
    folders = {Path(tempfile.gettempdir()), Path(cmdstanpy._TMPDIR)}
    found = [path for folder in folders for path in folder.glob("*")]
    return sorted(path for path in found if "shelfcast-fit" in path.name or "prophet" in path.name)


def test_training_leaves_the_temporary_folder_as_it_was(make_panel, windowed):
    before = temporary_files()
    [trained] = train(make_panel(weekly_sales(101)), windowed, date(2015, 4, 16), engine)
    assert isinstance(trained, Trained)
    assert temporary_files() == before


def test_a_series_without_an_optimum_is_trained_by_stock_prophet_and_says_so(
    make_panel, windowed, monkeypatch
):
    monkeypatch.setattr(optimum, "_MAX_ROUNDS", 1)
    panel = make_panel(weekly_sales(101))
    [trained], [stocks] = (
        train(panel, windowed, date(2015, 4, 16), each, naive_serves=False, backtest=ONE_FOLD)
        for each in (engine_named(), engine)
    )
    assert trained.notes == ("fitted by stock Prophet, as the batched solver found no optimum",)
    assert replace(trained, findings=()) == stocks


OTHER_KINDS = {
    "saturating": {"growth": "logistic", "capacity": 1.25},
    "scaled": {"seasonality_mode": "multiplicative", "drivers": True},
    "both": {"growth": "logistic", "seasonality_mode": "multiplicative", "drivers": True},
}


@pytest.mark.parametrize("name", OTHER_KINDS)
def test_what_only_stan_fits_is_stock_prophets_under_the_default_engine(make_panel, name: str):
    promo = (np.arange(101) % 10 < 3).astype(float)
    units = weekly_sales(101) * (1 + 0.3 * promo)
    panel = make_panel(units, drivers={"promo": promo})
    own, as_of = ProphetStrategy(name, **OTHER_KINDS[name]), date(2015, 4, 16)
    known = table([own])
    [ours], [stocks] = (
        train(panel, own, as_of, each, known=known, naive_serves=False, backtest=ONE_FOLD)
        for each in (engine_named(), engine)
    )
    assert ours.notes == ("fitted by stock Prophet, as its posterior is not concave",)
    assert replace(ours, findings=()) == stocks
    assert ours.chosen == name
    assert ours.metrics.mape < 0.1
    [model] = ours.model.members
    assert (model.growth, model.seasonality_mode) == (own.growth, own.seasonality_mode)
    assert [term.name for term in model.regressors] == ["driver/promo"] * own.drivers
    assert model.capacity == (own.capacity * units.max() if own.growth == "logistic" else None)
    assert ours.folds[0].last_day == date(2015, 4, 15)
    week = forecast([ours.model], as_of, 7)
    assert np.isfinite([week.yhat, week.lower, week.upper]).all()


@pytest.mark.parametrize("units", [np.full(20, 7.0), np.zeros(60), np.r_[np.zeros(59), 1.0]])
@pytest.mark.parametrize("name", OTHER_KINDS)
def test_degenerate_series_of_other_kinds_forecast_finite_numbers(make_panel, name, units):
    own = ProphetStrategy(name, **OTHER_KINDS[name])
    as_of = date(2015, 4, 15)
    asked = {"known": table([own]), "naive_serves": False, "backtest": ONE_FOLD}
    [trained] = train(make_panel(units), own, as_of, engine, **asked)
    assert isinstance(trained, Trained)
    assert trained.chosen == name
    week = forecast([trained.model], date(2015, 3, 6), 7)
    assert np.isfinite([week.yhat, week.lower, week.upper]).all()


def test_fits_are_quiet(make_panel, windowed, capfd, caplog):
    fitted(engine, make_panel(weekly_sales(30)), windowed)
    assert capfd.readouterr() == ("", "")
    assert caplog.records == []


def test_real_stores_train_and_forecast_plausibly(real_panel, windowed):
    as_of = date(2015, 7, 25)
    panel = real_panel.select([0, 3])
    results = train(panel, windowed, as_of, engine, naive_serves=False)
    models = [each.model for each in results if isinstance(each, Trained)]
    assert len(models) == 2
    week = forecast(models, as_of, 7)
    for i, trained in enumerate(results):
        assert trained.chosen == "windowed"
        assert trained.data_through == date(2015, 7, 24)
        assert trained.metrics.mape < 0.5
        assert trained.model.closed_weekdays == (6,)
        assert week.yhat[i, 1] == 0  # Sunday
        rows = panel.series(i)
        future = panel.dates[rows] >= np.datetime64(as_of)
        actual = panel.units[rows][future][:7]
        assert np.abs(week.yhat[i] - actual).sum() / actual.sum() < 0.5
