"""The errors of many series' folds at once; the same numbers as `Metrics.mean` of `Metrics.of`."""

import numpy as np

from functions.forecasting.metrics import Metrics
from functions.forecasting.panel import Floats


def fold_errors(actual: Floats, predicted: Floats) -> list[Metrics]:
    """The mean errors over the folds of n series; both arrays have shape (n, folds, days).

    All folds have the same number of days, at least 1. See `metrics` for what is left out.
    """
    miss = np.abs(actual - predicted)
    worst = miss.max(axis=2, keepdims=True)
    worst[worst == 0] = 1.0
    rmse = worst[:, :, 0] * np.sqrt(np.mean((miss / worst) ** 2, axis=2))
    sold = actual != 0
    days = sold.sum(axis=2)
    share = np.divide(miss, np.abs(actual), out=np.zeros_like(miss), where=sold)
    mape = share.sum(axis=2) / np.maximum(days, 1)
    folds = (days > 0).sum(axis=1)
    columns = (
        rmse.mean(axis=1),
        np.where(days > 0, mape, 0.0).sum(axis=1) / np.maximum(folds, 1),
        miss.mean(axis=2).mean(axis=1),
        np.median(miss, axis=2).mean(axis=1),
    )
    rows = zip(*(column.tolist() for column in columns), (folds > 0).tolist(), strict=True)
    return [Metrics(r, p if sold_any else None, a, m) for r, p, a, m, sold_any in rows]
