"""Where a file's table begins: its separator, the lines above the header, and the header."""

import csv
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from infra.sales_io.columns.roles import role_of

SAMPLE_ROWS = 200  # a header further below is not found
SEPARATORS = ",;\t|"
SEPARATOR_LINE = re.compile(r'"?sep=(\\t|.)"?\s*', re.IGNORECASE)

Row = Sequence[str]


@dataclass(frozen=True, slots=True)
class Shape:
    """The header's names, without empty ones at its end, and the rows above it."""

    header: tuple[str, ...]
    above: tuple[tuple[str, ...], ...]


def separator_line(line: str) -> str | None:
    """The separator that a first line like `sep=;` of a spreadsheet names; None for others."""
    found = SEPARATOR_LINE.fullmatch(line.lstrip("\ufeff"))
    return found and found[1].replace("\\t", "\t")


def guess_separator(lines: Sequence[str]) -> str:
    """The separator that gives most lines the same width; if two do, the greater width."""

    def score(separator: str) -> tuple[int, int]:
        try:
            widths = Counter(map(len, csv.reader(lines, delimiter=separator)))
        except csv.Error:
            return 0, 0
        wide = {width: rows for width, rows in widths.items() if width > 1}
        return max(((rows, width) for width, rows in wide.items()), default=(0, 0))

    return max(SEPARATORS, key=score)


def find_shape(rows: Sequence[Row]) -> Shape | None:
    """The header among a file's first rows, and what is above it; None if all are empty.

    The header is the row with the most names of known roles, at least two. Otherwise it is the
    first row that is as wide as most rows: titles and remarks above a table are narrower.
    """
    trimmed = [_trimmed(row) for row in rows]
    widths = Counter(len(row) for row in trimmed if len(row) > 1)
    usual = max(widths, key=lambda width: (widths[width], width), default=1)
    wide = [at for at, row in enumerate(trimmed) if len(row) >= usual and _is_filled(row)]
    roles = [len(set(map(role_of, row)) - {None}) for row in trimmed]
    known = [roles.index(max(roles))] if max(roles, default=0) > 1 else []
    filled = [at for at, row in enumerate(trimmed) if row]
    if not filled:
        return None
    at = (known or wide or filled)[0]
    return Shape(trimmed[at], tuple(trimmed[other] for other in filled if other < at))


def _trimmed(row: Row) -> tuple[str, ...]:
    cells = [cell.strip().lstrip("\ufeff") for cell in row]
    while cells and not cells[-1]:
        cells.pop()
    return tuple(cells)


def _is_filled(row: Row) -> bool:
    named = sum(1 for cell in row if cell)
    return named > 1 and 2 * named >= len(row)
