"""The daily histories of many series, held as concatenated columns.

Guaranteed of every `Panel`: the columns have equal lengths, `offsets` cuts them into one
run of rows per key, keys are unique, and dates rise strictly within a series. Not
guaranteed: that a day has a row, or that units are finite (a series with a NaN must be
refused by name later, not take the whole panel down).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date

import numpy as np
import numpy.typing as npt

Key = tuple[str, str]
Dates = npt.NDArray[np.datetime64]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Panel:
    """Daily histories of n series over `rows` rows in all, sorted by series, then date.

    `keys[i]` is the i-th series' (store, product); its rows are
    `offsets[i]:offsets[i + 1]` of `dates` (datetime64[D]), `units` (float64, sold that
    day) and `is_open` (bool). `offsets` is int64 of length n + 1. `drivers` (float64, rows
    by p) holds what is known of the day's drivers, named by `driver_names` in rising order,
    and NaN where nothing was said; left out, there are none. Where series have drivers of their
    own (see `own_drivers`), `own_names[i]` are those of the i-th series, in its first columns,
    and `driver_names` are places only. `left_out[i]` says how many more drivers it had that were
    not read, and which first.

    Raises ValueError, naming what it saw, if the columns do not fit together.
    """

    keys: tuple[Key, ...]
    offsets: npt.NDArray[np.int64]
    dates: Dates
    units: Floats
    is_open: npt.NDArray[np.bool_]
    driver_names: tuple[str, ...] = ()
    drivers: Floats = field(default_factory=lambda: np.empty((0, 0)))
    own_names: tuple[tuple[str, ...], ...] = ()
    left_out: tuple[tuple[int, str], ...] = ()

    def __post_init__(self) -> None:
        if not self.driver_names:
            object.__setattr__(self, "drivers", np.empty((len(self.dates), 0)))
        self._check_types()
        self._check_lengths()
        self._check_order()

    def __len__(self) -> int:
        return len(self.keys)

    @property
    def rows(self) -> npt.NDArray[np.int64]:
        """The number of rows of each series, shape (n,)."""
        return np.diff(self.offsets)

    def series(self, i: int) -> slice:
        """The rows of the i-th series, as a slice of the columns."""
        return slice(int(self.offsets[i]), int(self.offsets[i + 1]))

    def names_of(self, i: int) -> tuple[str, ...]:
        """The names of the i-th series' drivers, in the order of its first columns."""
        return self.own_names[i] if self.own_names else self.driver_names

    def window(self, as_of: date, days: int | None) -> "Panel":
        """The rows with `as_of - days <= date < as_of`; all before `as_of` if days is None."""
        end = np.datetime64(as_of, "D")
        inside = self.dates < end
        if days is not None:
            inside &= self.dates >= end - np.timedelta64(days, "D")
        return self.only(inside)

    def open_days(self) -> "Panel":
        """The rows on which the store was open."""
        return self.only(self.is_open)

    def select(self, indices: Sequence[int]) -> "Panel":
        """The series at `indices`, in that order. An index may occur once."""
        chosen = np.asarray(indices, np.int64)
        counts = self.rows[chosen]
        offsets = _offsets(counts)
        rows = np.arange(offsets[-1]) + np.repeat(self.offsets[chosen] - offsets[:-1], counts)
        return Panel(
            keys=tuple(self.keys[i] for i in indices),
            offsets=offsets,
            dates=self.dates[rows],
            units=self.units[rows],
            is_open=self.is_open[rows],
            driver_names=self.driver_names,
            drivers=self.drivers[rows],
            own_names=tuple(self.own_names[i] for i in indices) if self.own_names else (),
            left_out=tuple(self.left_out[i] for i in indices) if self.left_out else (),
        )

    @staticmethod
    def concat(panels: Sequence["Panel"]) -> "Panel":
        """One panel of all the panels' series, in their order. Keys must not repeat.

        A driver that one panel lacks is NaN there. Names of all series become shared ones.
        """
        if not panels:
            raise ValueError("there is no panel to concatenate; at least 1 is needed")
        of_each = [panel.own_names or (panel.driver_names,) for panel in panels]
        names = tuple(sorted({name for own in of_each for part in own for name in part}))
        return Panel(
            keys=tuple(key for panel in panels for key in panel.keys),
            offsets=_offsets(np.concatenate([panel.rows for panel in panels])),
            dates=np.concatenate([panel.dates for panel in panels]),
            units=np.concatenate([panel.units for panel in panels]),
            is_open=np.concatenate([panel.is_open for panel in panels]),
            driver_names=names,
            drivers=np.concatenate([panel.drivers_named(names) for panel in panels]),
        )

    def drivers_named(self, names: Sequence[str]) -> Floats:
        """The drivers of these names, in their order, NaN where there are none; (rows, p)."""
        values = np.full((len(self.dates), len(names)), np.nan)
        series = range(len(self)) if self.own_names else [None]
        for i in series:
            rows = slice(None) if i is None else self.series(i)
            known = self.driver_names if i is None else self.own_names[i]
            for at, name in enumerate(names):
                if name in known:
                    values[rows, at] = self.drivers[rows, known.index(name)]
        return values

    def only(self, kept: npt.NDArray[np.bool_]) -> "Panel":
        """The rows marked in `kept`; every series stays, if need be with no row."""
        kept_before = np.concatenate([[0], np.cumsum(kept, dtype=np.int64)])
        return Panel(
            keys=self.keys,
            offsets=kept_before[self.offsets],
            dates=self.dates[kept],
            units=self.units[kept],
            is_open=self.is_open[kept],
            driver_names=self.driver_names,
            drivers=self.drivers[kept],
            own_names=self.own_names,
            left_out=self.left_out,
        )

    def _check_types(self) -> None:
        wanted = {"offsets": "int64", "dates": "datetime64[D]", "units": "float64"}
        for name, dtype in {**wanted, "is_open": "bool"}.items():
            column = getattr(self, name)
            if column.dtype != np.dtype(dtype) or column.ndim != 1:
                raise ValueError(
                    f"{name} must be one-dimensional {dtype}, not {column.ndim}-dimensional "
                    f"{column.dtype}"
                )

    def _check_lengths(self) -> None:
        lengths = (len(self.dates), len(self.units), len(self.is_open))
        if len(set(lengths)) > 1:
            raise ValueError(f"dates, units and is_open must be equally long, not {lengths}")
        if self.drivers.shape != (len(self.dates), len(self.driver_names)):
            raise ValueError(
                f"drivers must have shape ({len(self.dates)}, {len(self.driver_names)}), "
                f"not {self.drivers.shape}"
            )
        if list(self.driver_names) != sorted(set(self.driver_names)):
            raise ValueError(f"driver names must rise: {self.driver_names}")
        for column in ("own_names", "left_out"):
            if (given := len(getattr(self, column))) not in (0, len(self.keys)):
                raise ValueError(f"{given} {column} do not fit {len(self.keys)} series")
        if (most := max(map(len, self.own_names), default=0)) > len(self.driver_names):
            raise ValueError(
                f"{most} names of a series need as many places, not {len(self.driver_names)}"
            )
        if len(self.offsets) != len(self.keys) + 1:
            raise ValueError(
                f"{len(self.keys)} keys need {len(self.keys) + 1} offsets, not {len(self.offsets)}"
            )
        if self.offsets[0] != 0 or self.offsets[-1] != len(self.dates):
            raise ValueError(
                f"offsets must run from 0 to the {len(self.dates)} rows, not from "
                f"{self.offsets[0]} to {self.offsets[-1]}"
            )
        if (self.rows < 0).any():
            raise ValueError("offsets must not fall")
        if len(set(self.keys)) != len(self.keys):
            twice = next(key for key in self.keys if self.keys.count(key) > 1)
            raise ValueError(f"series {'/'.join(twice)} occurs more than once")

    def _check_order(self) -> None:
        if np.isnat(self.dates).any():
            raise ValueError("a date is missing (NaT)")
        rises = np.concatenate([[True], self.dates[1:] > self.dates[:-1]])[: len(self.dates)]
        rises[self.offsets[:-1][self.rows > 0]] = True
        if not rises.all():
            row = int(np.argmin(rises))
            key = self.keys[int(np.searchsorted(self.offsets, row, side="right")) - 1]
            raise ValueError(
                f"series {'/'.join(key)}: {self.dates[row]} follows {self.dates[row - 1]}; "
                "dates must rise strictly within a series"
            )


def _offsets(rows: Sequence[int] | npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Row counts (n,) to offsets (n + 1,)."""
    return np.concatenate([[0], np.cumsum(rows)]).astype(np.int64)
