"""Whether a file that was judged may be published: what to ask, and what was rejected."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from infra.errors import BadInput, visible
from infra.sales_io.checking.days_seen import DaysSeen
from infra.sales_io.checking.questions import gaps_question
from infra.sales_io.checking.rows import Duplicates, MissingDays, Returns, RowsChunk
from infra.sales_io.tables.source import Rejected

MAX_EXAMPLES = 3
MAX_SHOWN = 40  # characters of a value in an example


@dataclass(frozen=True, slots=True)
class Allowance:
    """How many rejected rows an import may leave out: so many, a share of all, or any number."""

    rows: int | None = 0
    share: float | None = None

    @classmethod
    def parse(cls, text: str | None) -> "Allowance":
        """From an option like 12, 5% or all; None allows none."""
        if text is None:
            return cls()
        if text == "all":
            return cls(None)
        found = re.fullmatch(r"(\d+)|(\d+(?:\.\d+)?)%", text.strip())
        if found is None or (found[2] and float(found[2]) > 100):
            raise BadInput(
                f"--allow-rejects: {text!r}; use a number of rows, a share like 5%, or all"
            )
        return cls(int(found[1])) if found[1] else cls(None, float(found[2]) / 100)

    def allows(self, rejected: int, of: int) -> bool:
        """Whether so many of the rows may be left out."""
        if self.share is not None:
            return rejected <= self.share * of
        return self.rows is None or rejected <= self.rows

    def __str__(self) -> str:
        if self.share is not None:
            return f"{self.share * 100:g} %"
        return "any number" if self.rows is None else "none" if self.rows == 0 else f"{self.rows:,}"


ALL = Allowance(None)


@dataclass(slots=True)
class Rejections:
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
class Verdict:
    """What became of a file's rows."""

    rejections: dict[tuple[str, str], Rejections] = field(default_factory=dict)
    returns: int = 0
    first_return: str = ""
    again: int = 0
    first_again: str = ""
    resold: int = 0

    def note(self, chunk: RowsChunk) -> None:
        """Count a part of the file."""
        self.resold += chunk.resold
        for row in chunk.rejected:
            self._count(row)

    def _count(self, row: Rejected) -> None:
        if row.kind == "return":
            self.returns += 1
            self.first_return = self.first_return or f"{visible(row.value)} in line {row.line:,}"
        elif row.kind == "again":
            self.again += 1
            self.first_again = self.first_again or f"line {row.line:,}"
        key = (row.field, re.sub(r"\d+", "#", row.reason))
        found = self.rejections.setdefault(key, Rejections(row.field, row.reason))
        found.rows += 1
        shown = _visible(row.value)
        if len(found.examples) < MAX_EXAMPLES and shown not in found.values:
            found.values.add(shown)
            found.examples.append(f"{shown} in line {row.line:,}")

    def questions(
        self,
        seen: DaysSeen,
        missing_days: MissingDays | None,
        duplicates: Duplicates | None,
        returns: Returns | None,
    ) -> str:
        """What only a person knows of the file, with the options that say it; '' if all is said."""
        asked = []
        if duplicates is None and (self.again or self.resold):
            asked.append(self._duplicates_question())
        if returns is None and self.returns:
            s = "s" if self.returns > 1 else ""
            asked.append(
                f"--returns: not given, and {self.returns:,} row{s} sold less than nothing, like "
                f"{self.first_return}; use net to take returns off the day's other rows (a day of "
                "more returns than sales is 0), zero to count such a row as 0, or reject"
            )
        if missing_days is None and (gaps := gaps_question(seen)):
            asked.append(gaps)
        return "; and ".join(asked)

    def _duplicates_question(self) -> str:
        many = self.again + self.resold
        like = f", like {self.first_again}" if self.first_again else ""
        same = "" if self.again else ", each with the same units as before"
        rows = "1 row is" if many == 1 else f"{many:,} rows are"
        return (
            f"--duplicates: not given, and {rows} "
            f"of a store, product and day that another row has{same}{like}; use sum if each row "
            "is a sale of its own (a ticket), last if a later row corrects an earlier one, or "
            "reject; if the rows are of several products, name their column with --product-column"
        )


def reasons(rejections: Iterable[Rejections]) -> list[str]:
    """A line for each column and reason, the most frequent first."""
    return [str(one) for one in sorted(rejections, key=lambda one: -one.rows)]


def _visible(value: str) -> str:
    """A value so that a person sees all of it."""
    short = value if len(value) <= MAX_SHOWN else value[:MAX_SHOWN] + "…"
    return f"'{visible(short)}'"
