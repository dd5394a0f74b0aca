"""Calibrate the width of forecast intervals from their misses in the backtest.

A day's miss is measured in units of the interval's reach on its side. The quantile of the
misses that the interval's level asks for says how many times as far it should reach: a
series' own quantile is shrunk towards that of all series, as 35 days say little about a tail.
All series together say by how much more or less it should reach on each weekday, so that weekends
are covered as often as other days.
Source: conformalised intervals; Romano, Patterson & Candes, Conformalized quantile
regression (2019), with locally scaled scores.
"""

import numpy as np
import numpy.typing as npt

from functions.forecasting.series.panel import Floats
from functions.forecasting.series.scale import Band

# Days at which a series' own quantile weighs as much as that of all series.
SHRINKAGE_DAYS = 35
# Days of a weekday, over all series, that weigh as much as the assumption of equal weekdays.
WEEKDAY_SHRINKAGE_DAYS = 70
# The strategy was chosen on the same days, so its misses are too small: this share of 1 - level
# is added to the level.
_FLATTERY = 0.2
_MAX_TIMES = 5.0  # times; beyond that the forecast is at fault, not its interval
# Coverage on weekdays and at weekends was 0.98 and 0.92 on favorita-stores, where no interval was
# like another weekday's, and is 0.97 and 0.95; rossmann's went from 0.961 to 0.955, by less width.
_LEAST = 0.75
_WEEKDAY_BOUNDS = 0.5, 2.0


def interval_scale(
    actual: Floats, band: Band, level: float, weekday: Floats | None = None
) -> Floats:
    """How many times as far each series' interval is to reach on each weekday; shape (n, 7).

    The other arrays have shape (n, K, B), NaN where there is no day; `weekday` is 0 on Mondays.
    Without weekdays they are all alike, at least 1. With them a series has at least 1 where it had
    days of no sales: an interval that begins a little above 0 would miss them.
    """
    n = len(actual)
    level += _FLATTERY * (1 - level)
    error = actual - band.yhat
    reach = np.where(error >= 0, band.upper - band.yhat, band.yhat - band.lower)
    floor = np.maximum(1e-6 * np.abs(band.yhat), 1e-12)
    misses = (np.abs(error) / np.maximum(reach, floor)).reshape(n, -1)
    known = np.isfinite(misses)
    if not known.any():
        return np.ones((n, 7))
    fleet = float(np.quantile(misses[known], level))
    own = np.full(n, fleet)
    for i in np.flatnonzero(known.any(axis=1)).tolist():
        own[i] = np.quantile(misses[i, known[i]], level)
    days = known.sum(axis=1)
    weight = days / (days + SHRINKAGE_DAYS)
    tiny = 1e-9
    mixed = np.exp(weight * np.log(own + tiny) + (1 - weight) * np.log(fleet + tiny))
    times = np.repeat(np.clip(mixed, 1.0, _MAX_TIMES)[:, None], 7, axis=1)
    if weekday is None:
        return times
    by_day = _by_weekday(misses / times[:, :1], np.where(known, weekday.reshape(n, -1), -1), level)
    sells_daily = ~((actual == 0).any(axis=(1, 2)))
    least = np.where(sells_daily, _LEAST, 1.0)[:, None]
    found: Floats = np.clip(times * by_day, least, _MAX_TIMES)
    return found


def _by_weekday(misses: Floats, weekday: Floats, level: float) -> Floats:
    """Return the factor of each weekday's width that makes misses equally frequent on all
    weekdays; shape (7,).
    """
    tiny = 0.01  # share of the width; smaller misses do not distinguish weekdays
    found = np.ones(7)
    typical = float(np.quantile(misses[weekday >= 0], level)) + tiny
    for day in range(7):
        of_day = misses[weekday == day]
        if len(of_day):
            weight = len(of_day) / (len(of_day) + WEEKDAY_SHRINKAGE_DAYS)
            found[day] = ((float(np.quantile(of_day, level)) + tiny) / typical) ** weight
    return np.clip(found, *_WEEKDAY_BOUNDS)


def widened(band: Band, times: Floats, weekday: npt.NDArray[np.int64]) -> Band:
    """Scale each series' interval by `times` (n, 7) of the day's weekday, not below 0. `weekday`
    broadcasts to the shape of the band.
    """
    series = np.arange(len(times)).reshape(-1, *(1,) * (band.yhat.ndim - 1))
    stretch = times[series, weekday]
    return Band(
        band.yhat,
        np.maximum(band.yhat - stretch * (band.yhat - band.lower), 0),
        band.yhat + stretch * (band.upper - band.yhat),
    )
