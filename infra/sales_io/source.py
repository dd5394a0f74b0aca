"""A sales file as columns of text, in chunks of bounded memory.

CSV and TSV, plain or compressed, and Parquet. Every cell comes as text without outer
blanks, so one set of rules judges all kinds of file. What is wrong with the file as a whole
(not there, no header, not the stated encoding, a broken archive) is a BadInput.
"""

import bz2
import csv
import gzip
import io
import lzma
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from infra.sales_io.errors import BadInput

UTF8 = "utf-8-sig"  # UTF-8, with or without a byte order mark
CHUNK_ROWS = 20_000  # rows in memory at a time: a few MB, and enough to vectorise over
DELIMITERS = {".csv": None, ".tsv": "\t", ".txt": None, ".tab": "\t"}
PARQUET = (".parquet", ".pq")
COMPRESSED = (".xz", ".gz", ".bz2", ".zst")
UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")
Texts = np.ndarray[Any, np.dtype[np.object_]]


@dataclass(frozen=True, slots=True)
class Rejected:
    """A row that was left out. `line` counts from 1; in Parquet, it is the row."""

    line: int
    field: str
    value: str
    reason: str


@dataclass(frozen=True, slots=True)
class TextChunk:
    """Some rows: their lines, their cells by column, and the rows that had other cells."""

    lines: np.ndarray[Any, np.dtype[np.int64]]
    columns: dict[str, Texts]
    misshapen: list[Rejected]


class Source(Protocol):
    """A file that can be read again and again."""

    path: Path
    header: tuple[str, ...]

    def chunks(self, columns: Sequence[str], rows: int = CHUNK_ROWS) -> Iterator[TextChunk]:
        """The rows' cells of these columns."""


def open_source(path: Path, encoding: str = UTF8, delimiter: str | None = None) -> Source:
    """The file, its header read; BadInput says what is wrong with it."""
    try:
        kind = path.stat()
    except OSError as error:
        raise BadInput(f"{path}: {(error.strerror or str(error)).lower()}") from None
    if path.is_dir():
        raise BadInput(f"{path}: a folder; name one file")
    if not path.is_file():
        raise BadInput(f"{path}: no regular file, and it is read twice; save it to one first")
    if kind.st_size == 0:
        raise BadInput(f"{path}: the file is empty")
    suffixes = [suffix.lower() for suffix in path.suffixes[-2:]]
    packing = suffixes.pop() if suffixes and suffixes[-1] in COMPRESSED else ""
    suffix = suffixes[-1] if suffixes else ""
    if suffix in PARQUET and packing:
        raise BadInput(f"{path}: Parquet compresses within; decompress the file first")
    if suffix in PARQUET:
        return _ParquetSource(path)
    if suffix not in DELIMITERS:
        raise BadInput(
            f"{path}: the ending {suffix or packing or 'none'} is unknown; use "
            f"{', '.join([*DELIMITERS, *PARQUET])}, and for text also {', '.join(COMPRESSED)} after"
        )
    return _TextSource(path, packing, encoding, delimiter or DELIMITERS[suffix])


class _TextSource:
    def __init__(self, path: Path, packing: str, encoding: str, delimiter: str | None) -> None:
        self.path, self._packing, self._encoding = path, packing, encoding
        try:
            "".encode(encoding)
        except LookupError:
            raise BadInput(
                f"--encoding: {encoding!r} is no encoding; try utf-8, latin-1 or cp1252"
            ) from None
        if delimiter is not None and len(delimiter) != 1:
            raise BadInput(f"--delimiter: {delimiter!r}; give one character")
        self._delimiter = delimiter or self._guess_delimiter()
        with self._reading(), self._open() as stream:
            found = self._header(csv.reader(stream, delimiter=self._delimiter))
        if not found:
            raise BadInput(f"{path}: no header; the first line must name the columns")
        self.header = tuple(name.strip() for name in found)

    def chunks(self, columns: Sequence[str], rows: int = CHUNK_ROWS) -> Iterator[TextChunk]:
        with self._reading(), self._open() as stream:
            reader = csv.reader(stream, delimiter=self._delimiter)
            self._header(reader)
            width = len(self.header)
            kept: list[list[str]] = []
            lines: list[int] = []
            misshapen: list[Rejected] = []
            for row in reader:
                if len(row) == width:
                    kept.append(row)
                    lines.append(reader.line_num)
                elif any(cell.strip() for cell in row):
                    misshapen.append(_misshapen(reader.line_num, row, width))
                if len(kept) + len(misshapen) >= rows:
                    yield self._chunk(columns, kept, lines, misshapen)
                    kept, lines, misshapen = [], [], []
            if kept or misshapen:
                yield self._chunk(columns, kept, lines, misshapen)

    def _chunk(
        self,
        columns: Sequence[str],
        rows: list[list[str]],
        lines: list[int],
        misshapen: list[Rejected],
    ) -> TextChunk:
        cells = {name: map(itemgetter(self.header.index(name)), rows) for name in columns}
        return TextChunk(
            np.asarray(lines, dtype=np.int64),
            {name: np.fromiter(texts, object, len(rows)) for name, texts in cells.items()},
            misshapen,
        )

    def _open_bytes(self) -> Any:
        if self._packing == ".gz":
            return gzip.open(self.path, "rb")
        if self._packing == ".bz2":
            return bz2.open(self.path, "rb")
        if self._packing == ".xz":
            return lzma.open(self.path, "rb")
        if self._packing == ".zst":
            return io.BufferedReader(pa.input_stream(str(self.path), compression="zstd"))
        return self.path.open("rb")

    def _open(self) -> io.TextIOWrapper:
        return io.TextIOWrapper(self._open_bytes(), encoding=self._encoding, newline="")

    def _header(self, reader: Iterator[list[str]]) -> list[str]:
        return next((row for row in reader if any(cell.strip() for cell in row)), [])

    def _guess_delimiter(self) -> str:
        with self._reading(), self._open() as stream:
            first = next((line for line in stream if line.strip()), "")
        return max(",;\t|", key=first.count)

    @contextmanager
    def _reading(self) -> Iterator[None]:
        try:
            yield
        except UnicodeError as error:
            raise BadInput(self._undecodable(error)) from None
        except csv.Error as error:
            raise BadInput(f"{self.path}: {error}; is a quote left open?") from None
        except (EOFError, OSError, lzma.LZMAError, zlib.error) as error:
            raise BadInput(f"{self.path}: can't be read: {error}") from None

    def _undecodable(self, error: UnicodeError) -> str:
        with self._open_bytes() as stream:
            if stream.read(2) in UTF16_MARKS:
                return f"{self.path}: not {self._name}, it looks like UTF-16; add --encoding utf-16"
        with self._open_bytes() as stream:
            for number, line in enumerate(stream, start=1):
                try:
                    line.decode(self._encoding)
                except UnicodeDecodeError as bad:
                    byte = line[bad.start]
                    return (
                        f"{self.path}: line {number} is not {self._name} (byte 0x{byte:02x}); "
                        "add --encoding latin-1 (or cp1252) if a spreadsheet wrote it"
                    )
        return f"{self.path}: not {self._name}: {error}"

    @property
    def _name(self) -> str:
        return "UTF-8" if self._encoding == UTF8 else self._encoding


def _misshapen(line: int, row: list[str], width: int) -> Rejected:
    return Rejected(line, "row", ",".join(row), f"{len(row)} fields where the header names {width}")


class _ParquetSource:
    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._schema = pq.read_schema(path)
        except (pa.ArrowException, OSError) as error:
            raise BadInput(f"{path}: no Parquet file: {error}") from None
        self.header = tuple(self._schema.names)

    def chunks(self, columns: Sequence[str], rows: int = CHUNK_ROWS) -> Iterator[TextChunk]:
        line = 1
        try:
            with pq.ParquetFile(self.path) as file:
                for batch in file.iter_batches(batch_size=rows, columns=list(columns)):
                    lines = np.arange(line, line + batch.num_rows, dtype=np.int64)
                    line += batch.num_rows
                    texts = {name: self._texts(name, batch.column(name)) for name in columns}
                    yield TextChunk(lines, texts, [])
        except (pa.ArrowException, OSError) as error:
            raise BadInput(f"{self.path}: can't be read: {error}") from None

    def _texts(self, name: str, cells: Any) -> Texts:
        kind = cells.type
        if pa.types.is_dictionary(kind):
            cells = cells.dictionary_decode()
        if pa.types.is_timestamp(kind) and kind.tz is not None:
            raise BadInput(
                f"{self.path}: column {name} holds moments in {kind.tz}; a sale's date is the "
                "store's own calendar day, so store it as a date"
            )
        texts: Any
        try:
            texts = pc.fill_null(cells.cast(pa.string()), "")
        except pa.ArrowException:
            raise BadInput(f"{self.path}: column {name} of type {kind} is no plain value") from None
        if pa.types.is_timestamp(kind):
            texts = pc.replace_substring_regex(texts, r" 00:00:00(\.0+)?$", "")
        found: Texts = texts.to_numpy(zero_copy_only=False)
        return found
