"""How far forecasts were off: four averages per fold, averaged over the folds.

MAPE leaves out days on which nothing was sold, because a percentage of zero means
nothing (dividing by a small number instead gives errors of 10^9). A fold without any
sale has no MAPE and is left out of the average; a series without any has None.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from functions.forecasting.panel import Floats


@dataclass(frozen=True)
class Metrics:
    """Errors of one series' backtest, each the mean over its folds.

    `rmse`, `mae` and `medae` (median absolute error) are in units per day; `mape` is a
    fraction (0.12 is 12 %), None if no test day had sales.
    """

    rmse: float
    mape: float | None
    mae: float
    medae: float

    @staticmethod
    def of(actual: Floats, predicted: Floats) -> "Metrics":
        """The errors of one fold; `actual` and `predicted` have one value per test day."""
        if actual.shape != predicted.shape or actual.size == 0:
            raise ValueError(
                f"{actual.shape} actual and {predicted.shape} predicted values can't be "
                "compared; equally many, and at least 1, are needed"
            )
        miss = np.abs(actual - predicted)
        # The largest error is taken out of the root, so that squares of values beyond
        # 1e154 do not overflow and those below 1e-154 do not vanish.
        worst = float(miss.max()) or 1.0
        sold = actual != 0
        return Metrics(
            rmse=worst * float(np.sqrt(np.mean((miss / worst) ** 2))),
            mape=float(np.mean(miss[sold] / np.abs(actual[sold]))) if sold.any() else None,
            mae=float(np.mean(miss)),
            medae=float(np.median(miss)),
        )

    @staticmethod
    def mean(folds: Sequence["Metrics"]) -> "Metrics":
        """The mean over folds, each fold counting the same. Needs at least 1 fold."""
        if not folds:
            raise ValueError("there is no fold to average; at least 1 is needed")
        mapes = [fold.mape for fold in folds if fold.mape is not None]
        return Metrics(
            rmse=float(np.mean([fold.rmse for fold in folds])),
            mape=float(np.mean(mapes)) if mapes else None,
            mae=float(np.mean([fold.mae for fold in folds])),
            medae=float(np.mean([fold.medae for fold in folds])),
        )
