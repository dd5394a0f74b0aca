"""Opens any kind of sales file as columns of text, in chunks of bounded memory.

Reads CSV and similar text, plain or packed, workbooks, and Parquet files and folders. Every cell
is text, so one set of rules reads all kinds of file. BadInput says what is wrong with the file as
a whole: it is missing, it has no header, another encoding, a broken archive.
"""

import lzma
import zipfile
import zlib
from pathlib import Path

from infra.errors import BadInput
from infra.sales_io.tables.content import COMPRESSED, HEAD, PARQUET, Content, content_of, kind_of
from infra.sales_io.tables.encodings import UTF8, encoding_of
from infra.sales_io.tables.parquet_source import ParquetSource
from infra.sales_io.tables.source import Source
from infra.sales_io.tables.text_source import TextSource
from infra.sales_io.tables.wide_source import long_form
from infra.sales_io.tables.workbook_source import WorkbookSource

TABS = (".tsv", ".tab")


def open_source(
    path: Path, encoding: str = UTF8, delimiter: str | None = None, sheet: str | None = None
) -> Source:
    """The file with its header read. A table with a column for each day becomes a long one."""
    try:
        kind = path.stat()
    except OSError as error:
        raise BadInput(f"{path}: {(error.strerror or str(error)).lower()}") from None
    if delimiter is not None and len(delimiter) != 1:
        raise BadInput(f"--delimiter: {delimiter!r}; give one character")
    encoding_of(b"", encoding)
    if path.is_dir():
        return long_form(ParquetSource(path))
    if not path.is_file():
        raise BadInput(f"{path}: not a regular file, but it is read twice; save it to one first")
    if kind.st_size == 0:
        raise BadInput(f"{path}: the file is empty")
    try:
        source = _open_file(content_of(path), encoding, delimiter, sheet)
    except OSError as error:
        raise BadInput(f"{path}: can't be read: {error.strerror or error}") from None
    return long_form(source)


def _open_file(content: Content, encoding: str, delimiter: str | None, sheet: str | None) -> Source:
    path = content.path
    if content.suffix in PARQUET and content.packing in COMPRESSED:
        raise BadInput(f"{path}: Parquet compresses within; decompress the file first")
    try:
        with content.open() as stream:
            head: bytes = stream.read(HEAD)
    except (EOFError, OSError, lzma.LZMAError, zlib.error, zipfile.BadZipFile) as error:
        raise BadInput(f"{path}: can't be read: {error}") from None
    found = encoding_of(head, encoding)
    kind = kind_of(content, head, head.decode(found, errors="replace"))
    if kind == "parquet" and content.packing and content.packing != ".zip":
        raise BadInput(f"{path}: Parquet compresses within; decompress the file first")
    if kind == "parquet":
        return ParquetSource(path, content)
    if kind == "workbook":
        return WorkbookSource(content, sheet)
    if sheet is not None:
        raise BadInput(f"--sheet: {path} is not a workbook; leave the option out")
    tabs = "\t" if content.suffix in TABS else None
    return TextSource(content, found, encoding, delimiter or tabs)
