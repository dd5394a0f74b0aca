"""Between a real `prophet.Prophet` and its parameters, both ways.

A rebuilt model's `predict` gives the same forecast as the fit the parameters came from,
and it goes through `prophet.serialize`. The training values are not stored, so without them its
history has the right length, first and last day and weekdays, and NaN for y: `plot` shows
no points. A model on the log scale forecasts log(1 + units) as a Prophet too; one with
regressors needs their columns in the frame it predicts (`regressors.columns` makes them), and
one of logistic growth its capacity in a column `cap`.
"""

import numpy as np
import numpy.typing as npt
import pandas as pd

from functions.forecasting.prophet.parameters import (
    ProphetParameters,
    Regressor,
    Seasonality,
    never_open_weekdays,
)
from functions.forecasting.prophet.quiet import Prophet


def extract(model: Prophet) -> ProphetParameters:
    """The values of a fitted Prophet of linear growth, or logistic growth up to one capacity,
    with terms that are all additive or all multiplicative.

    Raises ValueError if the model has anything else, or is not fitted.
    """
    if (
        model.history is None
        or model.start is None
        or model.t_scale is None
        or model.y_scale is None
        or model.changepoints_t is None
    ):
        raise ValueError("the model is not fitted; call its fit first")
    terms = [*model.seasonalities.values(), *model.extra_regressors.values()]
    modes = {term["mode"] for term in terms} or {model.seasonality_mode}
    capacities = set(model.history["cap"]) if model.growth == "logistic" else {None}
    if (
        model.train_holiday_names is not None
        or len(modes) > 1
        or model.growth == "flat"
        or model.scaling != "absmax"
        or len(capacities) > 1
        or model.logistic_floor
    ):
        raise ValueError(
            "only models of linear growth, or of logistic growth from 0 to one cap, with absmax "
            f"scaling and terms of one mode have parameters here, not {model.growth} growth, "
            f"{len(capacities)} caps, {model.scaling} scaling, {sorted(modes)} terms, a floor or "
            "holidays"
        )
    [mode], [capacity] = modes, capacities
    beta = model.params["beta"].ravel().tolist()
    waves = sum(2 * int(term["fourier_order"]) for term in model.seasonalities.values())
    return ProphetParameters(
        k=float(model.params["k"].item()),
        m=float(model.params["m"].item()),
        delta=tuple(model.params["delta"].ravel().tolist()),
        changepoints_t=tuple(float(t) for t in model.changepoints_t),
        beta=tuple(beta[:waves]) or (0.0,),
        sigma_obs=float(model.params["sigma_obs"].item()),
        y_scale=float(model.y_scale),
        first_day=model.start.date(),
        t_scale_days=model.t_scale.days,
        rows=len(model.history),
        seasonalities=tuple(
            Seasonality(
                name=name,
                period=float(term["period"]),
                fourier_order=int(term["fourier_order"]),
                prior_scale=float(term["prior_scale"]),
            )
            for name, term in model.seasonalities.items()
        ),
        changepoint_prior_scale=model.changepoint_prior_scale,
        never_open_weekdays=never_open_weekdays(model.history["ds"].to_numpy("datetime64[D]")),
        growth=model.growth,
        regressors=tuple(
            Regressor(
                name=name,
                prior_scale=float(term["prior_scale"]),
                mean=float(term["mu"]),
                std=float(term["std"]),
                beta=effect,
            )
            for (name, term), effect in zip(
                model.extra_regressors.items(),
                beta[waves:] if model.extra_regressors else (),
                strict=True,
            )
        ),
        seasonality_mode=mode,
        capacity=None if capacity is None else float(capacity),
    )


def rebuild(
    parameters: ProphetParameters,
    history: pd.DataFrame | None = None,
    interval_width: float = 0.95,
    uncertainty_samples: int = 1000,
) -> Prophet:
    """A fitted Prophet with every attribute that `Prophet.fit` sets (1.5, forecaster.py).

    `history` is the open days that were fitted, in columns ds and y (on the model's scale)
    and one per regressor, for plots. Its length
    and its first and last day must be the parameters' (ValueError).
    """
    model = Prophet(
        growth=parameters.growth,
        seasonality_mode=parameters.seasonality_mode,
        changepoint_prior_scale=parameters.changepoint_prior_scale,
        weekly_seasonality=False,
        yearly_seasonality=False,
        daily_seasonality=False,
        interval_width=interval_width,
        uncertainty_samples=uncertainty_samples,
    )
    model.start = pd.Timestamp(parameters.first_day)
    model.t_scale = pd.Timedelta(days=parameters.t_scale_days)
    model.y_min = 0.0
    model.y_scale = parameters.y_scale
    model.changepoints_t = np.array(parameters.changepoints_t)
    model.changepoints = _changepoints(parameters)
    model.n_changepoints = len(model.changepoints)
    for term in parameters.seasonalities:
        model.seasonalities[term.name] = {
            "period": term.period,
            "fourier_order": term.fourier_order,
            "prior_scale": term.prior_scale,
            "mode": parameters.seasonality_mode,
            "condition_name": None,
        }
    for regressor in parameters.regressors:
        model.extra_regressors[regressor.name] = {
            "prior_scale": regressor.prior_scale,
            "standardize": "auto",
            "mu": regressor.mean,
            "std": regressor.std,
            "mode": parameters.seasonality_mode,
        }
    rows = _history(parameters, history)
    if parameters.capacity is not None:
        rows["cap"] = parameters.capacity
    model.history = model.setup_dataframe(rows)
    model.history_dates = model.history["ds"].copy()
    _, _, model.train_component_cols, model.component_modes = model.make_all_seasonality_features(
        model.history
    )
    model.params = {
        "k": np.array([[parameters.k]]),
        "m": np.array([[parameters.m + parameters.shift]]),
        "delta": np.array([parameters.delta]),
        "beta": np.array([_beta(parameters)]),
        "sigma_obs": np.array([[parameters.sigma_obs]]),
    }
    return model


def _beta(parameters: ProphetParameters) -> tuple[float, ...]:
    """All coefficients in Prophet's order; a single 0 stands for no column at all."""
    waves = parameters.beta if parameters.seasonalities else ()
    return (*waves, *(term.beta for term in parameters.regressors)) or (0.0,)


def _changepoints(parameters: ProphetParameters) -> "pd.Series[pd.Timestamp]":
    """The changepoints as days. Prophet marks 'none' by a single one at t = 0."""
    if parameters.changepoints_t == (0.0,):
        return pd.Series(pd.to_datetime([]), name="ds")
    days = np.round(np.array(parameters.changepoints_t) * parameters.t_scale_days).astype(int)
    return pd.Series(_days_after_first(parameters, days), name="ds")


def _history(parameters: ProphetParameters, history: pd.DataFrame | None) -> pd.DataFrame:
    """The caller's history, or else as many days, evenly spaced over the weekdays with rows."""
    if history is None:
        days = np.arange(parameters.t_scale_days + 1)
        weekday = (parameters.first_day.weekday() + days) % 7
        days = days[~np.isin(weekday, parameters.never_open_weekdays)]
        days = days[np.linspace(0, len(days) - 1, parameters.rows).astype(int)]
        means = {term.name: term.mean for term in parameters.regressors}
        return pd.DataFrame({"ds": _days_after_first(parameters, days), "y": np.nan, **means})
    first, last = history["ds"].min().date(), history["ds"].max().date()
    seen = (len(history), first, last)
    needed = (parameters.rows, parameters.first_day, parameters.last_day)
    if seen != needed:
        raise ValueError(
            "the history (rows, first day, last day) must be the one that was fitted: "
            f"{needed[0]}, {needed[1]}, {needed[2]}; not {seen[0]}, {seen[1]}, {seen[2]}"
        )
    return history[["ds", "y", *(term.name for term in parameters.regressors)]].copy()


def _days_after_first(
    parameters: ProphetParameters, days: npt.NDArray[np.int64]
) -> pd.DatetimeIndex:
    """Days after the first day, shape (any,), as midnight timestamps."""
    return pd.Timestamp(parameters.first_day) + pd.to_timedelta(days, unit="D")
