"""Sales from a file: what keeps the contract goes on, the rest is listed with its reason.

The file is read twice: a survey of the whole of it first (so that a broken file is refused
before anything is published, progress knows its end, and drivers are the same in every
row), then the rows. Memory holds one chunk and 24 bytes for each row.

A chunk's `frame` has one row for each sale: `store`, `product`, `date` (datetime64, a
calendar day), `units` (float), `open` (bool), and one float column for each driver, NaN where
the row says nothing about it. Every row keeps the contract of `SaleRecorded`.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from events.payloads import MOST_DRIVERS
from infra.sales_io import cells
from infra.sales_io.days_seen import DaysSeen
from infra.sales_io.errors import BadInput
from infra.sales_io.layout import TOTAL, ColumnChoice, Layout, choose_layout, snake_case
from infra.sales_io.source import CHUNK_ROWS, UTF8, Rejected, Source, TextChunk, open_source

MOST_LABELS = 20  # different words in a driver's column; beyond, it is a column of numbers
EPOCH = 719_163  # the ordinal of 1970-01-01

MissingDays = Literal["closed", "zero"]
Counted = Callable[[int], None]
FIXED = ("store", "product", "date", "units", "open")


@dataclass(frozen=True, slots=True)
class SalesFile:
    """A file that was surveyed. `labels` has the words of each driver column made of words."""

    source: Source
    layout: Layout
    rows: int
    labels: dict[str, tuple[str, ...]]

    @property
    def drivers(self) -> tuple[str, ...]:
        """The names of the drivers, in the order of their columns."""
        names: list[str] = []
        for column, name in self.layout.drivers.items():
            labels = self.labels.get(column)
            names += [name] if labels is None else [_label_driver(name, it) for it in labels]
        return tuple(dict.fromkeys(names))


@dataclass(frozen=True, slots=True)
class SalesChunk:
    """Some rows of a file. `repeated` counts rows that said what an earlier row had said."""

    frame: pd.DataFrame
    rejected: list[Rejected]
    repeated: int = 0


def survey(
    path: Path,
    choice: ColumnChoice | None = None,
    *,
    encoding: str = UTF8,
    delimiter: str | None = None,
    counted: Counted | None = None,
) -> SalesFile:
    """Look over the whole file; BadInput when it or the choice of columns can't be used."""
    source = open_source(path, encoding, delimiter)
    try:
        layout = choose_layout(source.header, choice or ColumnChoice())
    except BadInput as error:
        raise BadInput(f"{path}: {error}") from None
    rows = 0
    texts: dict[str, set[str]] = {column: set() for column in layout.drivers}
    for chunk in source.chunks(layout.columns):
        rows += len(chunk.lines) + len(chunk.misshapen)
        for column, found in texts.items():
            if len(found) <= MOST_LABELS + 1:
                found |= {text.strip() for text in pd.unique(chunk.columns[column])}
        if counted is not None:
            counted(rows)
    if rows == 0:
        raise BadInput(f"{path}: a header and no rows")
    labels = {
        column: words
        for column, found in texts.items()
        if (words := _labels(found.union(layout.labels.get(column, ())))) is not None
    }
    surveyed = SalesFile(source, layout, rows, labels)
    if len(surveyed.drivers) > MOST_DRIVERS:
        raise BadInput(
            f"{path}: --driver-columns: the labels make {len(surveyed.drivers)} drivers; "
            f"at most {MOST_DRIVERS}"
        )
    return surveyed


def _labels(texts: set[str]) -> tuple[str, ...] | None:
    """The words of a driver's column; None for a column of numbers."""
    words = texts - {""}
    if len(words) > MOST_LABELS or all(cells.is_number(word) for word in words):
        return None
    return tuple(sorted(word for word in words if word != "0" and snake_case(word)))


def _label_driver(name: str, label: str) -> str:
    return f"{name}_{snake_case(label)}"


def read_sales(
    file: SalesFile,
    seen: DaysSeen | None = None,
    missing_days: MissingDays | None = None,
    chunk_rows: int = CHUNK_ROWS,
) -> Iterator[SalesChunk]:
    """The file's rows, chunk by chunk; at the end the days without a row, if asked for.

    A day that comes twice with different content keeps its first row. `seen` holds the
    series and days afterwards. A missing day whose row was rejected is not filled in.
    """
    seen = DaysSeen() if seen is None else seen
    rows = _Rows(file, seen)
    for chunk in file.source.chunks(file.layout.columns, chunk_rows):
        yield rows.judge(chunk)
    if missing_days is not None:
        for series, ordinals in seen.gaps():
            filled = pd.DataFrame(series, columns=["store", "product"])
            filled["date"] = _dates(ordinals)
            filled["units"], filled["open"] = 0.0, missing_days == "zero"
            filled[list(file.drivers)] = np.nan
            yield SalesChunk(filled, [])


def _dates(ordinals: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    return (ordinals - EPOCH).astype("datetime64[D]").astype("datetime64[ns]")


@dataclass
class _Problems:
    """The first problem of each row."""

    rows: int
    reasons: np.ndarray[Any, Any] = field(init=False)
    columns: np.ndarray[Any, Any] = field(init=False)

    def __post_init__(self) -> None:
        self.reasons = np.full(self.rows, None, dtype=object)
        self.columns = np.full(self.rows, None, dtype=object)

    def note(self, column: str, reasons: np.ndarray[Any, Any]) -> None:
        new = (reasons != None) & (self.reasons == None)  # noqa: E711 - elementwise
        self.reasons[new], self.columns[new] = reasons[new], column

    @property
    def good(self) -> np.ndarray[Any, np.dtype[np.bool_]]:
        found: np.ndarray[Any, np.dtype[np.bool_]] = self.reasons == None  # noqa: E711 - elementwise
        return found


class _Rows:
    def __init__(self, file: SalesFile, seen: DaysSeen) -> None:
        self._file, self._seen = file, seen
        day = partial(cells.day, form=file.layout.date_format)
        self._names = cells.Column(cells.name, "object", "")
        self._days = cells.Column(lambda text: day(text).toordinal(), "int64", EPOCH)
        self._units = cells.Column(cells.units, "float64", 0.0)
        self._open = cells.Column(cells.is_open, "bool", False)
        self._numbers = cells.Column(cells.driver, "float64", np.nan)

    def judge(self, chunk: TextChunk) -> SalesChunk:
        layout, size = self._file.layout, len(chunk.lines)
        problems = _Problems(size)
        blank = np.full(size, TOTAL, dtype=object)

        def read(reader: cells.Column, column: str) -> np.ndarray[Any, Any]:
            values, reasons = reader.read(chunk.columns[column])
            problems.note(column, reasons)
            return values

        stores = read(self._names, layout.store)
        products = read(self._names, layout.product) if layout.product else blank
        ordinals = read(self._days, layout.date)
        placed = problems.good
        columns: dict[str, Any] = {"store": stores, "product": products, "date": _dates(ordinals)}
        columns["units"] = read(self._units, layout.units)
        columns["open"] = (
            read(self._open, layout.open) if layout.open else np.ones(size, dtype=np.bool_)
        )
        for column, name in layout.drivers.items():
            if (labels := self._file.labels.get(column)) is None:
                columns[name] = read(self._numbers, column)
            else:
                columns |= _indicators(name, labels, chunk.columns[column])
        frame = pd.DataFrame(columns)
        keys = self._seen.keys(stores[placed], products[placed], ordinals[placed])
        good = problems.good
        self._seen.withhold(keys[~good[placed]])
        repeated = self._drop_repeated(frame[good], keys[good[placed]], chunk.lines, problems)
        kept = problems.good
        kept[repeated] = False
        rejected = chunk.misshapen + _rejected(chunk, problems)
        rejected.sort(key=lambda row: row.line)
        return SalesChunk(frame[kept].reset_index(drop=True), rejected, len(repeated))

    def _drop_repeated(
        self,
        good: pd.DataFrame,
        keys: np.ndarray[Any, Any],
        lines: np.ndarray[Any, Any],
        problems: _Problems,
    ) -> np.ndarray[Any, Any]:
        """The rows that repeat an earlier one; those that contradict one become problems."""
        rows = good.index.to_numpy()
        contents = pd.util.hash_pandas_object(good.iloc[:, 3:], index=False)
        seen = self._seen.add(keys, contents.to_numpy().astype(np.uint64), lines[rows])
        for at in np.flatnonzero((seen.first_lines > 0) & ~seen.same):
            problems.reasons[rows[at]] = (
                f"line {seen.first_lines[at]} has the same store, product and day "
                "with other values; the first counts"
            )
            problems.columns[rows[at]] = self._file.layout.units
        found: np.ndarray[Any, Any] = rows[(seen.first_lines > 0) & seen.same]
        return found


def _indicators(name: str, labels: tuple[str, ...], texts: Any) -> dict[str, Any]:
    codes, distinct = pd.factorize(texts)
    words = np.array([text.strip() for text in distinct], dtype=object)
    found: dict[str, Any] = {}
    for label in labels:
        driver = _label_driver(name, label)
        is_label = np.where(words == "", np.nan, words == label)[codes]
        found[driver] = np.maximum(found[driver], is_label) if driver in found else is_label
    return found


def _rejected(chunk: TextChunk, problems: _Problems) -> list[Rejected]:
    return [
        Rejected(
            int(chunk.lines[at]),
            problems.columns[at],
            cells.shown(chunk.columns[problems.columns[at]][at]),
            problems.reasons[at],
        )
        for at in np.flatnonzero(~problems.good)
    ]
