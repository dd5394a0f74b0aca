"""How much each candidate counts in a series' forecast: by its errors on the same folds.

A candidate's loss on a fold is half the sum of its errors by day and half the error of the fold's
sum: the second is what a week's total is off by, so a forecast that is low every day (the median
of an intermittent series) does not win. A score is the sum of losses over that of the middle
candidate on the same folds. Sums come first, so a fold or a series that sells next to nothing
can't rule by a ratio to nothing. A series' own scores are then shrunk towards those of the series
that it is trained with, since its own 35 days say little.

Candidates are not chosen but weighed, each by its score to the power of -SHARPNESS: means of
forecasts err less than any of them, and one that is clearly worse than the best has no
weight. Source: Bates & Granger, The combination of forecasts (1969), Operational Research
Quarterly 20(4). What the constants were measured against is in docs/adr/0001-auto-weighs.md.
"""

import numpy as np
import numpy.typing as npt

from functions.forecasting.series.panel import Floats

Ints = npt.NDArray[np.int64]

# A series' own folds weigh as much as the fleet when they have so many days.
SHRINKAGE_DAYS = 70
# A few series are no fleet: so many more, with all candidates as good as the middle, count too.
PRIOR_SERIES = 50
SHARPNESS = 12.0
MIN_WEIGHT = 0.1  # of the largest; what has less is left out
# Of a champion's score: two fits of one quality differ by so much.
TOLERANCE = 0.02
_BOUNDS = 0.2, 3.0  # of a series' own score: how much one series may say about the fleet
_LEAST = 0.01  # of a fold's units: losses below it count as equal


def losses(actual: Floats, yhat: Floats) -> Floats:
    """The loss on each fold, in units; (n, K, B) to (n, K).

    NaN where a fold has no day, or where there is no forecast of one that it has.
    """
    days = np.isfinite(actual)
    error = np.where(days, yhat - actual, 0.0)
    loss = (np.abs(error).sum(axis=2) + np.abs(error.sum(axis=2))) / 2
    measured: Floats = np.where(days.any(axis=2), loss, np.nan)
    return measured


def middle(actual: Floats, loss: Floats) -> Floats:
    """The loss of the middle of the candidates on each fold, a little above 0 at least; of
    (n, K, C) losses, NaN where a candidate has none; (n, K).
    """
    units = np.where(np.isfinite(actual), np.abs(actual), 0.0).sum(axis=2)
    known = np.isfinite(loss)
    number = known.sum(axis=2)
    ordered = np.sort(np.where(known, loss, np.inf), axis=2)
    pair = np.stack([np.maximum(number - 1, 0) // 2, np.minimum(number // 2, loss.shape[2] - 1)], 2)
    found = np.take_along_axis(ordered, pair, axis=2).mean(axis=2)
    found = np.maximum(found, _LEAST * units + 1e-9)
    reference: Floats = np.where(number > 0, found, np.nan)
    return reference


def scores(actual: Floats, loss: Floats, reference: Floats) -> Floats:
    """The score of each of C strategies on each series, shape (n, C), less is better; NaN where
    it has no loss.

    `loss` (n, K, C) may have NaN, `reference` (n, K) is the middle candidate's.
    """
    known = np.isfinite(loss) & np.isfinite(reference)[:, :, None]
    lost = np.where(known, loss, 0.0).sum(axis=1)
    against = np.where(known, reference[:, :, None], 0.0).sum(axis=1)
    measured = against > 0
    own = np.clip(lost / np.where(measured, against, 1.0), *_BOUNDS)
    log = np.log(own)
    fleet = np.where(measured, log, 0.0).sum(axis=0) / (measured.sum(axis=0) + PRIOR_SERIES)
    days = np.isfinite(actual).sum(axis=(1, 2))
    weight = (days / (days + SHRINKAGE_DAYS))[:, None]
    shrunk: Floats = np.where(measured, np.exp(weight * log + (1 - weight) * fleet), np.nan)
    return shrunk


def weights(score: Floats) -> Floats:
    """The share of each candidate in each series' forecast, by scores (n, C); rows sum to 1, or
    are 0 where a series has no score.
    """
    known = np.isfinite(score)
    best = np.min(np.where(known, score, np.inf), axis=1, initial=np.inf, keepdims=True)
    share: Floats = np.where(known, np.where(known, score, 1.0) / best, np.inf) ** -SHARPNESS
    share[share < MIN_WEIGHT] = 0.0
    total = share.sum(axis=1, keepdims=True)
    weighed: Floats = np.divide(share, total, out=np.zeros_like(share), where=total > 0)
    return weighed
