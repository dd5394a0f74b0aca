"""What comes of walking a strategy forward through many series: folds, then a last fit.

The folds of a series are the same for every strategy: counted in open days from its end,
so strategies with windows of different length are judged by the same days.
Guaranteed: fold k of a series trains on the rows before `cuts[k]` alone.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
import numpy.typing as npt

from functions.forecasting.findings import Finding
from functions.forecasting.series.failures import FitFailure
from functions.forecasting.series.scale import Band

Ints = npt.NDArray[np.int64]
Fitted = TypeVar("Fitted", covariant=True)


def fold_cuts(rows: Ints, blocks: Ints, n_splits: int) -> Ints:
    """The rows that each fold and the last fit train on: n series with test blocks of
    `blocks` (n,) rows; shape (n, n_splits + 1). The folds are scikit-learn's
    `TimeSeriesSplit(n_splits, test_size=block)`.
    """
    return rows[:, None] - blocks[:, None] * np.arange(n_splits, -1, -1)


@dataclass(frozen=True, eq=False)
class FoldForecasts(Generic[Fitted]):
    """n series, K folds of up to B rows each; NaN beyond a series' own block.

    `band` (n, K, B) has the forecasts of the folds' rows, in units per day, as they would
    have been published, but for caps. `reasons` says why a series has none.
    `model(i)` makes the i-th series' model, fitted to all its rows. `findings` hold, by series,
    what a reader should know of how it was fitted.
    """

    band: Band
    reasons: Sequence[FitFailure | None]
    model: Callable[[int], Fitted]
    findings: dict[int, Finding]


def empty_folds(n_splits: int, blocks: Ints) -> Band:
    """NaN for every row of every fold of n series, whose blocks are `blocks` (n,)."""
    return Band.empty((len(blocks), n_splits, int(blocks.max(initial=1))))
