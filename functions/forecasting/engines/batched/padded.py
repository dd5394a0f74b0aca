"""Series of unequal length as one rectangle, so that numpy can walk all of them at once.

Guaranteed: a row beyond a series' end repeats its last one and is never looked at through
`until`, so neither the padding nor the company a series is in can change its result.
"""

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from functions.forecasting.series.panel import Floats, Panel

Ints = npt.NDArray[np.int64]
Values = TypeVar("Values", bound=np.generic)


@dataclass(frozen=True, eq=False)
class Histories:
    """n series of at most T rows: `days` (since 1970-01-01) and `units` have shape (n, T).

    `rows` counts each series' own rows, shape (n,), at least 1 each. `drivers` has shape
    (n, T, p) and holds raw values; p may be 0.
    """

    days: Ints
    units: Floats
    drivers: Floats
    rows: Ints

    @staticmethod
    def of(panel: Panel, chosen: Ints, drivers: Floats) -> "Histories":
        """The series of `panel` at the indices `chosen`; each needs at least 1 row.

        `drivers` (rows, p) are those of the panel's rows.
        """
        rows = panel.rows[chosen]
        steps = np.arange(rows.max(initial=1))
        at = panel.offsets[chosen, None] + np.minimum(steps, rows[:, None] - 1)
        return Histories(panel.dates.astype(np.int64)[at], panel.units[at], drivers[at], rows)


def until(values: npt.NDArray[Values], cuts: Ints) -> npt.NDArray[Values]:
    """The value in the last row before each cut: (n, T) and (n, K) to (n, K)."""
    return np.take_along_axis(values, cuts - 1, axis=1)
