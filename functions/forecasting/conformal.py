"""How much wider an interval has to be, by what it missed in the backtest.

A day's miss is measured in units of the interval's reach on its side. The quantile of the
misses that the interval's level asks for says how many times as far it should reach: a
series' own quantile is shrunk towards that of all series, as 35 days say little about a tail.
Source: conformalised intervals; Romano, Patterson & Candes, Conformalized quantile
regression (2019), with locally scaled scores.
"""

import numpy as np

from functions.forecasting.panel import Floats
from functions.forecasting.scale import Band

# A series' own days weigh as much as the fleet when it has so many.
SHRINKAGE_DAYS = 35
# The strategy was chosen on the same days, which flatters it: so much of what the level leaves
# out is added to it.
_FLATTERY = 0.2
_MOST = 5.0  # times; beyond that the forecast is at fault, not its interval


def widening(actual: Floats, band: Band, level: float) -> Floats:
    """How many times as far each series' interval is to reach, at least 1; shape (n,).

    All arrays have shape (n, K, B), NaN where there is no day.
    """
    n = len(actual)
    level += _FLATTERY * (1 - level)
    error = actual - band.yhat
    reach = np.where(error >= 0, band.upper - band.yhat, band.yhat - band.lower)
    floor = np.maximum(1e-6 * np.abs(band.yhat), 1e-12)
    misses = (np.abs(error) / np.maximum(reach, floor)).reshape(n, -1)
    known = np.isfinite(misses)
    if not known.any():
        return np.ones(n)
    fleet = float(np.quantile(misses[known], level))
    own = np.full(n, fleet)
    for i in np.flatnonzero(known.any(axis=1)).tolist():
        own[i] = np.quantile(misses[i, known[i]], level)
    days = known.sum(axis=1)
    weight = days / (days + SHRINKAGE_DAYS)
    tiny = 1e-9
    mixed = np.exp(weight * np.log(own + tiny) + (1 - weight) * np.log(fleet + tiny))
    times: Floats = np.clip(mixed, 1.0, _MOST)
    return times


def widened(band: Band, times: Floats) -> Band:
    """The band with each series' interval reaching that many times as far, not below 0."""
    stretch = times[:, None, None]
    return Band(
        band.yhat,
        np.maximum(band.yhat - stretch * (band.yhat - band.lower), 0),
        band.yhat + stretch * (band.upper - band.yhat),
    )
