"""A file's rows, judged chunk by chunk: what keeps the contract goes on, the rest is listed.

The file is read twice: first a survey of the whole of it (`checking.survey`), then the
rows. Memory holds one chunk and 24 bytes for each row.

A chunk's `frame` has one row for each sale: `store`, `product`, `date` (datetime64, a
calendar day), `units` (float), `open` (bool), and one float column for each driver, NaN where
the row says nothing about it. Every row keeps the contract of `SaleRecorded`. That of a
calendar keeps the contract of `CalendarPlanned`: it has no units, '' for every store or product,
and `open` is 1, 0 or -1 where nothing was said.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import numpy as np
import pandas as pd

from infra.sales_io.checking.day_totals import DayTotals
from infra.sales_io.checking.days_seen import DAY_BITS, DAY_MASK, DaysSeen
from infra.sales_io.checking.row_subjects import EPOCH, Places, Problems
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
    """Some rows of a file, as the events that they become.

    `repeated` counts rows that said what an earlier row had said, `resold` those of them that
    would count if each were a sale of its own. `accepted` counts the file's rows behind this
    chunk's frame and those that later chunks make one day of; `filled` the days of the frame
    that had no row; `returns` rows of less than nothing that were taken.
    """

    frame: pd.DataFrame
    rejected: list[Rejected]
    repeated: int = 0
    resold: int = 0
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
    """The file's rows, chunk by chunk; at the end, if they are to be zero, the days without one.

    Closed days need no row: a missing day counts as closed. Of several rows for a day, `sum` and
    `last` make one, after all chunks; `reject` keeps the first, and so does None where the
    others say something else: what they repeat is counted only. A row of less than nothing nets
    out against the day's others (a day's net below zero is zero), is zero itself, or is rejected,
    as it is for None. `seen` holds the series and days afterwards. A missing day whose row was
    rejected is not filled in.
    """
    seen = DaysSeen() if seen is None else seen
    rows = _Rows(file, seen, duplicates, returns)
    for chunk in file.source.chunks(file.layout.columns, chunk_rows):
        yield rows.judge(chunk)
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
        self._places = Places(layout, reading)
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

    def judge(self, chunk: TextChunk) -> RowsChunk:
        layout, problems = self._file.layout, Problems(chunk)
        stores, products, ordinals = self._places.read(problems)
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
            kept, resold = fresh.iloc[:0], 0
            repeated = np.zeros(0, dtype=np.int64)
        else:
            again = self._drop_repeated(fresh, held, chunk.lines, problems)
            left = problems.good
            left[again] = False
            kept, repeated = frame[left], again
            resold = int((frame["units"][again] != 0).sum()) if layout.units else 0
        rejected = chunk.misshapen + problems.rejected()
        rejected.sort(key=lambda row: row.line)
        accepted = int(problems.good.sum()) - len(repeated)
        kept = kept.reset_index(drop=True)
        return RowsChunk(kept, rejected, len(repeated), resold, accepted, returns=back)

    def _sold(self, problems: Problems, column: str) -> tuple[Any, int]:
        """The rows' units, and how many of them were returns that are taken."""
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
        assert self._totals is not None  # noqa: S101 - the caller has asked
        drivers = good.iloc[:, 5:].to_numpy(dtype=np.float64).T
        units, is_open = good["units"].to_numpy(), good["open"].to_numpy()
        self._totals.add(keys, units, is_open, drivers)
        self._seen.add(keys, np.zeros(len(keys), dtype=np.uint64), lines[good.index.to_numpy()])

    def combined(self, chunk_rows: int) -> Iterator[RowsChunk]:
        """The days that were made of several rows, and all others, once every row is judged."""
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
        problems: Problems,
    ) -> np.ndarray[Any, Any]:
        """The rows that repeat an earlier one; those that contradict one become problems."""
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
            problems.note(rows[wrong], column, reasons, "again")
        found: np.ndarray[Any, Any] = rows[again & ~wrong]
        return found


def _indicators(name: str, labels: tuple[str, ...], texts: Any) -> dict[str, Any]:
    codes, distinct = pd.factorize(texts)
    words = np.array([text.strip() for text in distinct], dtype=object)
    # `none` is an ordinary day, as 0 is; a word for a missing value is not.
    unsaid = np.array([is_empty(w) and plain_word(w) not in NONE for w in words], dtype=bool)
    found: dict[str, Any] = {}
    for label in labels:
        driver = label_driver(name, label)
        is_label = np.where(unsaid, np.nan, words == label)[codes]
        found[driver] = np.maximum(found[driver], is_label) if driver in found else is_label
    return found
