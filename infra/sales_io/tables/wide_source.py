"""A wide table, with a column for each day, read as a long one, with a row for each day."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from infra.errors import BadInput
from infra.sales_io.columns.date_texts import period_of, read_stamp
from infra.sales_io.columns.roles import columns_of
from infra.sales_io.columns.vocabulary import is_empty
from infra.sales_io.tables.source import CHUNK_ROWS, Source, TextChunk

MIN_DAYS = 3  # columns named by days; fewer may be a coincidence
NUMBERED = re.compile(r"(?:d|day|tag|t|jour|dia|día|giorno|dag|f)[_ ]?\d+", re.IGNORECASE)
WAY = (
    "make it long first: one row for each series and day with the columns store, product, date "
    "and units (melt or unpivot it; in a spreadsheet, unpivot columns), with real dates"
)


def long_form(source: Source) -> Source:
    """The source itself, or if it is wide, its long form.

    BadInput if columns only number their days: the header does not say which day is the first.
    """
    header = source.header
    if columns_of("date", header):
        return source
    days = [name for name in header if _is_day(name)]
    numbered = [name for name in header if NUMBERED.fullmatch(name)]
    if len(numbered) >= MIN_DAYS and len(numbered) > len(days):
        raise BadInput(
            f"{source.path}: a wide table: one row for each series and a column for each day "
            f"({numbered[0]} to {numbered[-1]}, {len(numbered)} columns); {WAY}"
        )
    if len(days) < MIN_DAYS or len(days) == len(header) or len(set(days)) < len(days):
        return source
    return LongSource(source, days)


def _is_day(name: str) -> bool:
    stamp = read_stamp(name)
    if any(not form.startswith("excel") for form in stamp.days):
        return True
    return period_of(name) in ("week", "month", "quarter")


class LongSource:
    """Reads each cell of a day's column as a row; an empty cell gives no row."""

    def __init__(self, source: Source, days: Sequence[str]) -> None:
        self._source, self._days = source, list(days)
        self.path: Path = source.path
        self._ids = tuple(name for name in source.header if name not in set(days))
        self._date, self._units = (
            name if name not in self._ids else f"{name} of the columns"
            for name in ("date", "units")
        )
        self.header = (*self._ids, self._date, self._units)
        self.typed = frozenset(
            [name for name in self._ids if name in source.typed]
            + ([self._units] if source.typed.issuperset(days) else [])
        )
        self.notes = (
            *source.notes,
            f"a wide table, each of its {len(days):,} columns from {days[0]} to {days[-1]} a day",
        )

    def chunks(self, columns: Sequence[str], rows: int = CHUNK_ROWS) -> Iterator[TextChunk]:
        """The cells of these columns, about `rows` rows at a time."""
        ids = [name for name in columns if name in self._ids]
        width = len(self._days)
        labels = np.array(self._days, dtype=object)
        for chunk in self._source.chunks([*ids, *self._days], max(1, rows // width)):
            size = len(chunk.lines)
            cells = np.stack([chunk.columns[day] for day in self._days], axis=1).ravel()
            codes, distinct = pd.factorize(cells)
            said = np.array([not is_empty(text) for text in distinct], dtype=bool)[codes]
            found: dict[str, Any] = {n: np.repeat(chunk.columns[n], width)[said] for n in ids}
            if self._date in columns:
                found[self._date] = np.tile(labels, size)[said]
            if self._units in columns:
                found[self._units] = cells[said]
            lines = np.repeat(chunk.lines, width)[said]
            yield TextChunk(lines, found, chunk.misshapen, chunk.headers)
