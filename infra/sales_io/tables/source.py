"""What every kind of file is read as: columns of text, in chunks of bounded memory."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np

CHUNK_ROWS = 20_000  # rows in memory at a time: a few MB, and enough to vectorise over
Texts = np.ndarray[Any, np.dtype[np.object_]]
Kind = Literal["", "return", "again"]  # "again": another row has the same store, product and day


@dataclass(frozen=True, slots=True)
class Rejected:
    """A row that was left out. `line` counts from 1; in Parquet, it is the row."""

    line: int
    field: str
    value: str
    reason: str
    kind: Kind = ""


@dataclass(frozen=True, slots=True)
class TextChunk:
    """Some rows: their lines, their cells by column, and the rows that had other cells.

    `headers` counts lines that said the header again; they are no rows.
    """

    lines: np.ndarray[Any, np.dtype[np.int64]]
    columns: dict[str, Texts]
    misshapen: list[Rejected]
    headers: int = 0


class Source(Protocol):
    """A file that can be read again and again.

    The cells of `typed` columns were written by a program that knows their type (Parquet,
    a workbook), so their numbers have a decimal point and their days are ISO. `notes` say what
    was done to read the file that its reader might not expect.
    """

    path: Path
    header: tuple[str, ...]
    typed: frozenset[str]
    notes: tuple[str, ...]

    def chunks(self, columns: Sequence[str], rows: int = CHUNK_ROWS) -> Iterator[TextChunk]:
        """The rows' cells of these columns."""
