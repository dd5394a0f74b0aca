"""One series, fitted by a real `prophet.Prophet` (one CmdStan process per fit).

These functions run in worker processes, so they take and return plain values. They are
quiet, since what went wrong is in the result, and leave no file behind.
"""

import tempfile

import numpy as np
import pandas as pd

from functions.forecasting.metrics import Metrics
from functions.forecasting.panel import Dates, Floats
from functions.forecasting.parameters import ProphetParameters
from functions.forecasting.prediction import predict
from functions.forecasting.seasonality import seasonalities_of
from functions.forecasting.splits import anchored_splits
from functions.forecasting.stock_prophet import Prophet
from functions.forecasting.strategy import Strategy
from functions.forecasting.unfit import Unfit, not_finite


def warm_up() -> None:
    """Loads what the first fit would otherwise have to: Stan's interface and its program."""
    Prophet()


def fit(dates: Dates, units: Floats, strategy: Strategy) -> ProphetParameters | Unfit:
    """The model of one series' rows; `dates` and `units` have one value per row."""
    if len(units) < 2:
        return Unfit(f"{len(units)} rows can't be fitted; at least 2 are needed")
    return not_finite(dates, units) or _fit_with_stan(dates, units, strategy)


def backtest(dates: Dates, units: Floats, strategy: Strategy) -> Metrics | Unfit:
    """The mean errors over one series' folds. One fold that fails makes the series unfit."""
    needed = strategy.n_splits + 2
    if len(units) < needed:
        return Unfit(
            f"{len(units)} rows can't be backtested; {strategy.n_splits} folds of at least 2 "
            f"training rows need {needed}"
        )
    if refusal := not_finite(dates, units):
        return refusal
    folds = []
    for fold in anchored_splits(len(units), strategy.n_splits):
        model = _fit_with_stan(dates[fold.train], units[fold.train], strategy)
        if isinstance(model, Unfit):
            return Unfit(f"the fold trained up to {dates[fold.cut - 1]}: {model.reason}")
        forecast = np.maximum(predict([model], dates[fold.test])[0], 0)
        folds.append(Metrics.of(units[fold.test], forecast))
    return Metrics.mean(folds)


def _fit_with_stan(dates: Dates, units: Floats, strategy: Strategy) -> ProphetParameters | Unfit:
    """A fit of finite rows, at least 2. Stan's failures and non-finite results are Unfit."""
    terms = {term.name: term.fourier_order for term in seasonalities_of(dates, strategy)}
    model = Prophet(
        n_changepoints=strategy.n_changepoints,
        changepoint_range=strategy.changepoint_range,
        changepoint_prior_scale=strategy.changepoint_prior_scale,
        yearly_seasonality=terms.get("yearly", False),
        weekly_seasonality=terms.get("weekly", False),
        daily_seasonality=False,
        seasonality_prior_scale=strategy.seasonality_prior_scale,
        interval_width=strategy.interval_level,
        uncertainty_samples=0,
    )
    history = pd.DataFrame({"ds": dates.astype("datetime64[ns]"), "y": units})
    with tempfile.TemporaryDirectory(prefix="shelfcast-fit-") as scratch:
        try:
            model.fit(history, output_dir=scratch)
        except (RuntimeError, ValueError) as error:  # Stan gave up, or wrote what can't be read
            return Unfit(f"Stan could not fit {len(units)} rows: {_last_line(error)}")
    parameters = ProphetParameters.of(model)
    values = [parameters.k, parameters.m, parameters.sigma_obs, *parameters.delta]
    if not np.isfinite([*values, *parameters.beta]).all():
        return Unfit(f"Stan's fit of {len(units)} rows has parameters that are not finite")
    return parameters


def _last_line(error: Exception) -> str:
    """What Stan said last; the lines before are its command and its settings."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__
