"""Sales, or a calendar, from a file: what keeps the contract goes on, the rest is listed.

The file is read twice: a survey of the whole of it first (`infra.sales_io.survey`), then the
rows. Memory holds one chunk and 24 bytes for each row.

A chunk's `frame` has one row for each sale: `store`, `product`, `date` (datetime64, a
calendar day), `units` (float), `open` (bool), and one float column for each driver, NaN where
the row says nothing about it. Every row keeps the contract of `SaleRecorded`. That of a
calendar keeps the contract of `CalendarPlanned`: it has no units, '' for every store or product,
and `open` is 1, 0 or -1 where nothing was said.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from infra.sales_io import cells
from infra.sales_io.days_seen import DaysSeen
from infra.sales_io.places import EPOCH, Places, Problems
from infra.sales_io.source import CHUNK_ROWS, Rejected, TextChunk
from infra.sales_io.survey import SurveyedFile, label_driver

MissingDays = Literal["closed", "zero"]


@dataclass(frozen=True, slots=True)
class RowsChunk:
    """Some rows of a file. `repeated` counts rows that said what an earlier row had said."""

    frame: pd.DataFrame
    rejected: list[Rejected]
    repeated: int = 0


def read_rows(
    file: SurveyedFile,
    seen: DaysSeen | None = None,
    missing_days: MissingDays | None = None,
    chunk_rows: int = CHUNK_ROWS,
) -> Iterator[RowsChunk]:
    """The file's rows, chunk by chunk; at the end, if they are to be zero, the days without one.

    Closed days need no row: a missing day counts as closed. A day that comes twice with different
    content keeps its first row. `seen` holds the series and days afterwards. A missing day whose
    row was rejected is not filled in.
    """
    seen = DaysSeen() if seen is None else seen
    rows = _Rows(file, seen)
    for chunk in file.source.chunks(file.layout.columns, chunk_rows):
        yield rows.judge(chunk)
    if missing_days == "zero":
        for series, ordinals in seen.gaps():
            filled = pd.DataFrame(series, columns=["store", "product"])
            filled["date"] = _dates(ordinals)
            filled["units"], filled["open"] = 0.0, True
            filled[list(file.drivers)] = np.nan
            yield RowsChunk(filled, [])


def _dates(ordinals: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    return (ordinals - EPOCH).astype("datetime64[D]").astype("datetime64[ns]")


class _Rows:
    def __init__(self, file: SurveyedFile, seen: DaysSeen) -> None:
        self._file, self._seen = file, seen
        self._places = Places(file.layout)
        self._units = cells.Column(cells.units, "float64", 0.0)
        self._open = cells.Column(cells.is_open, "bool", False)
        self._planned_open = cells.Column(cells.is_planned_open, "int8", cells.UNSAID)
        self._numbers = cells.Column(cells.driver, "float64", np.nan)

    def judge(self, chunk: TextChunk) -> RowsChunk:
        layout, problems = self._file.layout, Problems(chunk)
        stores, products, ordinals = self._places.read(problems)
        placed = problems.good
        columns: dict[str, Any] = {"store": stores, "product": products, "date": _dates(ordinals)}
        if layout.units is None:
            columns["open"] = problems.read_or(
                self._planned_open, layout.open, cells.UNSAID, "int8"
            )
        else:
            columns["units"] = problems.read(self._units, layout.units)
            columns["open"] = problems.read_or(self._open, layout.open, True, "bool")
        for column, name in layout.drivers.items():
            if (labels := self._file.labels.get(column)) is None:
                columns[name] = problems.read(self._numbers, column)
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
        return RowsChunk(frame[kept].reset_index(drop=True), rejected, len(repeated))

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
        for at in np.flatnonzero((seen.first_lines > 0) & ~seen.same):
            problems.reasons[rows[at]] = (
                f"line {seen.first_lines[at]} has the same store, product and day "
                "with other values; the first counts"
            )
            problems.columns[rows[at]] = self._file.layout.units or self._file.layout.date
        found: np.ndarray[Any, Any] = rows[(seen.first_lines > 0) & seen.same]
        return found


def _indicators(name: str, labels: tuple[str, ...], texts: Any) -> dict[str, Any]:
    codes, distinct = pd.factorize(texts)
    words = np.array([text.strip() for text in distinct], dtype=object)
    found: dict[str, Any] = {}
    for label in labels:
        driver = label_driver(name, label)
        is_label = np.where(words == "", np.nan, words == label)[codes]
        found[driver] = np.maximum(found[driver], is_label) if driver in found else is_label
    return found


def _rejected(chunk: TextChunk, problems: Problems) -> list[Rejected]:
    return [
        Rejected(
            int(chunk.lines[at]),
            problems.columns[at],
            cells.shown(chunk.columns[problems.columns[at]][at]),
            problems.reasons[at],
        )
        for at in np.flatnonzero(~problems.good)
    ]
