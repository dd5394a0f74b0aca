"""Which store, product and day each row of a file is about, and what is wrong with a row."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

from infra.sales_io.checking.survey import Reading
from infra.sales_io.columns import cells
from infra.sales_io.columns.layout import TOTAL, Layout
from infra.sales_io.tables.source import Kind, Rejected, TextChunk, Texts

EPOCH = 719_163  # the ordinal of 1970-01-01
ALL = ""  # in a calendar: every store, every product

Values = np.ndarray[Any, Any]


@dataclass
class Problems:
    """The first problem of each row of a chunk."""

    chunk: TextChunk
    reasons: Values = field(init=False)
    columns: Values = field(init=False)
    kinds: Values = field(init=False)

    def __post_init__(self) -> None:
        self.kinds = np.full(len(self.chunk.lines), "", dtype=object)
        self.reasons = np.full(len(self.chunk.lines), None, dtype=object)
        self.columns = np.full(len(self.chunk.lines), None, dtype=object)

    def read(self, reader: cells.Column, column: str) -> Values:
        """A column's values; what is none is noted."""
        values, reasons = reader.read(self.chunk.columns[column])
        new = (reasons != None) & (self.reasons == None)  # noqa: E711 - elementwise
        self.reasons[new], self.columns[new] = reasons[new], column
        return values

    def read_or(self, reader: cells.Column, column: str | None, value: Any, dtype: str) -> Values:
        """A column's values; of a file without it, this value in each row."""
        if column is None:
            return np.full(len(self.chunk.lines), value, dtype)
        return self.read(reader, column)

    def note(self, rows: Values, column: str, reasons: Sequence[str], kind: Kind = "") -> None:
        """Note a problem of rows that have none so far."""
        self.reasons[rows] = reasons
        self.columns[rows], self.kinds[rows] = column, kind

    def rejected(self) -> list[Rejected]:
        """The rows with a problem."""
        chunk = self.chunk
        return [
            Rejected(
                int(chunk.lines[at]),
                self.columns[at],
                cells.shown(chunk.columns[self.columns[at]][at]),
                self.reasons[at],
                self.kinds[at],
            )
            for at in np.flatnonzero(~self.good)
        ]

    @property
    def good(self) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """The rows without a problem so far."""
        found: np.ndarray[Any, np.dtype[np.bool_]] = self.reasons == None  # noqa: E711 - elementwise
        return found


class Places:
    """Reads the columns that say whose day a row is about."""

    def __init__(self, layout: Layout, reading: Reading) -> None:
        self._layout, planned = layout, layout.units is None
        day = partial(cells.day, rule=reading.day, planned=planned)
        self._names = {
            column: cells.Column(partial(cells.name, rule=reading.names.get(column)), "object", "")
            for column in (layout.store, layout.product)
            if column is not None
        }
        self._days = cells.Column(lambda text: day(text).toordinal(), "int64", EPOCH)
        self._product = ALL if planned else TOTAL

    def read(self, problems: Problems) -> tuple[Texts, Texts, Values]:
        """Stores, products and days (ordinals) of the rows."""
        layout = self._layout
        stores = self._named(problems, layout.store, ALL)
        products = self._named(problems, layout.product, self._product)
        return stores, products, problems.read(self._days, layout.date)

    def _named(self, problems: Problems, column: str | None, otherwise: str) -> Texts:
        if column is None:
            return np.full(len(problems.chunk.lines), otherwise, "object")
        return problems.read(self._names[column], column)
