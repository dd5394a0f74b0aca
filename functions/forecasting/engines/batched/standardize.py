"""Named numbers that move a day's sales beside trend and season: promotions, holidays.

They enter the model as extra columns, standardised as Prophet does it. Source: Prophet
1.5, forecaster.py, `Prophet.initialize_scales`.
"""

from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from functions.forecasting.series.panel import Floats

# A spread below this share of a column's size is rounding, not information.
_MIN_SPREAD = 1e-7


@dataclass(frozen=True, eq=False)
class Standards:
    """How each training window sees each driver: (value - mean) / std; all (P, p).

    Binary columns have mean 0 and std 1. `varies` is False for a column that is constant
    in the window (to rounding): it says nothing there, is left out and has coefficient 0. `low`
    and `high` are the window's least and largest value.
    """

    mean: Floats
    std: Floats
    varies: npt.NDArray[np.bool_]
    low: Floats
    high: Floats

    def at(self, some: npt.NDArray[np.intp]) -> "Standards":
        """Those of some of the windows."""
        return Standards(*(getattr(self, field.name)[some] for field in fields(self)))


def standards(values: Floats, cuts: npt.NDArray[np.int64]) -> Standards:
    """The standards of drivers (n, T, p) over the rows before each of the cuts (n, K).

    The results have shape (n * K, p): series by series, cut by cut. Columns that hold both
    0 and 1 and nothing else in the window are not standardised ('auto'); of the others
    the standard deviation is the sample's (ddof 1). The rows after a series' last cut
    count for nothing.
    """
    n, _, p = values.shape
    last = cuts.max(axis=1, initial=1)
    used = (np.arange(values.shape[1]) < last[:, None])[:, :, None]
    # Centred and scaled before they are squared: a year or a price loses no digits so.
    size = np.maximum(np.abs(values).max(axis=1, initial=0, where=used), np.finfo(float).tiny)
    unit = np.where(used, values / size[:, None], 0.0)
    origin = unit.sum(axis=1) / last[:, None]
    unit -= origin[:, None]

    def until(totals: npt.NDArray[np.float64]) -> Floats:
        return np.take_along_axis(totals, cuts[:, :, None] - 1, axis=1)

    rows = cuts[:, :, None]
    offset = until(np.cumsum(unit, axis=1)) / rows
    squares = until(np.cumsum(unit**2, axis=1)) - rows * offset**2
    spread = np.sqrt(np.maximum(squares, 0) / np.maximum(rows - 1, 1))
    low = until(np.minimum.accumulate(values, axis=1))
    high = until(np.maximum.accumulate(values, axis=1))
    two_valued = np.logical_and.accumulate((values == 0) | (values == 1), axis=1)
    binary = (low == 0) & (high == 1) & np.take_along_axis(two_valued, rows - 1, axis=1)
    varies = binary | ((low < high) & (spread > _MIN_SPREAD))
    standardised = varies & ~binary
    mean = np.where(standardised, (offset + origin[:, None]) * size[:, None], 0.0)
    std = np.where(standardised, spread * size[:, None], 1.0)
    shape = (n * cuts.shape[1], p)
    columns = (mean, std, varies, low, high)
    return Standards(*(column.reshape(shape) for column in columns))
