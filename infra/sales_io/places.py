"""Which store, product and day each row of a file is about, and what is wrong with a row."""

from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

from infra.sales_io import cells
from infra.sales_io.layout import TOTAL, Layout
from infra.sales_io.source import TextChunk, Texts

EPOCH = 719_163  # the ordinal of 1970-01-01
ALL = ""  # in a calendar: every store, every product

Values = np.ndarray[Any, Any]


@dataclass
class Problems:
    """The first problem of each row of a chunk."""

    chunk: TextChunk
    reasons: Values = field(init=False)
    columns: Values = field(init=False)

    def __post_init__(self) -> None:
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

    @property
    def good(self) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """The rows without a problem so far."""
        found: np.ndarray[Any, np.dtype[np.bool_]] = self.reasons == None  # noqa: E711 - elementwise
        return found


class Places:
    """Reads the columns that say whose day a row is about."""

    def __init__(self, layout: Layout) -> None:
        self._layout, planned = layout, layout.units is None
        day = partial(cells.day, form=layout.date_format, planned=planned)
        self._names = cells.Column(cells.name, "object", "")
        self._days = cells.Column(lambda text: day(text).toordinal(), "int64", EPOCH)
        self._product = ALL if planned else TOTAL

    def read(self, problems: Problems) -> tuple[Texts, Texts, Values]:
        """Stores, products and days (ordinals) of the rows."""
        layout = self._layout
        stores = problems.read_or(self._names, layout.store, ALL, "object")
        products = problems.read_or(self._names, layout.product, self._product, "object")
        return stores, products, problems.read(self._days, layout.date)
