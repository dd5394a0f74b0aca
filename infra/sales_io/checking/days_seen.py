"""The days of each series that a file had so far, to find duplicates and gaps.

A row takes 24 bytes in sorted runs, which are merged like those of a log-structured merge tree. So
millions of rows in any order are looked up without a dictionary.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

DAY_BITS = 22  # days since 0001-01-01, enough for all of Python's calendar
DAY_MASK = (1 << DAY_BITS) - 1
GAP_ROWS = 20_000  # missing days in memory at a time, and one gap more

Ints = np.ndarray[Any, np.dtype[np.int64]]
Hashes = np.ndarray[Any, np.dtype[np.uint64]]


@dataclass(frozen=True, slots=True)
class _Run:
    keys: Ints
    contents: Hashes
    lines: Ints


@dataclass(frozen=True, slots=True)
class Seen:
    """For each row, the line that had its day before (0 if none had), and whether it is equal."""

    first_lines: Ints
    same: np.ndarray[Any, np.dtype[np.bool_]]


class DaysSeen:
    """The days of every series, each with the first line that had it.

    `series` lists store and product by the series' number, of rows that were not added too.
    """

    def __init__(self) -> None:
        self.series: list[tuple[str, str]] = []
        self._numbers: dict[tuple[str, str], int] = {}
        self._runs: list[_Run] = []
        self._withheld: list[Ints] = []

    def keys(self, stores: Any, products: Any, ordinals: Ints) -> Ints:
        """One number for each row's series and day (its ordinal since 0001-01-01)."""
        store_codes, store_names = pd.factorize(stores)
        product_codes, product_names = pd.factorize(products)
        pair_codes, pairs = pd.factorize(store_codes * len(product_names) + product_codes)
        numbers = [
            self._number(
                str(store_names[pair // len(product_names)]),
                str(product_names[pair % len(product_names)]),
            )
            for pair in pairs
        ]
        found: Ints = (np.asarray(numbers, dtype=np.int64)[pair_codes] << DAY_BITS) | ordinals
        return found

    def add(self, keys: Ints, contents: Hashes, lines: Ints) -> Seen:
        """Add the rows; of several rows for one day, the first is kept."""
        first_lines = np.zeros(len(keys), dtype=np.int64)
        same = np.zeros(len(keys), dtype=np.bool_)
        distinct, firsts, back = np.unique(keys, return_index=True, return_inverse=True)
        later = firsts[back] != np.arange(len(keys))
        first_lines[later] = lines[firsts[back]][later]
        same[later] = (contents[firsts[back]] == contents)[later]
        for run in self._runs:
            at = np.minimum(np.searchsorted(run.keys, keys), len(run.keys) - 1)
            found = run.keys[at] == keys
            first_lines[found] = run.lines[at][found]
            same[found] = (run.contents[at] == contents)[found]
        new = first_lines[firsts] == 0
        if new.any():
            rows = firsts[new]
            self._push(_Run(distinct[new], contents[rows], lines[rows]))
        return Seen(first_lines, same)

    def withhold(self, keys: Ints) -> None:
        """Keep `gaps` from reporting days that have a rejected row."""
        if len(keys):
            self._withheld.append(np.unique(keys))

    def gaps(self) -> Iterator[tuple[Sequence[tuple[str, str]], Ints]]:
        """The days without a row between a series' first and last, as series and ordinals."""
        keys = self._merged().keys
        steps = np.diff(keys)
        starts = np.flatnonzero((steps > 1) & (keys[1:] >> DAY_BITS == keys[:-1] >> DAY_BITS))
        missing = steps[starts] - 1
        withheld = np.concatenate(self._withheld) if self._withheld else keys[:0]
        part = np.cumsum(missing) // GAP_ROWS
        for number in np.unique(part):
            chosen = part == number
            lengths = missing[chosen]
            within = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
            found = np.repeat(keys[starts[chosen]] + 1, lengths) + within
            found = found[~np.isin(found, withheld)]
            if len(found):
                yield [self.series[key >> DAY_BITS] for key in found], found & DAY_MASK

    def steps(self) -> Ints:
        """The number of days from each day of a series to its next."""
        keys = self._merged().keys
        within = keys[1:] >> DAY_BITS == keys[:-1] >> DAY_BITS
        found: Ints = np.diff(keys)[within]
        return found

    def series_count(self) -> int:
        """How many series have at least one day."""
        return len(np.unique(self._merged().keys >> DAY_BITS))

    def span(self) -> tuple[int, int] | None:
        """The first and the last day of all series, as ordinals."""
        days = [run.keys & DAY_MASK for run in self._runs]
        if not days:
            return None
        return min(int(run.min()) for run in days), max(int(run.max()) for run in days)

    def _number(self, store: str, product: str) -> int:
        number = self._numbers.setdefault((store, product), len(self.series))
        if number == len(self.series):
            self.series.append((store, product))
        return number

    def _push(self, run: _Run) -> None:
        self._runs.append(run)
        while len(self._runs) > 1 and len(self._runs[-2].keys) <= 2 * len(self._runs[-1].keys):
            last = self._runs.pop()
            self._runs[-1] = _merge([self._runs[-1], last])

    def _merged(self) -> _Run:
        none = np.zeros(0, dtype=np.int64)
        return _merge([_Run(none, none.astype(np.uint64), none), *self._runs])


def _merge(runs: Sequence[_Run]) -> _Run:
    keys = np.concatenate([run.keys for run in runs])
    order = np.argsort(keys, kind="stable")
    return _Run(
        keys[order],
        np.concatenate([run.contents for run in runs])[order],
        np.concatenate([run.lines for run in runs])[order],
    )
