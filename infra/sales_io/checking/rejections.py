"""The rejected rows of a file, counted by column and reason, with examples."""

import re
from dataclasses import dataclass, field

from infra.errors import visible
from infra.sales_io.checking.rows import RowsChunk
from infra.sales_io.tables.source import Rejected

MAX_EXAMPLES = 3
MAX_SHOWN = 40  # characters of a value in an example


@dataclass(slots=True)
class RejectionGroup:
    """The rejected rows of one column for one reason."""

    column: str
    reason: str
    rows: int = 0
    examples: list[str] = field(default_factory=list)
    values: set[str] = field(default_factory=set)

    def __str__(self) -> str:
        s = "s" if self.rows > 1 else ""
        return (
            f"{self.column}: {self.rows:,} row{s}, like {', '.join(self.examples)}: {self.reason}"
        )


@dataclass
class Rejections:
    """All rejected rows of a file, and the rows that may mean something else to a person.

    `returns` counts rejected rows below zero, `duplicates` rejected rows whose store, product and
    day an earlier row has, and `repeated_sales` rows with units that equal an earlier row: they are
    left out, though each may be a sale.
    """

    groups: dict[tuple[str, str], RejectionGroup] = field(default_factory=dict)
    returns: int = 0
    first_return: str = ""
    duplicates: int = 0
    first_duplicate: str = ""
    repeated_sales: int = 0

    def note(self, chunk: RowsChunk) -> None:
        """Count the rows of one chunk."""
        self.repeated_sales += chunk.repeated_sales
        for row in chunk.rejected:
            self._count(row)

    def lines(self) -> list[str]:
        """A line for each column and reason, the most frequent first."""
        return [str(one) for one in sorted(self.groups.values(), key=lambda one: -one.rows)]

    def _count(self, row: Rejected) -> None:
        if row.kind == "return":
            self.returns += 1
            self.first_return = self.first_return or f"{visible(row.value)} in line {row.line:,}"
        elif row.kind == "duplicate":
            self.duplicates += 1
            self.first_duplicate = self.first_duplicate or f"line {row.line:,}"
        key = (row.field, re.sub(r"\d+", "#", row.reason))
        found = self.groups.setdefault(key, RejectionGroup(row.field, row.reason))
        found.rows += 1
        shown = _shown(row.value)
        if len(found.examples) < MAX_EXAMPLES and shown not in found.values:
            found.values.add(shown)
            found.examples.append(f"{shown} in line {row.line:,}")


def _shown(value: str) -> str:
    """The value in quotes, shortened, with invisible characters by their numbers."""
    short = value if len(value) <= MAX_SHOWN else value[:MAX_SHOWN] + "…"
    return f"'{visible(short)}'"
