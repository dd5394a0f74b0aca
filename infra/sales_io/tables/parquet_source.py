"""Parquet as a table: one file, or a folder of files with partitions named key=value.

A partition's key is a column of text, so the folder store=007 holds the store 007.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from infra.errors import BadInput
from infra.sales_io.tables.content import PARQUET, Content
from infra.sales_io.tables.source import CHUNK_ROWS, TextChunk, Texts

EXACT = float(2**53)  # below it every whole number has a float of its own
MIDNIGHT = r" 00:00:00(\.0+)?$"


class ParquetSource:
    """Reads one Parquet file, or all files of a folder in the order of their names."""

    def __init__(self, path: Path, content: Content | None = None) -> None:
        """With `content`, the path is a file; without, a folder."""
        self.path, self._content = path, content
        self._folder: Any = None
        try:
            if content is None:
                self._folder = _folder(path)
                schema = self._folder.schema
            else:
                schema = pq.read_schema(content.whole() if content.packing else path)
        except (pa.ArrowException, OSError) as error:
            raise BadInput(f"{path}: not a Parquet file: {error}") from None
        self.header = tuple(schema.names)
        self.typed = frozenset(f.name for f in schema if not _is_text(f.type))
        packed = content is not None and bool(content.packing)
        self.notes: tuple[str, ...] = (f"{content.name} is read",) if content and packed else ()

    def chunks(self, columns: Sequence[str], rows: int = CHUNK_ROWS) -> Iterator[TextChunk]:
        """The cells of these columns, up to `rows` rows at a time."""
        line = 1
        try:
            for batch in self._batches(list(columns), rows):
                lines = np.arange(line, line + batch.num_rows, dtype=np.int64)
                line += batch.num_rows
                yield TextChunk(lines, {n: self._texts(n, batch.column(n)) for n in columns}, [])
        except (pa.ArrowException, OSError) as error:
            raise BadInput(f"{self.path}: can't be read: {error}") from None

    def _batches(self, columns: list[str], rows: int) -> Iterator[Any]:
        if self._content is None:
            yield from self._folder.to_batches(columns=columns, batch_size=rows)
            return
        with pq.ParquetFile(self._content.whole() if self._content.packing else self.path) as file:
            yield from file.iter_batches(batch_size=rows, columns=columns)

    def _texts(self, name: str, cells: Any) -> Texts:
        kind = cells.type
        if pa.types.is_dictionary(kind):
            cells = cells.dictionary_decode()
            kind = cells.type
        if pa.types.is_floating(kind):  # pandas writes a missing number as NaN
            cells = pc.if_else(pc.is_nan(cells), pa.scalar(None, kind), cells)
        texts: Any
        try:
            texts = pc.fill_null(_plainly(cells).cast(pa.string()), "")
        except pa.ArrowException:
            raise BadInput(
                f"{self.path}: column {name} of type {kind} is not a plain value"
            ) from None
        if pa.types.is_timestamp(kind) and kind.tz is None:
            texts = pc.replace_substring_regex(texts, MIDNIGHT, "")
        found: Texts = texts.to_numpy(zero_copy_only=False)
        return found


def _plainly(cells: Any) -> Any:
    """The cells, with whole floats as plain digits: 4e12 may be the number of an article."""
    if not pa.types.is_floating(cells.type):
        return cells
    exact: Any = pc.less(pc.abs(cells), pa.scalar(EXACT, cells.type))
    whole = pc.and_(exact, pc.equal(cells, pc.floor(cells)))
    digits = pc.if_else(whole, cells, 0.0).cast(pa.float64()).cast(pa.int64()).cast(pa.string())
    return pc.if_else(whole, digits, cells.cast(pa.string()))


def _is_text(kind: Any) -> bool:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return any(
        judge(kind)
        for judge in (
            pa.types.is_string,
            pa.types.is_large_string,
            pa.types.is_string_view,
            pa.types.is_binary,
            pa.types.is_large_binary,
            pa.types.is_null,
        )
    )


def _folder(path: Path) -> Any:
    """The folder as one table; BadInput if it holds anything but Parquet files."""
    held = sorted(p for p in path.rglob("*") if p.is_file() and not _is_hidden(p, path))
    files = [p for p in held if p.suffix.lower() in PARQUET]
    for mark, what in (("_delta_log", "a Delta table"), ("metadata", "an Iceberg table")):
        if (path / mark).is_dir():
            raise BadInput(f"{path}: {what}, whose folder keeps files that are deleted; export it")
    if not files:
        names = ", ".join(p.name for p in held[:3]) or "nothing"
        raise BadInput(
            f"{path}: a folder without Parquet files (it holds {names}); name one file, or put "
            "its files together into one"
        )
    if other := [p.name for p in held if p not in files]:
        raise BadInput(
            f"{path}: a folder of Parquet and other files, like {other[0]}; separate them"
        )
    keys = {file: _keys(file, path) for file in files}
    if len(set(keys.values())) > 1:
        raise BadInput(
            f"{path}: its files are partitioned in different ways; import them one by one"
        )
    fields = [(key, pa.string()) for key in keys[files[0]]]
    schema = pa.unify_schemas(
        [pq.read_schema(file) for file in files], promote_options="permissive"
    )
    within = [schema.field(name) for name in schema.names if name not in keys[files[0]]]
    read: Any = ds.dataset  # its stubs do not allow a list of names with a schema
    return read(
        [str(file) for file in files],
        schema=pa.schema([*within, *(pa.field(*one) for one in fields)]),
        format="parquet",
        partitioning=ds.HivePartitioning(pa.schema(fields)),
        partition_base_dir=str(path),
    )


def _is_hidden(file: Path, folder: Path) -> bool:
    return any(part.startswith((".", "_")) for part in file.relative_to(folder).parts)


def _keys(file: Path, folder: Path) -> tuple[str, ...]:
    parts = file.relative_to(folder).parts[:-1]
    return tuple(unquote(part.partition("=")[0]) for part in parts if "=" in part)
