"""Which strategy serves a series best: errors on the same folds, own and the fleet's.

A strategy's loss on a series is half its mean absolute error by day and half that of its
folds' means: the second is what a week's total is off by, so a forecast that is low every day
(the median of an intermittent series) does not win. Relative to the honest naive's loss
it is comparable between series; a series' own is then shrunk towards the fleet's mean, since
its 35 days alone choose no better than a guess. Where folds or history say little, a hedge is
taken: a mean with the naive in it is seldom the best of all, and hardly ever worse than the
naive.
"""

import numpy as np
import numpy.typing as npt

from functions.forecasting.panel import Floats

Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]

# A series' own folds weigh as much as the fleet when they have so many days.
SHRINKAGE_DAYS = 70
# A few series are no fleet: so many more, by all strategies as good as the naive, count with them.
PRIOR_SERIES = 15
# Of the champion's score: two fits of one quality differ by so much.
TOLERANCE = 0.02
# A hedge is taken where no score is below this, or where a series has fewer rows.
HEDGE_ABOVE = 0.87
HEDGE_ROWS = 120
_LEAST = 0.01  # of the mean units: losses below it count as equal


def losses(actual: Floats, yhat: Floats) -> Floats:
    """The loss of a strategy on each series, in units per day; (n, K, B) to (n,).

    NaN where it has no forecast of some day that has a value.
    """
    days = np.isfinite(actual)
    error = np.where(days, yhat - actual, 0.0)
    number = days.sum(axis=2)
    by_day = np.abs(error).sum(axis=(1, 2)) / np.maximum(number.sum(axis=1), 1)
    means = np.abs(error.sum(axis=2)) / np.maximum(number, 1)
    by_fold = means.sum(axis=1) / np.maximum((number > 0).sum(axis=1), 1)
    measured: Floats = np.where(number.sum(axis=1) > 0, (by_day + by_fold) / 2, np.nan)
    return measured


def scores(actual: Floats, loss: Floats, naive: Floats) -> Floats:
    """Each strategy's score on each series, 1 for as good as the naive; shape (n, C).

    `loss` (n, C) may be NaN where a strategy has none, `naive` (n,) is the honest naive's.
    """
    days = np.isfinite(actual).sum(axis=(1, 2))
    units = np.where(np.isfinite(actual), np.abs(actual), 0.0).sum(axis=(1, 2))
    least = np.maximum(_LEAST * units / np.maximum(days, 1), 1e-12)[:, None]
    own = np.log((loss + least) / (naive[:, None] + least))
    known = np.isfinite(own)
    fleet = np.where(known, own, 0.0).sum(axis=0) / (known.sum(axis=0) + PRIOR_SERIES)
    weight = (days / (days + SHRINKAGE_DAYS))[:, None]
    shrunk: Floats = np.exp(weight * own + (1 - weight) * fleet)
    return shrunk


def best(score: Floats) -> Ints:
    """The place of each series' lowest score, the first of equals; -1 where it has none."""
    lowest = np.argmin(np.where(np.isfinite(score), score, np.inf), axis=1)
    return np.where(np.isfinite(score).any(axis=1), lowest, -1)


def chosen(score: Floats, hedges: Bools, rows: Ints, champions: Floats) -> Ints:
    """As `best` of the scores (n, C), but a hedge where folds or `rows` (n,) say little.

    `hedges` (C,) says which columns are; one is taken only if it loses neither to the naive nor
    to what serves now, whose score is in `champions` (n,), NaN where there is none.
    """
    bound = np.fmin(1.0, (1 + TOLERANCE) * champions)[:, None]
    lowest, hedge = best(score), best(np.where(hedges & (score <= bound), score, np.nan))
    least = np.take_along_axis(score, np.maximum(lowest, 0)[:, None], axis=1)[:, 0]
    little = (rows < HEDGE_ROWS) | (least > HEDGE_ABOVE)
    return np.where(little & (hedge >= 0), hedge, lowest)
