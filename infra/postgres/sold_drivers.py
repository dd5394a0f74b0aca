"""Drivers of sold days as columns: shared by name while they are few, otherwise per series.

Names add up over the days and series that are read together. Guaranteed: there are no more columns
than `own_drivers.MAX_DRIVERS`, however many names there are; further drivers of a series are left
out and reported.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from functions.forecasting.series.own_drivers import MAX_DRIVERS, most_frequent, places
from functions.forecasting.series.panel import Floats

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class SoldDrivers:
    """The columns of rows of drivers, as a `Panel` has them."""

    names: tuple[str, ...]
    values: Floats
    own_names: tuple[tuple[str, ...], ...] = ()
    left_out: tuple[tuple[int, str], ...] = ()


@dataclass(frozen=True, eq=False)
class Block:
    """Rows that follow each other, of one series or several, with columns by name; NaN where a
    day lacks a name. `left_out` is as `most_frequent` has it.
    """

    names: tuple[str, ...]
    values: Floats
    left_out: tuple[int, str] = (0, "")


def blocks_of(
    codes: Ints, found: Sequence[Mapping[str, float]], is_open: Bools, offsets: Ints
) -> Iterator[Block]:
    """The blocks of a run of whole series, whose rows have the sets `found[codes]`: one if the
    names are few, or one for each series that has rows, whose open days count.

    `offsets` cut the rows into series, of which those of other runs have none.
    """
    names = tuple(sorted({name for one in found for name in one}))
    if len(names) <= MAX_DRIVERS:
        yield Block(names, _values(found, names).take(codes, axis=0))
        return
    for i in np.flatnonzero(np.diff(offsets)).tolist():
        rows = slice(int(offsets[i]), int(offsets[i + 1]))
        sets, which = np.unique(codes[rows], return_inverse=True)
        own = [found[each] for each in sets.tolist()]
        days: dict[str, int] = {}
        for one, number in zip(own, np.bincount(which, is_open[rows]).tolist(), strict=True):
            for name, value in one.items():
                days[name] = days.get(name, 0) + (int(number) if value != 0 else 0)
        kept, left_out = most_frequent(days)
        yield Block(kept, _values(own, kept).take(which.ravel(), axis=0), left_out)


def joined(blocks: Sequence[Block], offsets: Ints) -> SoldDrivers:
    """The columns of all rows, which the blocks hold in order; `offsets` cut them into series."""
    names = tuple(sorted({name for block in blocks for name in block.names}))
    starts = np.cumsum([0, *(len(block.values) for block in blocks)])
    if len(names) <= MAX_DRIVERS and not any(more for more, _ in (b.left_out for b in blocks)):
        if len(blocks) == 1:
            return SoldDrivers(names, blocks[0].values)
        values = np.full((starts[-1], len(names)), np.nan)
        for start, block in zip(starts.tolist(), blocks, strict=False):
            columns = [names.index(name) for name in block.names]
            values[start : start + len(block.values), columns] = block.values
        return SoldDrivers(names, values)
    width = max(len(block.names) for block in blocks)
    values = np.full((starts[-1], width), np.nan)
    for start, block in zip(starts.tolist(), blocks, strict=False):
        values[start : start + len(block.values), : len(block.names)] = block.values
    nothing = Block((), np.empty((0, 0)))
    of_series = [
        blocks[at] if rows else nothing
        for at, rows in zip(
            (np.searchsorted(starts, offsets[:-1], side="right") - 1).tolist(),
            np.diff(offsets).tolist(),
            strict=True,
        )
    ]
    return SoldDrivers(
        places(width),
        values,
        tuple(block.names for block in of_series),
        tuple(block.left_out for block in of_series),
    )


def _values(found: Sequence[Mapping[str, float]], names: tuple[str, ...]) -> Floats:
    """The sets as rows of these names, (sets, names)."""
    values = [[one.get(name, np.nan) for name in names] for one in found]
    return np.array(values, np.float64).reshape(len(found), len(names))
