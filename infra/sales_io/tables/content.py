"""The unpacked bytes of a file, and which kind of file they are.

The bytes decide before the name's ending does: a web page called .xls is a web page. For a kind
that Shelfcast does not read, BadInput names the kind and what to do.
"""

import bz2
import gzip
import io
import lzma
import re
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any, Literal

import pyarrow as pa

from infra.errors import BadInput

COMPRESSED = (".xz", ".gz", ".bz2", ".zst")
MAGIC = {b"\xfd7zXZ\x00": ".xz", b"\x1f\x8b": ".gz", b"BZh": ".bz2", b"\x28\xb5\x2f\xfd": ".zst"}
TEXT = (".csv", ".tsv", ".txt", ".tab")
PARQUET = (".parquet", ".pq")
WORKBOOK = (".xlsx", ".xls", ".ods", ".xlsm", ".xlsb")
EMPTY_ZIP = b"PK\x05\x06"
ZIP, OLE = b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
HEAD = 4096  # first bytes, which show the kind of a file

EXPORT = "open it where it comes from and save it as CSV, Parquet or .xlsx"
FOREIGN = {
    b"%PDF": "a PDF document",
    b"SQLite format 3": "an SQLite database",
    b"ORC": "an ORC file",
    b"ARROW1": "an Arrow file",
    b"FEA1": "a Feather file",
    b"Obj\x01": "an Avro file",
    b"\x89HDF": "an HDF5 file",
    b"{\\rtf": "a text document",
}
ARCHIVES = {b"Rar!": "a RAR archive", b"7z\xbc\xaf": "a 7-Zip archive"}
MARKUP = re.compile(r"\s*<(!doctype|html|head|body|table|meta|div|style|\?xml)\b", re.IGNORECASE)
JSON = re.compile(r'\s*(\{\s*["}]|\[\s*[\[{])')

Kind = Literal["text", "parquet", "workbook"]


@dataclass(frozen=True, slots=True)
class Content:
    """An unpacked file. `name` is without the packing's ending, or that of the zip's member."""

    path: Path
    name: str
    packing: str
    open: Callable[[], Any]

    @property
    def suffix(self) -> str:
        """The ending of the name, in small letters."""
        return PurePath(self.name).suffix.lower()

    def whole(self) -> io.BytesIO:
        """All bytes, for readers that have to seek."""
        with self.open() as stream:
            return io.BytesIO(stream.read())


def content_of(path: Path) -> Content:
    """The file's content, unpacked; BadInput for an archive that does not hold one file."""
    with path.open("rb") as stream:
        head = stream.read(HEAD)
    suffix = path.suffix.lower()
    if head.startswith((ZIP, EMPTY_ZIP)) and suffix not in WORKBOOK and not _is_workbook(path):
        return _member(path)
    if suffix == ".zip":
        raise BadInput(f"{path}: not a zip archive, though it is called .zip; unpack or rename it")
    packing = suffix if suffix in COMPRESSED else ""
    if not packing and not suffix.startswith(PARQUET):
        packing = next((p for magic, p in MAGIC.items() if head.startswith(magic)), "")
    name = path.name[: -len(packing)] if packing and suffix == packing else path.name
    openers: dict[str, Callable[[], Any]] = {
        "": lambda: path.open("rb"),
        ".gz": lambda: gzip.open(path, "rb"),  # noqa: SIM115 - whoever reads it closes it
        ".bz2": lambda: bz2.open(path, "rb"),  # noqa: SIM115 - the same
        ".xz": lambda: lzma.open(path, "rb"),  # noqa: SIM115 - the same
        ".zst": lambda: io.BufferedReader(pa.input_stream(str(path), compression="zstd")),
    }
    return Content(path, name, packing, openers[packing])


def _is_workbook(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, OSError):
        return False
    return "[Content_Types].xml" in names or "META-INF/manifest.xml" in names


def _member(path: Path) -> Content:
    try:
        with zipfile.ZipFile(path) as archive:
            members = [one for one in archive.infolist() if _is_content(one)]
    except (zipfile.BadZipFile, OSError) as error:
        raise BadInput(f"{path}: can't be read: {error}") from None
    names = [one.filename for one in members]
    if len(names) != 1:
        held = ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
        raise BadInput(
            f"{path}: the archive holds {len(names)} files ({held}); unpack it and import one "
            "after the other"
            if names
            else f"{path}: the archive holds no file"
        )
    if members[0].flag_bits & 1:
        raise BadInput(f"{path}: the archive is encrypted; unpack it with its password first")
    if PurePath(names[0]).suffix.lower() in (*COMPRESSED, ".zip"):
        raise BadInput(f"{path}: holds {names[0]}, packed again; unpack it first")

    def open_member() -> Any:
        # A closed archive stays open for the member that was opened from it.
        with zipfile.ZipFile(path) as archive:
            return archive.open(names[0])

    return Content(path, PurePath(names[0]).name, ".zip", open_member)


def _is_content(member: zipfile.ZipInfo) -> bool:
    parts = PurePath(member.filename).parts
    hidden = any(part.startswith(".") or part == "__MACOSX" for part in parts)
    return not member.is_dir() and not hidden


def kind_of(content: Content, head: bytes, start: str) -> Kind:
    """The kind of file; BadInput for one that is not read. `start` is `head` as text."""
    path, suffix = content.path, content.suffix
    if head.startswith(ZIP) or head.startswith(OLE):
        return "workbook"
    if head.startswith(b"PAR1"):
        return "parquet"
    for magic, what in FOREIGN.items():
        if head.startswith(magic):
            raise BadInput(f"{path}: {what}; {EXPORT}")
    for magic, what in ARCHIVES.items():
        if head.startswith(magic):
            raise BadInput(f"{path}: {what}; unpack it first")
    if MARKUP.match(start):
        what = "an XML document" if start.lstrip().startswith("<?xml") else "a web page (HTML)"
        called = f", though it is called {suffix}" if suffix not in (".html", ".xml") else ""
        raise BadInput(
            f"{path}: {what}{called}; open it in a spreadsheet program and save it as .xlsx or CSV"
        )
    if JSON.match(start):
        raise BadInput(f"{path}: JSON; write a table with a header, as CSV or Parquet")
    if suffix in PARQUET:
        return "parquet"
    if suffix in WORKBOOK and ("\t" in start or ";" in start or "," in start) and "\0" not in start:
        return "text"  # many programs write tab-separated text and call it .xls
    if suffix in WORKBOOK:
        return "workbook"
    if suffix not in TEXT and "\0" in start:
        raise BadInput(
            f"{path}: the ending {suffix or 'none'} is unknown, and it is not text; use "
            f"{', '.join([*TEXT, *PARQUET, *WORKBOOK])}, and for text also "
            f"{', '.join(COMPRESSED)} after, or .zip"
        )
    return "text"
