"""One series, fitted by a real `prophet.Prophet` (one CmdStan process per fit).

These functions run in worker processes, so they take and return plain values. They are
quiet, since what went wrong is in the result, and leave no file behind.
"""

import tempfile
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from functions.forecasting.backtest import Backtest
from functions.forecasting.folds import fold_cuts
from functions.forecasting.prophet.convert import extract
from functions.forecasting.prophet.intervals import half_widths
from functions.forecasting.prophet.parameters import ProphetParameters
from functions.forecasting.prophet.prediction import leverage, predict
from functions.forecasting.prophet.quiet import Prophet
from functions.forecasting.prophet.seasonality import seasonalities_of
from functions.forecasting.series.failures import FitFailure
from functions.forecasting.series.new_level import RESIDUAL_ROWS, followed
from functions.forecasting.series.panel import Dates, Floats
from functions.forecasting.series.scale import Band, fitted_on, in_units, smeared
from functions.forecasting.strategy import ProphetStrategy


@dataclass(frozen=True, eq=False)
class Task:
    """One series to walk: its open days and units (T,), the regressors' names, values
    (T, r) and prior scales (r,), and the rows of a test block (0: no folds).
    """

    dates: Dates
    units: Floats
    names: tuple[str, ...]
    values: Floats
    prior_scales: Floats
    strategy: ProphetStrategy
    block: int
    backtest: Backtest


@dataclass(frozen=True, eq=False)
class OneSeries:
    """The forecasts of one series' folds, each of `block` days, and the model of all rows."""

    folds: list[Band]
    model: ProphetParameters


def warm_up() -> None:
    """Loads what the first fit would otherwise have to: Stan's interface and its program."""
    Prophet()


def walk(task: Task) -> OneSeries | FitFailure:
    """The folds and the last fit of one series of finite rows. A fit that fails makes it
    unfit.
    """
    splits = task.backtest.n_splits if task.block else 0
    cuts = fold_cuts(np.array([len(task.dates)]), np.array([task.block]), splits)[0].tolist()
    folds: list[Band] = []
    for cut in cuts[:-1]:
        model = _fit(task, cut)
        if isinstance(model, FitFailure):
            return FitFailure(f"the fold trained up to {task.dates[cut - 1]}: {model.reason}")
        folds.append(_forecast(model, task, slice(cut, cut + task.block)))
    final = _fit(task, cuts[-1])
    return final if isinstance(final, FitFailure) else OneSeries(folds, final)


def _forecast(model: ProphetParameters, task: Task, rows: slice) -> Band:
    """The model's forecast of some of the task's rows."""
    dates, last = task.dates[rows], np.datetime64(model.last_day, "D")
    ahead = (dates - last).astype(np.int64)[None]
    effect = _effect(model, task, rows)
    center = predict([model], dates, effect)
    level = task.backtest.interval_level
    widths = half_widths([model], ahead, level, leverage([model], dates, effect))
    on_log = np.array(model.scale == "log")
    noise = np.array(model.sigma_obs * model.y_scale)
    band = in_units(center, widths, on_log, smeared(np.array(model.smearing), noise, on_log))
    return band.at(0)


def _effect(model: ProphetParameters, task: Task, rows: slice) -> Floats:
    """The regressors' joint effect on some of the task's rows, as `prediction.effects` has it;
    (1, rows).
    """
    effect = np.zeros((1, len(task.dates[rows])))
    for term in model.regressors:
        values = term.within(task.values[rows, task.names.index(term.name)])
        effect[0] += term.beta * (values - term.mean) / term.std
    return effect


def _fit(task: Task, cut: int) -> ProphetParameters | FitFailure:
    """The model of the first `cut` rows, at least 2, its recent residual included."""
    strategy = task.strategy
    y = fitted_on(task.units[:cut], strategy.scale)
    model = _fit_with_stan(task, y, cut)
    if isinstance(model, FitFailure):
        return model
    shift = 0.0
    if strategy.recent_residual:
        rows = slice(max(cut - RESIDUAL_ROWS, 0), cut)
        fitted = predict([model], task.dates[rows], _effect(model, task, rows))[0]
        age = (task.dates[cut - 1] - task.dates[rows]).astype(np.float64)
        weight = 0.5 ** (age / strategy.residual_half_life_days)
        noise = np.array(model.sigma_obs * model.y_scale)
        newest_first = (y[rows] - fitted)[::-1]
        added = followed(newest_first, weight[::-1], noise, strategy.recent_residual)
        shift = float(added) / model.y_scale
    return replace(model, scale=strategy.scale, shift=shift, smearing=strategy.smearing)


def _fit_with_stan(task: Task, y: Floats, cut: int) -> ProphetParameters | FitFailure:
    """A fit of finite rows. Stan's failures and non-finite results are FitFailure."""
    dates, strategy = task.dates[:cut], task.strategy
    terms = {term.name: term.fourier_order for term in seasonalities_of(dates, strategy)}
    model = Prophet(
        growth=strategy.growth,
        seasonality_mode=strategy.seasonality_mode,
        n_changepoints=strategy.n_changepoints,
        changepoint_range=strategy.changepoint_range,
        changepoint_prior_scale=strategy.changepoint_prior_scale,
        yearly_seasonality=terms.get("yearly", False),
        weekly_seasonality=terms.get("weekly", False),
        daily_seasonality=False,
        seasonality_prior_scale=strategy.seasonality_prior_scale,
        interval_width=task.backtest.interval_level,
        uncertainty_samples=0,
    )
    history = pd.DataFrame({"ds": dates.astype("datetime64[ns]"), "y": y})
    if strategy.growth == "logistic":
        history["cap"] = strategy.capacity * (np.abs(y).max() or 1.0)  # as Prophet scales zeros
    for at, name in enumerate(task.names):
        values = task.values[:cut, at]
        if (values != values[0]).any():
            model.add_regressor(name, prior_scale=float(task.prior_scales[at]))
            history[name] = values
    with tempfile.TemporaryDirectory(prefix="shelfcast-fit-") as scratch:
        try:
            model.fit(history, output_dir=scratch)
        except (RuntimeError, ValueError) as error:  # Stan gave up, or wrote what can't be read
            return FitFailure(f"Stan could not fit {cut} rows: {_last_line(error)}")
    parameters = extract(model)
    seen = {name: task.values[:cut, at] for at, name in enumerate(task.names)}
    bounded = tuple(
        replace(term, low=float(seen[term.name].min()), high=float(seen[term.name].max()))
        for term in parameters.regressors
    )
    parameters = replace(parameters, regressors=bounded)
    numbers = [parameters.k, parameters.m, parameters.sigma_obs, *parameters.delta]
    effects = [term.beta for term in parameters.regressors]
    if not np.isfinite([*numbers, *parameters.beta, *effects]).all():
        return FitFailure(f"Stan's fit of {cut} rows has parameters that are not finite")
    return parameters


def _last_line(error: Exception) -> str:
    """What Stan said last; the lines before are its command and its settings."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__
