"""Reads a surveyed file's rows chunk by chunk: the valid ones as a frame, the others rejected.

This is the second reading of the file; the first is `checking.survey`. Memory holds one chunk and
24 bytes for each row.

A chunk's `frame` has one row for each sale: `store`, `product`, `date` (datetime64, a calendar
day), `units` (float), `open` (bool), and one float column for each driver, NaN if the cell is
empty. Each row is a valid `SaleRecorded`. The frame of a calendar has valid `CalendarPlanned`
rows: no units, '' for every store or every product, and `open` is 1, 0, or -1 for an empty cell.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import numpy as np
import pandas as pd

from infra.sales_io.checking.day_totals import DayTotals
from infra.sales_io.checking.days_seen import DAY_BITS, DAY_MASK, DaysSeen
from infra.sales_io.checking.row_problems import RowProblems
from infra.sales_io.checking.row_subjects import EPOCH, RowSubjects
from infra.sales_io.checking.survey import SurveyedFile, label_driver
from infra.sales_io.columns import cells
from infra.sales_io.columns.vocabulary import NONE, is_empty, plain_word
from infra.sales_io.tables.source import CHUNK_ROWS, Rejected, TextChunk

MissingDays = Literal["closed", "zero"]
Duplicates = Literal["sum", "last", "reject"]
Returns = Literal["net", "zero", "reject"]
RETURN = "below zero, a return; say what it is with --returns net, zero or reject"


@dataclass(frozen=True, slots=True)
class RowsChunk:
    """Some rows of a file: the valid ones as a frame, the rejected ones, and counts.

    `repeated` counts rows that equal an earlier row of the day, `repeated_sales` those of them with
    units: they would add up if each were a sale. `accepted` counts the file's rows in this frame
    or, with duplicates summed or the last one taken, in later frames. `filled` counts the frame's
    days that had no row, `returns` the accepted rows below zero.
    """

    frame: pd.DataFrame
    rejected: list[Rejected]
    repeated: int = 0
    repeated_sales: int = 0
    accepted: int = 0
    filled: int = 0
    returns: int = 0


def read_rows(
    file: SurveyedFile,
    seen: DaysSeen | None = None,
    missing_days: MissingDays | None = None,
    chunk_rows: int = CHUNK_ROWS,
    *,
    duplicates: Duplicates | None = None,
    returns: Returns | None = None,
) -> Iterator[RowsChunk]:
    """The file's rows chunk by chunk, then, with `missing_days` "zero", the days without a row.

    - `duplicates`: of several rows for one day, "sum" and "last" make one, yielded after all
      chunks. "reject" keeps the first. None keeps the first too, but counts rows that equal it
      instead of rejecting them.
    - `returns`: a row below zero is subtracted from the day's other rows ("net"; a day below zero
      becomes zero), becomes zero ("zero"), or is rejected ("reject" and None).
    - `missing_days`: a closed day needs no row. A day whose row was rejected is not filled.

    Afterwards `seen` holds the series and days of the file.
    """
    seen = DaysSeen() if seen is None else seen
    rows = _Rows(file, seen, duplicates, returns)
    for chunk in file.source.chunks(file.layout.columns, chunk_rows):
        yield rows.read(chunk)
    yield from rows.combined(chunk_rows)
    if missing_days == "zero":
        for series, ordinals in seen.gaps():
            filled = pd.DataFrame(series, columns=["store", "product"])
            filled["date"] = _dates(ordinals)
            filled["units"], filled["open"] = 0.0, True
            filled[list(file.drivers)] = np.nan
            yield RowsChunk(filled, [], filled=len(filled))


def _dates(ordinals: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    return (ordinals - EPOCH).astype("datetime64[D]").astype("datetime64[ns]")


class _Rows:
    def __init__(
        self,
        file: SurveyedFile,
        seen: DaysSeen,
        duplicates: Duplicates | None,
        returns: Returns | None,
    ) -> None:
        self._file, self._seen = file, seen
        self._duplicates, self._returns = duplicates, returns
        layout, reading = file.layout, file.reading
        self._subjects = RowSubjects(layout, reading)
        decimals = reading.decimals
        amount = partial(cells.amount, decimal=decimals.get(layout.units or ""))
        self._units = cells.Column(amount, "float64", 0.0)
        self._open = cells.Column(cells.is_open, "bool", False)
        self._planned_open = cells.Column(cells.is_planned_open, "int8", cells.UNSAID)
        self._numbers: dict[str, cells.Column] = {}
        means = []
        for column, rule in reading.drivers.items():
            read = (
                cells.flag
                if rule.is_boolean
                else partial(cells.driver, decimal=decimals.get(column))
            )
            self._numbers[column] = cells.Column(read, "float64", np.nan)
            means += [not rule.is_boolean and rule.labels is None] * len(self._names_of(column))
        self._totals = None
        if duplicates in ("sum", "last"):
            self._totals = DayTotals(duplicates, means)

    def _names_of(self, column: str) -> list[str]:
        name = self._file.layout.drivers[column]
        labels = self._file.labels.get(column)
        if labels is None:
            return [name]
        return list(dict.fromkeys(label_driver(name, label) for label in labels))

    def read(self, chunk: TextChunk) -> RowsChunk:
        layout, problems = self._file.layout, RowProblems(chunk)
        stores, products, ordinals = self._subjects.read(problems)
        placed = problems.good
        columns: dict[str, Any] = {"store": stores, "product": products, "date": _dates(ordinals)}
        back = 0
        if layout.units is None:
            columns["open"] = problems.read_or(
                self._planned_open, layout.open, cells.UNSAID, "int8"
            )
        else:
            columns["units"], back = self._sold(problems, layout.units)
            columns["open"] = problems.read_or(self._open, layout.open, True, "bool")
        for column, name in layout.drivers.items():
            if (labels := self._file.labels.get(column)) is None:
                columns[name] = problems.read(self._numbers[column], column)
            else:
                columns |= _indicators(name, labels, chunk.columns[column])
        frame = pd.DataFrame(columns)
        keys = self._seen.keys(stores[placed], products[placed], ordinals[placed])
        good = problems.good
        self._seen.withhold(keys[~good[placed]])
        fresh, held = frame[good], keys[good[placed]]
        if self._totals is not None:
            self._collect(fresh, held, chunk.lines)
            kept, repeated_sales = fresh.iloc[:0], 0
            repeated = np.zeros(0, dtype=np.int64)
        else:
            again = self._drop_repeated(fresh, held, chunk.lines, problems)
            left = problems.good
            left[again] = False
            kept, repeated = frame[left], again
            repeated_sales = int((frame["units"][again] != 0).sum()) if layout.units else 0
        rejected = chunk.misshapen + problems.rejected()
        rejected.sort(key=lambda row: row.line)
        accepted = int(problems.good.sum()) - len(repeated)
        kept = kept.reset_index(drop=True)
        return RowsChunk(kept, rejected, len(repeated), repeated_sales, accepted, returns=back)

    def _sold(self, problems: RowProblems, column: str) -> tuple[Any, int]:
        """The rows' units, and how many accepted ones are returns."""
        units = problems.read(self._units, column)
        back = np.flatnonzero(problems.good & (units < 0))
        if not len(back):
            return units, 0
        if self._returns in (None, "reject"):
            problems.note(back, column, [RETURN] * len(back), "return")
            return units, 0
        if self._returns == "zero" or self._duplicates != "sum":
            units[back] = 0.0
        return units, len(back)

    def _collect(self, good: pd.DataFrame, keys: Any, lines: Any) -> None:
        assert self._totals is not None  # noqa: S101 - the caller checks it
        drivers = good.iloc[:, 5:].to_numpy(dtype=np.float64).T
        units, is_open = good["units"].to_numpy(), good["open"].to_numpy()
        self._totals.add(keys, units, is_open, drivers)
        self._seen.add(keys, np.zeros(len(keys), dtype=np.uint64), lines[good.index.to_numpy()])

    def combined(self, chunk_rows: int) -> Iterator[RowsChunk]:
        """All days as sums or last rows, once every chunk is read; nothing for other duplicates."""
        if self._totals is None:
            return
        days = self._totals.days()
        names = self._file.drivers
        for at in range(0, len(days.keys), chunk_rows):
            part = slice(at, at + chunk_rows)
            keys = days.keys[part]
            series = [self._seen.series[key >> DAY_BITS] for key in keys]
            frame = pd.DataFrame(series, columns=["store", "product"])
            frame["date"] = _dates(keys & DAY_MASK)
            frame["units"] = np.maximum(days.units[part], 0.0)
            frame["open"] = days.open[part]
            for name, values in zip(names, days.drivers[:, part], strict=True):
                frame[name] = values
            yield RowsChunk(frame, [])

    def _drop_repeated(
        self,
        good: pd.DataFrame,
        keys: np.ndarray[Any, Any],
        lines: np.ndarray[Any, Any],
        problems: RowProblems,
    ) -> np.ndarray[Any, Any]:
        """The rows that equal an earlier one; those that contradict it become problems."""
        rows = good.index.to_numpy()
        contents = pd.util.hash_pandas_object(good.iloc[:, 3:], index=False)
        seen = self._seen.add(keys, contents.to_numpy().astype(np.uint64), lines[rows])
        again = seen.first_lines > 0
        wrong = again if self._duplicates == "reject" else again & ~seen.same
        if wrong.any():
            column = self._file.layout.units or self._file.layout.date
            reasons = [
                f"line {first} has the same store, product and day"
                f"{'' if same else ' with other values'}; the first counts"
                for first, same in zip(seen.first_lines[wrong], seen.same[wrong], strict=True)
            ]
            problems.note(rows[wrong], column, reasons, "duplicate")
        found: np.ndarray[Any, Any] = rows[again & ~wrong]
        return found


def _indicators(name: str, labels: tuple[str, ...], texts: Any) -> dict[str, Any]:
    codes, distinct = pd.factorize(texts)
    words = np.array([text.strip() for text in distinct], dtype=object)
    # "none" says that no word holds, as 0 does; other words for a missing value do not.
    unsaid = np.array([is_empty(w) and plain_word(w) not in NONE for w in words], dtype=bool)
    found: dict[str, Any] = {}
    for label in labels:
        driver = label_driver(name, label)
        is_label = np.where(unsaid, np.nan, words == label)[codes]
        found[driver] = np.maximum(found[driver], is_label) if driver in found else is_label
    return found
