"""What is wrong with each row of a chunk: its first problem, by column and reason."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from infra.sales_io.columns import cells
from infra.sales_io.tables.source import Kind, Rejected, TextChunk

Values = np.ndarray[Any, Any]


@dataclass
class RowProblems:
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
        """The column's values; notes the rows whose text has none."""
        values, reasons = reader.read(self.chunk.columns[column])
        new = (reasons != None) & (self.reasons == None)  # noqa: E711 - elementwise
        self.reasons[new], self.columns[new] = reasons[new], column
        return values

    def read_or(self, reader: cells.Column, column: str | None, value: Any, dtype: str) -> Values:
        """The column's values; `value` in each row if the file lacks the column."""
        if column is None:
            return np.full(len(self.chunk.lines), value, dtype)
        return self.read(reader, column)

    def note(self, rows: Values, column: str, reasons: Sequence[str], kind: Kind = "") -> None:
        """Note the problem of these rows, which must have none yet."""
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
        """Which rows have no problem yet."""
        found: np.ndarray[Any, np.dtype[np.bool_]] = self.reasons == None  # noqa: E711 - elementwise
        return found
