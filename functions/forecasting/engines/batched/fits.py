"""Many fits as arrays, before any of them becomes an object, and how they continue.

An object per fit costs more than the fit itself; folds never become objects, nor do final
fits that lose to another strategy.
"""

from dataclasses import dataclass, fields
from datetime import date, timedelta

import numpy as np
import numpy.typing as npt

from functions.forecasting.engines.batched.padded import Histories
from functions.forecasting.engines.batched.standardize import Standards
from functions.forecasting.prophet.parameters import ProphetParameters, Regressor
from functions.forecasting.prophet.seasonality import (
    YEARLY_COLUMNS,
    Terms,
    columns,
    seasonalities,
)
from functions.forecasting.series.panel import Floats
from functions.forecasting.strategy import ProphetStrategy

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

    def at(self, some: npt.NDArray[np.intp]) -> "Fits":
        """Some of the fits."""
        parts = {field.name: getattr(self, field.name) for field in fields(self)}
        terms, standard = parts.pop("terms"), parts.pop("standards")
        return Fits(
            **{name: values[some] for name, values in parts.items()},
            terms=Terms(terms.yearly[some], terms.weekly[some]),
            standards=standard.at(some),
        )


def continued(
    fits: Fits, histories: Histories, cuts: Ints, length: int, strategy: ProphetStrategy
) -> Floats:
    """y on up to `length` rows from each cut on, on the fit's scale; shape (n, K, length).

    `cuts` (n, K) are those of the fits. Beyond a history's last row its last row repeats.
    """
    rows = np.minimum(cuts[:, :, None] + np.arange(length), histories.rows[:, None, None] - 1)
    return evaluated(fits, histories, rows, strategy)


def evaluated(fits: Fits, histories: Histories, rows: Ints, strategy: ProphetStrategy) -> Floats:
    """What each fit says about its series' `rows` (n, K, L), on its scale; same shape.

    Drivers count as within what the fit has seen of them.
    """
    n, cuts, length = rows.shape
    each = np.arange(n)[:, None, None]
    days = histories.days[each, rows].reshape(len(fits.k), length)
    t = (days - fits.first[:, None]) / fits.span[:, None]
    y: Floats = (
        fits.k[:, None] * t + fits.m[:, None] + _trend_change(fits, knots(fits, histories), t)
    )
    for yearly, part in ((True, fits.seasonal[:, :YEARLY_COLUMNS]), (False, _weekly(fits))):
        some = np.flatnonzero(part.any(axis=1))
        if len(some) == 0:
            continue
        waves = columns(seasonalities(strategy, yearly, not yearly), days[some])
        y[some] += np.einsum("plf,pf->pl", waves, part[some])
    used = np.flatnonzero(fits.driven.any(axis=0))
    if len(used):
        drivers = histories.drivers[each, rows].reshape(*days.shape, -1)[:, :, used]
        seen = fits.standards
        drivers = np.clip(drivers, seen.low[:, None, used], seen.high[:, None, used])
        mean, std = seen.mean[:, None, used], seen.std[:, None, used]
        y += np.einsum("plf,pf->pl", (drivers - mean) / std, fits.driven[:, used])
    y *= fits.y_scale[:, None]
    return y.reshape(n, cuts, length)


def knots(fits: Fits, histories: Histories) -> Floats:
    """Where each fit's trend may bend, in its scaled time; shape (P, S)."""
    series = np.repeat(np.arange(len(histories.rows)), len(fits.k) // len(histories.rows))
    places = histories.days[series[:, None], fits.places]
    return (places - fits.first[:, None]) / fits.span[:, None]


def _trend_change(fits: Fits, knots: Floats, t: Floats) -> Floats:
    """What the changes of slope add at `t` (P, L). Few are not 0 in a fit."""
    used = np.argsort(fits.delta == 0, axis=1, kind="stable")
    used = used[:, : int((fits.delta != 0).sum(axis=1).max(initial=0))]
    delta, at = np.take_along_axis(fits.delta, used, 1), np.take_along_axis(knots, used, 1)
    change: Floats = np.einsum("pls,ps->pl", np.maximum(t[:, :, None] - at[:, None], 0), delta)
    return change


@dataclass(frozen=True, eq=False)
class FinalFits:
    """The fits of the last cuts of n series, light enough to keep until models are wanted.

    `knots` (n, S) are the changepoints in scaled time, `shift` (n,) the recent residuals in
    units of `y_scale`, `closed` the weekdays without a row.
    """

    fits: Fits
    knots: Floats
    shift: Floats
    closed: list[tuple[int, ...]]
    names: tuple[str, ...]
    prior_scales: Floats
    strategy: ProphetStrategy

    def model(self, i: int) -> ProphetParameters:
        """The i-th series' model."""
        fits, strategy = self.fits, self.strategy
        yearly, weekly = bool(fits.terms.yearly[i]), bool(fits.terms.weekly[i])
        count = max(int(fits.changepoints[i]), 1)
        beta = fits.seasonal[
            i, 0 if yearly else YEARLY_COLUMNS : None if weekly else YEARLY_COLUMNS
        ]
        standards = fits.standards
        return ProphetParameters(
            k=float(fits.k[i]),
            m=float(fits.m[i]),
            delta=tuple(fits.delta[i, :count].tolist()),
            changepoints_t=tuple(self.knots[i, :count].tolist()),
            beta=tuple(beta.tolist()) or (0.0,),
            sigma_obs=float(fits.sigma[i]),
            y_scale=float(fits.y_scale[i]),
            first_day=_EPOCH + timedelta(days=int(fits.first[i])),
            t_scale_days=int(fits.span[i]),
            rows=int(fits.rows[i]),
            seasonalities=seasonalities(strategy, yearly, weekly),
            changepoint_prior_scale=strategy.changepoint_prior_scale,
            never_open_weekdays=self.closed[i],
            regressors=tuple(
                Regressor(
                    self.names[at],
                    float(self.prior_scales[at]),
                    float(standards.mean[i, at]),
                    float(standards.std[i, at]),
                    float(fits.driven[i, at]),
                    float(standards.low[i, at]),
                    float(standards.high[i, at]),
                )
                for at in np.flatnonzero(standards.varies[i]).tolist()
            ),
            scale=strategy.scale,
            shift=float(self.shift[i]),
            smearing=strategy.smearing,
        )


def finals(
    fits: Fits,
    histories: Histories,
    shift: Floats,
    names: tuple[str, ...],
    prior_scales: Floats,
    strategy: ProphetStrategy,
) -> FinalFits:
    """The last cut's fit of each series; `shift` (n, K) is on the scale of y."""
    each = np.arange(shift.shape[1] - 1, shift.size, shift.shape[1])
    last = fits.at(each)
    return FinalFits(
        last,
        knots(last, histories),
        shift[:, -1] / last.y_scale,
        _closed_weekdays(histories.days, last.rows),
        names,
        prior_scales,
        strategy,
    )


def _weekly(fits: Fits) -> Floats:
    return fits.seasonal[:, YEARLY_COLUMNS:]


def _closed_weekdays(days: Ints, rows: Ints) -> list[tuple[int, ...]]:
    """The weekdays without a row, for each series; as `parameters.never_open_weekdays`."""
    weekday = (days + 3) % 7
    used = np.arange(days.shape[1]) < rows[:, None]
    seen = np.stack([((weekday == day) & used).any(axis=1) for day in range(7)], axis=1)
    patterns, which = np.unique(seen, axis=0, return_inverse=True)
    closed = [tuple(np.flatnonzero(~pattern).tolist()) for pattern in patterns]
    return [closed[i] for i in which.ravel().tolist()]
