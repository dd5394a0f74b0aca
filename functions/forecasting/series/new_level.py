"""What the newest days say of the level: a share of how far they are from it, or all of it.

Usually a share of their weighted mean is added to forecasts. Where all but one of the newest
seven days lie far beyond the fit on the same side, the level is a new one, and the forecast goes
there at once.
"""

import numpy as np

from functions.forecasting.series.panel import Floats

# Rows before a cut that are looked at: with a half-life of two weeks, older ones say nothing.
RESIDUAL_ROWS = 45
# So many of the newest rows, so many standard deviations of the fit away, are a new level.
NEWEST_ROWS, NEWEST_BEYOND, BEYOND = 7, 6, 2.0


def followed(residual: Floats, weight: Floats, noise: Floats, share: float) -> Floats:
    """What to add to forecasts after residuals (..., R), newest first, with their weights (0 where
    there is none) and the standard deviation of the fit's noise (...); shape (...).
    """
    usual = share * (weight * residual).sum(axis=-1) / weight.sum(axis=-1)
    newest = residual[..., :NEWEST_ROWS]
    far = BEYOND * noise[..., None]
    moved = np.maximum((newest > far).sum(axis=-1), (newest < -far).sum(axis=-1)) >= NEWEST_BEYOND
    moved &= (weight[..., :NEWEST_ROWS] > 0).sum(axis=-1) == NEWEST_ROWS
    added: Floats = np.where(moved, newest.mean(axis=-1), usual)
    return added
