"""How far the last days were from the fit: a level the model has not caught up with."""

import numpy as np
import numpy.typing as npt

from functions.forecasting.engines.batched.fits import Fits, evaluated
from functions.forecasting.engines.batched.padded import Histories
from functions.forecasting.series.new_level import RESIDUAL_ROWS, followed
from functions.forecasting.series.panel import Floats
from functions.forecasting.strategy import ProphetStrategy


def recent_residual(
    fits: Fits, histories: Histories, cuts: npt.NDArray[np.int64], strategy: ProphetStrategy
) -> Floats:
    """What the strategy adds to the fit up to each cut; shape (n, K), on the scale of y."""
    if strategy.recent_residual == 0:
        return np.zeros(cuts.shape)
    rows = cuts[:, :, None] - 1 - np.arange(RESIDUAL_ROWS)
    inside = rows >= 0
    rows = np.maximum(rows, 0)
    each = np.arange(len(cuts))[:, None, None]
    residual = histories.units[each, rows] - evaluated(fits, histories, rows, strategy)
    age = histories.days[each, rows[:, :, :1]] - histories.days[each, rows]
    weight = np.where(inside, 0.5 ** (age / strategy.residual_half_life_days), 0.0)
    noise = (fits.sigma * fits.y_scale).reshape(cuts.shape)
    return followed(residual, weight, noise, strategy.recent_residual)
