"""What is known ahead of the days to forecast: opening days and drivers."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt

from functions.forecasting.series.panel import Floats


@dataclass(frozen=True, eq=False)
class Calendar:
    """n series by h consecutive days from `start` on.

    `is_open` (int8, shape (n, h)) is 1 for open, 0 for closed and -1 where nobody said.
    `drivers` (float64, shape (n, h, p)) are named by `driver_names`, in rising order, and
    NaN where nobody said.
    """

    start: date
    is_open: npt.NDArray[np.int8]
    driver_names: tuple[str, ...]
    drivers: Floats

    def __post_init__(self) -> None:
        if self.drivers.shape != (*self.is_open.shape, len(self.driver_names)):
            raise ValueError(
                f"drivers of shape {self.drivers.shape} do not fit {self.is_open.shape} days and "
                f"{len(self.driver_names)} names"
            )
        if list(self.driver_names) != sorted(set(self.driver_names)):
            raise ValueError(f"driver names must rise: {self.driver_names}")

    @staticmethod
    def unknown(series: int, start: date, days: int) -> "Calendar":
        """A calendar in which nothing is said of any day."""
        shape = (series, days)
        return Calendar(start, np.full(shape, -1, np.int8), (), np.empty((*shape, 0)))

    def only(self, series: slice) -> "Calendar":
        """The calendar of some of the series, which are cut out as numpy does it."""
        return Calendar(self.start, self.is_open[series], self.driver_names, self.drivers[series])

    def drivers_named(self, names: Sequence[str]) -> Floats:
        """The drivers of these names, in their order, NaN where there are none; (n, h, p)."""
        values = np.full((*self.is_open.shape, len(names)), np.nan)
        for at, name in enumerate(names):
            if name in self.driver_names:
                values[:, :, at] = self.drivers[:, :, self.driver_names.index(name)]
        return values
