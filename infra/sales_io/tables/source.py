"""The interface of every kind of file: columns of text, in chunks of bounded memory."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np

CHUNK_ROWS = 20_000  # rows in memory at a time: a few MB, yet enough for numpy to be fast
Texts = np.ndarray[Any, np.dtype[np.object_]]
Kind = Literal["", "return", "duplicate"]  # an earlier row has the same store, product and day


@dataclass(frozen=True, slots=True)
class Rejected:
    """A row that is left out. `line` is the file's own, from 1; in Parquet, the row."""

    line: int
    field: str
    value: str
    reason: str
    kind: Kind = ""


@dataclass(frozen=True, slots=True)
class TextChunk:
    """Some rows: their lines, their cells by column, and the rows of another width.

    A row that spans several lines has the last one. `headers` counts lines that repeat the header.
    """

    lines: np.ndarray[Any, np.dtype[np.int64]]
    columns: dict[str, Texts]
    misshapen: list[Rejected]
    headers: int = 0


class Source(Protocol):
    """A file that can be read repeatedly.

    Columns in `typed` have a type in the file (Parquet, a workbook), so their numbers have a
    decimal point and their days are ISO. `notes` tell a person how the file was read.
    """

    path: Path
    header: tuple[str, ...]
    typed: frozenset[str]
    notes: tuple[str, ...]

    def chunks(self, columns: Sequence[str], rows: int = CHUNK_ROWS) -> Iterator[TextChunk]:
        """The cells of these columns, up to `rows` rows at a time."""
