"""A text file as a table, with any separator, plain or packed."""

import codecs
import csv
import io
import lzma
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from operator import itemgetter

import numpy as np

from infra.errors import BadInput
from infra.sales_io.tables.content import Content
from infra.sales_io.tables.encodings import UTF8, shown
from infra.sales_io.tables.source import CHUNK_ROWS, Rejected, TextChunk
from infra.sales_io.tables.table_start import (
    SAMPLE_ROWS,
    find_shape,
    guess_separator,
    separator_line,
)

MAX_SAMPLE_LINE = 200_000  # characters; longer than the csv module allows for one cell


class TextSource:
    """Reads a table from text. Lines above its header and repeated headers are not rows."""

    typed: frozenset[str] = frozenset()

    def __init__(self, content: Content, encoding: str, named: str, delimiter: str | None) -> None:
        """`encoding` is the one to read with, `named` the one that was asked for."""
        self.path, self._content = content.path, content
        self._encoding, self._named = encoding, named
        with self._reading(), self._open() as stream:
            lines = self._sample(stream)
        hint = separator_line(lines[0]) if lines else None
        self._delimiter = delimiter or hint or guess_separator(lines[1 if hint else 0 :])
        with self._reading():
            rows = list(csv.reader(lines, delimiter=self._delimiter))
        self._hints = 1 if hint else 0
        shape = find_shape(rows[self._hints :])
        if shape is None:
            raise BadInput(f"{self.path}: no header; the first line must name the columns")
        self.header, self._above = shape.header, frozenset(shape.above)
        self.notes = self._notes(len(shape.above))

    def chunks(self, columns: Sequence[str], rows: int = CHUNK_ROWS) -> Iterator[TextChunk]:
        """The cells of these columns, up to `rows` rows at a time."""
        with self._reading(), self._open() as stream:
            reader = csv.reader(stream, delimiter=self._delimiter)
            self._pass_header(reader)
            width, first = len(self.header), self.header[0]
            kept: list[list[str]] = []
            lines: list[int] = []
            misshapen: list[Rejected] = []
            headers = 0
            for row in reader:
                if len(row) >= width and row[0].strip() == first and self._is_header(row):
                    headers += 1
                elif not any(row):
                    continue
                elif len(row) == width or (len(row) > width and not any(row[width:])):
                    kept.append(row)
                    lines.append(reader.line_num)
                elif not self._is_nothing(row):
                    misshapen.append(_misshapen(reader.line_num, row, width))
                if len(kept) + len(misshapen) >= rows:
                    yield self._chunk(columns, kept, lines, misshapen, headers)
                    kept, lines, misshapen, headers = [], [], [], 0
            if kept or misshapen or headers:
                yield self._chunk(columns, kept, lines, misshapen, headers)

    def _chunk(
        self,
        columns: Sequence[str],
        rows: list[list[str]],
        lines: list[int],
        misshapen: list[Rejected],
        headers: int,
    ) -> TextChunk:
        cells = {name: map(itemgetter(self.header.index(name)), rows) for name in columns}
        return TextChunk(
            np.asarray(lines, dtype=np.int64),
            {name: np.fromiter(texts, object, len(rows)) for name, texts in cells.items()},
            misshapen,
            headers,
        )

    def _sample(self, stream: io.TextIOWrapper) -> list[str]:
        lines: list[str] = []
        for line in islice(iter(lambda: stream.readline(MAX_SAMPLE_LINE), ""), 2 * SAMPLE_ROWS):
            if line.strip() or lines:
                lines.append(line)
            if len(lines) == SAMPLE_ROWS:
                break
        return lines

    def _pass_header(self, reader: Iterator[list[str]]) -> None:
        for row in reader:
            if self._is_header(row):
                return

    def _is_header(self, row: Sequence[str]) -> bool:
        cells = tuple(cell.strip().lstrip("\ufeff") for cell in row)
        width = len(self.header)
        return cells[:width] == self.header and not any(cells[width:])

    def _is_nothing(self, row: Sequence[str]) -> bool:
        """Whether the row is blank, or repeats a title above the header, as reports do."""
        cells = tuple(cell.strip() for cell in row)
        return not any(cells) or cells[: _width(cells)] in self._above

    def _open(self) -> io.TextIOWrapper:
        return io.TextIOWrapper(self._content.open(), encoding=self._encoding, newline="")

    def _notes(self, above: int) -> tuple[str, ...]:
        notes = []
        if self._encoding != self._named and self._named == UTF8:
            notes.append(shown(self._encoding))
        if self._content.packing == ".zip":
            notes.append(f"{self._content.name} of the archive is read")
        if above:
            s = "s" if above > 1 else ""
            notes.append(f"{above} line{s} above the header left out")
        return tuple(notes)

    @contextmanager
    def _reading(self) -> Iterator[None]:
        try:
            yield
        except UnicodeError as error:
            raise BadInput(self._undecodable(error)) from None
        except csv.Error as error:
            raise BadInput(f"{self.path}: {error}; is a quote left open?") from None
        except (EOFError, OSError, lzma.LZMAError, zlib.error, zipfile.BadZipFile) as error:
            raise BadInput(f"{self.path}: can't be read: {error}") from None

    def _undecodable(self, error: UnicodeError) -> str:
        name = shown(self._encoding)
        if not codecs.lookup(self._encoding).name.startswith("utf-16"):
            with self._content.open() as stream:
                for number, line in enumerate(stream, start=1):
                    try:
                        line.decode(self._encoding)
                    except UnicodeDecodeError as bad:
                        byte = line[bad.start]
                        return (
                            f"{self.path}: line {number} is not {name} (byte 0x{byte:02x}); "
                            "add --encoding latin-1 (or cp1252) if a spreadsheet wrote it"
                        )
        return f"{self.path}: not {name}: {error}; name its encoding with --encoding"


def _width(cells: Sequence[str]) -> int:
    return max((at for at, cell in enumerate(cells, start=1) if cell), default=0)


def _misshapen(line: int, row: Sequence[str], width: int) -> Rejected:
    return Rejected(line, "row", ",".join(row), f"{len(row)} fields where the header names {width}")
