"""What fitted models say about given days: a matrix product, for many models at once.

Equal to `Prophet.predict`'s yhat to rounding, at about a ten-thousandth of its cost.
Nothing is clipped here and closed weekdays are not known here; `forecasts` does both.
"""

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from functions.forecasting.prophet.parameters import ProphetParameters, Seasonality
from functions.forecasting.series.panel import Dates, Floats
from functions.forecasting.series.regressors import DayFacts, columns, is_known


def predict(
    models: Sequence[ProphetParameters], dates: Dates, regressed: Floats | None = None
) -> Floats:
    """yhat of n models on h days (datetime64[D]), on each model's scale; shape (n, h).

    `regressed` (n, h) is what `effects` says of the days.
    """
    if not models:
        return np.empty((0, len(dates)))
    y_scale = np.array([model.y_scale for model in models])
    shift = np.array([model.shift for model in models])
    level, terms = trend(models, dates), _seasonal(models, dates)
    yhat: Floats = level + terms + shift[:, None]
    if regressed is not None:
        yhat = yhat + regressed
    if (times := _multiplicative(models)).any():
        yhat[times] = (level * _multiple(terms, regressed))[times]
    yhat *= y_scale[:, None]
    return yhat


def leverage(
    models: Sequence[ProphetParameters], dates: Dates, regressed: Floats | None = None
) -> Floats | None:
    """How far yhat moves for each unit that the line beneath the trend moves; shape (n, h).

    1 for linear growth with additive terms, and None where all models are of that kind. Times
    g (1 - g / C) for a trend g that saturates at C, and times |1 + terms| where terms multiply.
    """
    if all(model.concave for model in models):
        return None
    factor = np.ones((len(models), len(dates)))
    curved, capacity = _logistic(models)
    level = trend(models, dates)[curved]
    factor[curved] = level * (1 - level / capacity[:, None])
    times = _multiplicative(models)
    factor[times] *= np.abs(_multiple(_seasonal(models, dates), regressed))[times]
    return factor


def effects(models: Sequence[ProphetParameters], facts: DayFacts, days: int) -> Floats:
    """The regressors' joint effect on h days; shape (n, h). In units of each model's y_scale, or
    a share of the trend where terms multiply.

    `facts` holds n * h days, model by model. A driver that it does not have counts as 0.
    """
    names = tuple(dict.fromkeys(term.name for model in models for term in model.regressors))
    if not names:
        return np.zeros((len(models), days))
    beta, origin = np.zeros((len(models), len(names))), np.zeros(len(models))
    low, high = np.full_like(beta, -np.inf), np.full_like(beta, np.inf)
    for i, model in enumerate(models):
        for term in model.regressors:
            at = names.index(term.name)
            beta[i, at] = term.beta / term.std
            low[i, at] = -np.inf if term.low is None else term.low
            high[i, at] = np.inf if term.high is None else term.high
            origin[i] -= term.beta * term.mean / term.std
    values = np.zeros((len(facts.days), len(names)))
    known = [at for at, name in enumerate(names) if is_known(name, facts.driver_names)]
    values[:, known] = columns(tuple(names[at] for at in known), facts)
    by_model = values.reshape(len(models), days, len(names))
    by_model = np.clip(by_model, low[:, None], high[:, None])
    effect: Floats = np.einsum("nhr,nr->nh", by_model, beta) + origin[:, None]
    return effect


def scaled_time(models: Sequence[ProphetParameters], dates: Dates) -> Floats:
    """t of each model on each day: 0 on its first day, 1 on its last; shape (n, h)."""
    first = np.array([model.first_day for model in models], dtype="datetime64[D]")
    span = np.array([model.t_scale_days for model in models], dtype=np.float64)
    t: Floats = (dates[None, :] - first[:, None]).astype(np.float64) / span[:, None]
    return t


def stacked(rows: Sequence[Sequence[float]]) -> Floats:
    """Rows of unequal length as one array, padded with zeros; shape (n, longest)."""
    lengths = np.array([len(row) for row in rows])
    table = np.zeros((len(rows), lengths.max(initial=0)))
    table[np.arange(table.shape[1]) < lengths[:, None]] = np.concatenate(rows)
    return table


def fourier(seasonalities: Sequence[Seasonality], dates: Dates) -> Floats:
    """Prophet's Fourier columns on h days: sine, cosine, by order; shape (h, columns).

    Without any seasonality a single column of zeros, as Prophet has it.
    """
    if not seasonalities:
        return np.zeros((len(dates), 1))
    days = dates.astype("datetime64[D]").astype(np.float64)
    waves = []
    for term in seasonalities:
        for order in range(1, term.fourier_order + 1):
            angle = order / term.period * (np.pi * 2 * days)
            waves += [np.sin(angle), np.cos(angle)]
    return np.stack(waves, axis=1)


def trend(models: Sequence[ProphetParameters], dates: Dates) -> Floats:
    """The trend in units of y_scale, shape (n, h): a piecewise line, or its logistic function.

    Prophet has gammas that keep k (t - m) continuous where the rate k changes; the line has the
    same values, also where a rate is 0, which Prophet divides by.
    """
    t = scaled_time(models, dates)
    k = np.array([model.k for model in models])
    m = np.array([model.m if model.growth == "linear" else -model.k * model.m for model in models])
    # A padded changepoint has a slope change of zero, so it adds nothing.
    delta = stacked([model.delta for model in models])
    changepoints = stacked([model.changepoints_t for model in models])
    hinges = np.maximum(t[:, :, None] - changepoints[:, None, :], 0)
    trend: Floats = k[:, None] * t + m[:, None] + np.einsum("nhs,ns->nh", hinges, delta)
    curved, capacity = _logistic(models)
    if len(curved):
        trend[curved] = capacity[:, None] * np.exp(-np.logaddexp(0, -trend[curved]))
    return trend


def _logistic(models: Sequence[ProphetParameters]) -> tuple[npt.NDArray[np.int64], Floats]:
    """Which models have logistic growth, and up to what, in units of y_scale."""
    capacity = [(i, each.capacity / each.y_scale) for i, each in enumerate(models) if each.capacity]
    return np.array([i for i, _ in capacity], np.int64), np.array([c for _, c in capacity])


def _multiplicative(models: Sequence[ProphetParameters]) -> npt.NDArray[np.bool_]:
    return np.array([model.seasonality_mode == "multiplicative" for model in models], bool)


def _multiple(seasonal: Floats, regressed: Floats | None) -> Floats:
    """What the terms multiply the trend by."""
    return 1 + (seasonal if regressed is None else seasonal + regressed)


def _seasonal(models: Sequence[ProphetParameters], dates: Dates) -> Floats:
    """The seasonal terms in units of y_scale, or as a share of the trend; shape (n, h). One
    product per kind of model.
    """
    kinds: dict[tuple[Seasonality, ...], list[int]] = defaultdict(list)
    for i, model in enumerate(models):
        kinds[model.seasonalities].append(i)
    terms = np.empty((len(models), len(dates)))
    for seasonalities, members in kinds.items():
        beta = np.array([models[i].beta for i in members])
        terms[members] = beta @ fourier(seasonalities, dates).T
    return terms
