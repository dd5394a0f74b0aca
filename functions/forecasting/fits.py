"""Many fits as arrays, before any of them becomes an object, and how they continue.

An object per fit costs more than the fit itself; folds never become objects.
"""

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import numpy.typing as npt

from functions.forecasting.drivers import Standards
from functions.forecasting.histories import Histories
from functions.forecasting.panel import Floats
from functions.forecasting.parameters import ProphetParameters
from functions.forecasting.seasonality import (
    YEARLY_COLUMNS,
    Terms,
    columns,
    seasonalities,
)
from functions.forecasting.strategy import Strategy

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
_EPOCH = date(1970, 1, 1)


@dataclass(frozen=True, eq=False)
class Fits:
    """P = n * K fits, series by series and cut by cut, in Prophet's scaled units.

    `k`, `m`, `sigma`, `y_scale`, `rows`, `first` and `span` (days), `rounds` and `done`
    have shape (P,). `delta` and its `places` (rows) have shape (P, S); the first
    `changepoints` (P,) of them are real. `seasonal` (P, F) are the Fourier coefficients,
    yearly before weekly, 0 where a fit lacks the term; `driven` (P, p) are the drivers',
    in their `standards`. Where `done` is False no optimum was found and the coefficients
    mean nothing.
    """

    k: Floats
    m: Floats
    sigma: Floats
    y_scale: Floats
    rows: Ints
    first: Ints
    span: Ints
    delta: Floats
    places: Ints
    changepoints: Ints
    terms: Terms
    seasonal: Floats
    driven: Floats
    standards: Standards
    rounds: Ints
    done: Bools


def continued(
    fits: Fits, histories: Histories, cuts: Ints, length: int, strategy: Strategy
) -> Floats:
    """yhat on up to `length` rows from each cut on, in units per day; shape (n, K, length).

    `cuts` (n, K) are those of the fits. Beyond a history's last row its last row repeats.
    No changepoint lies after a cut, so there the trend is a straight line.
    """
    n = len(cuts)
    rows = np.minimum(cuts[:, :, None] + np.arange(length), histories.rows[:, None, None] - 1)
    each = np.arange(n)[:, None, None]
    days = histories.days[each, rows].reshape(len(fits.k), length)
    series = np.repeat(np.arange(n), cuts.shape[1])[:, None]
    bends = (histories.days[series, fits.places] - fits.first[:, None]) / fits.span[:, None]
    slope = fits.k + fits.delta.sum(axis=1)
    start = fits.m - (fits.delta * bends).sum(axis=1)
    t = (days - fits.first[:, None]) / fits.span[:, None]
    yhat: Floats = slope[:, None] * t + start[:, None]
    for yearly, part in ((True, fits.seasonal[:, :YEARLY_COLUMNS]), (False, _weekly(fits))):
        some = np.flatnonzero(part.any(axis=1))
        if len(some) == 0:
            continue
        waves = columns(seasonalities(strategy, yearly, not yearly), days[some])
        yhat[some] += np.einsum("plf,pf->pl", waves, part[some])
    if fits.driven.shape[1]:
        drivers = histories.drivers[each, rows].reshape(*days.shape, -1)
        centred = (drivers - fits.standards.mean[:, None]) / fits.standards.std[:, None]
        yhat += np.einsum("plf,pf->pl", centred, fits.driven)
    yhat *= fits.y_scale[:, None]
    return yhat.reshape(n, cuts.shape[1], length)


def parameters(fits: Fits, histories: Histories, strategy: Strategy) -> list[ProphetParameters]:
    """The fits as models, for one cut per series (K = 1) and no drivers, in their order."""
    each = np.arange(len(fits.k))[:, None]
    bends = (histories.days[each, fits.places] - fits.first[:, None]) / fits.span[:, None]
    closed = _closed_weekdays(histories.days, fits.rows)
    kinds = {
        (yearly, weekly): seasonalities(strategy, yearly, weekly)
        for yearly in (False, True)
        for weekly in (False, True)
    }
    columns_of = zip(
        fits.k.tolist(),
        fits.m.tolist(),
        fits.delta.tolist(),
        bends.tolist(),
        fits.seasonal.tolist(),
        fits.sigma.tolist(),
        fits.y_scale.tolist(),
        fits.first.tolist(),
        fits.span.tolist(),
        fits.rows.tolist(),
        zip(fits.terms.yearly.tolist(), fits.terms.weekly.tolist(), strict=True),
        np.maximum(fits.changepoints, 1).tolist(),
        closed,
        strict=True,
    )
    return [
        ProphetParameters(
            k=k,
            m=m,
            delta=tuple(delta[:count]),
            changepoints_t=tuple(places[:count]),
            beta=tuple(beta[0 if kind[0] else YEARLY_COLUMNS : None if kind[1] else YEARLY_COLUMNS])
            or (0.0,),
            sigma_obs=sigma,
            y_scale=y_scale,
            first_day=_EPOCH + timedelta(days=first),
            t_scale_days=span,
            rows=rows,
            seasonalities=kinds[kind],
            changepoint_prior_scale=strategy.changepoint_prior_scale,
            closed_weekdays=shut,
        )
        for (
            k, m, delta, places, beta, sigma, y_scale, first, span, rows, kind, count, shut
        ) in columns_of
    ]  # fmt: skip


def _weekly(fits: Fits) -> Floats:
    return fits.seasonal[:, YEARLY_COLUMNS:]


def _closed_weekdays(days: Ints, rows: Ints) -> list[tuple[int, ...]]:
    """The weekdays without a row, for each series; as `parameters.closed_weekdays`."""
    weekday = (days + 3) % 7
    used = np.arange(days.shape[1]) < rows[:, None]
    seen = np.stack([((weekday == day) & used).any(axis=1) for day in range(7)], axis=1)
    patterns, which = np.unique(seen, axis=0, return_inverse=True)
    closed = [tuple(np.flatnonzero(~pattern).tolist()) for pattern in patterns]
    return [closed[i] for i in which.ravel().tolist()]
