"""How far forecasts were off, fold by fold, for many series at once.

Percentages leave out days on which nothing was sold, because a percentage of zero means
nothing (dividing by a small number instead gives errors of 10^9). A fold without any sale
has no MAPE, RMSPE, WAPE or bias and is left out of their averages; a series without any has
None.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from functions.forecasting.series.panel import Floats
from functions.forecasting.series.scale import Band


@dataclass(frozen=True)
class Metrics:
    """Errors of one fold, or the mean over folds.

    `rmse`, `mae`, `medae` (median absolute error) and `width` (of the interval) are in units
    per day; the others are fractions (0.12 is 12 %). `wape` is the sum of absolute errors and
    `bias` that of signed ones (above 0: forecast too high) over the sum of sales; `rmspe` is
    the root mean square of relative errors; `coverage` is the share of days within the interval.
    """

    rmse: float | None
    mape: float | None
    mae: float | None
    medae: float | None
    wape: float | None
    rmspe: float | None
    bias: float | None
    coverage: float | None
    width: float | None

    @staticmethod
    def place(name: str) -> int:
        """Where the metric of that name stands in arrays of metrics."""
        return NAMES.index(name)

    def as_dict(self) -> dict[str, float | None]:
        """By name."""
        return {name: getattr(self, name) for name in NAMES}


NAMES = tuple(field.name for field in fields(Metrics))
UNMEASURED = Metrics(*[None] * len(NAMES))


def fold_metrics(actual: Floats, band: Band) -> Floats:
    """The metrics of each fold of n series, all arrays of shape (n, K, B), NaN where a fold
    has no day; shape (n, K, len(NAMES)), NaN where a metric has no value.
    """
    known = np.isfinite(actual) & np.isfinite(band.yhat)
    sold = known & (actual != 0)
    error = np.where(known, band.yhat - actual, 0.0)
    miss = np.abs(error)
    # The largest error is taken out of the root, so that squares of values beyond 1e154 do
    # not overflow and those below 1e-154 do not vanish.
    worst = miss.max(axis=2, keepdims=True, initial=0)
    worst[worst == 0] = 1.0
    units = np.where(known, actual, 0.0)
    share = np.divide(miss, np.abs(units), out=np.zeros_like(miss), where=sold)
    largest = np.maximum(share.max(axis=2, keepdims=True, initial=0), 1e-300)
    inside = known & (actual >= band.lower) & (actual <= band.upper)
    days, sold_days = known.sum(axis=2), sold.sum(axis=2)
    with np.errstate(divide="ignore", invalid="ignore"):
        total = np.abs(units).sum(axis=2)
        columns = {
            "rmse": worst[:, :, 0] * np.sqrt(((miss / worst) ** 2).sum(axis=2) / days),
            "mape": share.sum(axis=2) / sold_days,
            "mae": miss.sum(axis=2) / days,
            "medae": _median(miss, known),
            "wape": miss.sum(axis=2) / total,
            "rmspe": largest[:, :, 0] * np.sqrt(((share / largest) ** 2).sum(axis=2) / sold_days),
            "bias": error.sum(axis=2) / total,
            "coverage": inside.sum(axis=2) / days,
            "width": np.where(known, band.upper - band.lower, 0.0).sum(axis=2) / days,
        }
    values = np.stack([columns[name] for name in NAMES], axis=2)
    return np.where(np.isfinite(values), values, np.nan)


def metrics_of(values: Sequence[float]) -> Metrics:
    """Metrics from their values in the order of NAMES; NaN is None."""
    return Metrics(*(None if value != value else float(value) for value in values))


def mean_metrics(folds: Floats) -> Floats:
    """The mean over folds (n, K, len(NAMES)), each fold with a value counting the same."""
    known = np.isfinite(folds)
    number = known.sum(axis=1)
    total = np.where(known, folds, 0.0).sum(axis=1)
    return np.where(number > 0, total / np.maximum(number, 1), np.nan)


def _median(miss: Floats, known: np.ndarray) -> Floats:
    """The median of the known values of each fold; shape (n, K)."""
    ordered = np.sort(np.where(known, miss, np.inf), axis=2)
    days = known.sum(axis=2)
    middle = [np.maximum(days - 1, 0) // 2, np.minimum(days // 2, miss.shape[2] - 1)]
    pair = np.take_along_axis(ordered, np.stack(middle, axis=2), axis=2)
    return np.where(days > 0, pair.mean(axis=2), np.nan)
