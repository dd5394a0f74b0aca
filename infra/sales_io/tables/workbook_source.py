"""A sheet of an Excel or OpenDocument workbook as a table.

The sheet is held in memory: it has at most a million rows.
"""

import datetime as dt
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from python_calamine import CalamineError, CalamineWorkbook, PasswordError

from infra.errors import BadInput
from infra.sales_io.tables.content import Content
from infra.sales_io.tables.source import CHUNK_ROWS, TextChunk
from infra.sales_io.tables.table_start import SAMPLE_ROWS, find_shape

MIN_ROWS = MIN_COLUMNS = 2  # of a sheet that is a table: a header and a row


class WorkbookSource:
    """Reads the named sheet, or the only one that holds a table."""

    def __init__(self, content: Content, sheet: str | None) -> None:
        self.path = content.path
        try:
            # For a broken workbook calamine raises several kinds of error.
            book = CalamineWorkbook.from_filelike(content.whole())
            name, rows = self._chosen(book, sheet)
        except PasswordError:
            raise BadInput(
                f"{self.path}: the workbook is locked with a password; save it without one"
            ) from None
        except (CalamineError, OSError, EOFError, ValueError) as error:
            raise BadInput(
                f"{self.path}: not a readable workbook: {error or type(error).__name__}; open "
                "it in the spreadsheet program and save it again as .xlsx or CSV"
            ) from None
        sample = [[_text(cell) for cell in row] for row in rows[:SAMPLE_ROWS]]
        shape = find_shape(sample)
        if shape is None:
            raise BadInput(f"{self.path}: no header; a row must name the columns")
        self.header = shape.header
        at = next(i for i, row in enumerate(sample) if self._is_header(row))
        self._rows = rows[at + 1 :]
        self._first_line = at + 2
        self.typed = frozenset(n for i, n in enumerate(self.header) if self._is_typed(i))
        self.notes = (
            f"sheet {name}",
            *([f"{len(shape.above)} rows above the header left out"] if shape.above else []),
        )

    def chunks(self, columns: Sequence[str], rows: int = CHUNK_ROWS) -> Iterator[TextChunk]:
        """The cells of these columns, up to `rows` rows at a time."""
        at = {name: self.header.index(name) for name in columns}
        for start in range(0, len(self._rows), rows):
            part = self._rows[start : start + rows]
            kept, lines, headers = [], [], 0
            for line, row in enumerate(part, start=self._first_line + start):
                if row and _text(row[0]) == self.header[0] and self._is_header(map(_text, row)):
                    headers += 1
                elif any(cell != "" for cell in row):
                    kept.append(row)
                    lines.append(line)
            cells = {name: self._column(kept, i, name) for name, i in at.items()}
            yield TextChunk(np.asarray(lines, dtype=np.int64), cells, [], headers)

    def _column(self, rows: list[list[Any]], at: int, name: str) -> Any:
        show = _text if name in self.typed else _plainly
        texts = (show(row[at]) if at < len(row) else "" for row in rows)
        return np.fromiter(texts, object, len(rows))

    def _is_header(self, row: Any) -> bool:
        cells = [str(cell).strip() for cell in row]
        width = len(self.header)
        return tuple(cells[:width]) == self.header and not any(cells[width:])

    def _is_typed(self, at: int) -> bool:
        return not any(at < len(row) and isinstance(row[at], str) and row[at] for row in self._rows)

    def _chosen(self, book: CalamineWorkbook, sheet: str | None) -> tuple[str, list[list[Any]]]:
        names = list(book.sheet_names)
        if sheet is not None:
            if sheet not in names:
                has = ", ".join(names)
                raise BadInput(f"--sheet: {sheet!r} is not a sheet of the workbook; it has {has}")
            return sheet, self._rows_of(book, sheet)
        held = {name: self._rows_of(book, name) for name in names}
        full = {name: rows for name, rows in held.items() if _is_table(rows)}
        if len(full) > 1:
            raise BadInput(
                f"{self.path}: --sheet: not given, and {len(full)} sheets hold a table: "
                f"{', '.join(full)}; name one"
            )
        if not full:
            raise BadInput(f"{self.path}: no sheet holds a header and rows")
        return next(iter(full.items()))

    def _rows_of(self, book: CalamineWorkbook, name: str) -> list[list[Any]]:
        rows: list[list[Any]] = book.get_sheet_by_name(name).to_python(skip_empty_area=False)
        return rows


def _is_table(rows: Sequence[Sequence[Any]]) -> bool:
    wide = [row for row in rows if sum(cell != "" for cell in row) >= MIN_COLUMNS]
    return len(wide) >= MIN_ROWS


def _text(cell: Any) -> str:
    """The cell as text, with a decimal point and ISO days."""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() and abs(cell) < 1e15 else repr(cell)
    if isinstance(cell, dt.datetime):
        return cell.isoformat(" ") if cell.time() != dt.time() else cell.date().isoformat()
    return str(cell).strip()


def _plainly(cell: Any) -> str:
    """The cell as text without a decimal mark, for a column whose texts may use another."""
    text = _text(cell)
    if not isinstance(cell, float) or "." not in text or "e" in text:
        return text
    whole, _, part = text.partition(".")
    return f"{whole}{part}e-{len(part)}"
