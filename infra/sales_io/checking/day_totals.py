"""Makes one row of several rows for one day: their sum, or the last of them.

Memory holds one row for each day and series, and up to a million rows more.
"""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

MAX_PENDING = 1_000_000  # rows kept before they are combined

Combining = Literal["sum", "last"]
Values = np.ndarray[Any, Any]


@dataclass(frozen=True, slots=True)
class DayRows:
    """Rows by the key of their series and day (`checking.days_seen`).

    `drivers` has a row for each driver, NaN for an empty cell; `said` counts the cells that were
    not empty.
    """

    keys: Values
    units: Values
    open: Values
    drivers: Values
    said: Values


class DayTotals:
    """Sums days, or keeps their last rows. In a sum, units add up, the store is open if one row
    says so, a driver of yes and no is 1 if one row says so, and any other driver is the mean."""

    def __init__(self, how: Combining, means: list[bool]) -> None:
        """`means` says for each driver whether it is averaged."""
        self._how, self._means = how, np.array(means, dtype=bool)
        self._pending: list[DayRows] = []
        self._rows = 0

    def add(self, keys: Values, units: Values, is_open: Values, drivers: Values) -> None:
        """Add rows, in the order of the file."""
        known = ~np.isnan(drivers)
        kept = drivers if self._how == "last" else np.where(known, drivers, 0.0)
        if self._how == "sum" and len(self._means):
            kept = np.where(self._means[:, None] | known, kept, -np.inf)
        self._pending.append(DayRows(keys, units, is_open, kept, known.astype(np.int64)))
        self._rows += len(keys)
        if self._rows > MAX_PENDING:
            self._compact()

    def days(self) -> DayRows:
        """A row for each day, ordered by key."""
        self._compact()
        if not self._pending:
            none = np.zeros(0)
            empty = np.zeros((len(self._means), 0))
            return DayRows(none.astype(np.int64), none, none.astype(bool), empty, empty)
        found = self._pending[0]
        if self._how == "last" or not len(self._means):
            return found
        shares = found.drivers / np.maximum(found.said, 1)
        drivers = np.where(self._means[:, None], shares, found.drivers)
        drivers = np.where(found.said == 0, np.nan, drivers)
        return DayRows(found.keys, found.units, found.open, drivers, found.said)

    def _compact(self) -> None:
        if not self._pending:
            return
        rows = DayRows(
            np.concatenate([part.keys for part in self._pending]),
            np.concatenate([part.units for part in self._pending]),
            np.concatenate([part.open for part in self._pending]),
            np.concatenate([part.drivers for part in self._pending], axis=1),
            np.concatenate([part.said for part in self._pending], axis=1),
        )
        order = np.argsort(rows.keys, kind="stable")
        keys = rows.keys[order]
        starts = np.flatnonzero(np.r_[True, keys[1:] != keys[:-1]])[: len(keys)]
        combine = self._last if self._how == "last" else self._sum
        self._pending = [combine(rows, order, keys, starts)] if len(keys) else []
        self._rows = 0

    def _last(self, rows: DayRows, order: Values, keys: Values, starts: Values) -> DayRows:
        ends = order[np.r_[starts[1:], len(keys)] - 1]
        return DayRows(
            keys[starts],
            rows.units[ends],
            rows.open[ends],
            rows.drivers[:, ends],
            rows.said[:, ends],
        )

    def _sum(self, rows: DayRows, order: Values, keys: Values, starts: Values) -> DayRows:
        drivers = np.empty((len(self._means), len(starts)))
        for at, is_mean in enumerate(self._means):
            reduce = np.add.reduceat if is_mean else np.maximum.reduceat
            drivers[at] = reduce(rows.drivers[at][order], starts)
        return DayRows(
            keys[starts],
            np.add.reduceat(rows.units[order], starts),
            np.logical_or.reduceat(rows.open[order], starts),
            drivers,
            np.add.reduceat(rows.said[:, order], starts, axis=1),
        )
