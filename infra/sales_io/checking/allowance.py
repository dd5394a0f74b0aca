"""How many rows of a file may be rejected before the whole file is refused."""

import re
from dataclasses import dataclass

from infra.errors import BadInput
from infra.sales_io.checking.import_summary import ImportSummary


class RowsRefused(BadInput):
    """More rows are rejected than were allowed, so nothing is published. Exit 1."""

    def __init__(self, message: str, summary: ImportSummary) -> None:
        super().__init__(message)
        self.summary = summary


@dataclass(frozen=True, slots=True)
class Allowance:
    """The rejected rows that are allowed: `share` of all rows, else `rows`, or any if None."""

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
        """Whether `rejected` rows of `of` rows may be left out."""
        if self.share is not None:
            return rejected <= self.share * of
        return self.rows is None or rejected <= self.rows

    def __str__(self) -> str:
        if self.share is not None:
            return f"{self.share * 100:g} %"
        return "any number" if self.rows is None else "none" if self.rows == 0 else f"{self.rows:,}"


NONE, ALL = Allowance(), Allowance(None)


def refuse(summary: ImportSummary, allowed: Allowance) -> None:
    """RowsRefused if more rows are rejected than a person allowed."""
    if allowed.allows(summary.rejected, summary.rows):
        return
    summary.refused = True
    raise RowsRefused(
        f"{summary.file}: nothing is published, since {summary.rejected:,} of {summary.rows:,} "
        f"rows are rejected and {allowed} may be; mend them, or give --allow-rejects "
        f"{summary.rejected} to publish the others. {'. '.join(summary.rejections)}",
        summary,
    )
