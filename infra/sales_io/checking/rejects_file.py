"""The list of rejected rows: a CSV file, which exists if there are any."""

import csv
import os
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from infra.errors import BadInput
from infra.sales_io.checking.allowance import RowsRefused
from infra.sales_io.tables.source import Rejected

HEADER = ("line", "field", "value", "reason")
ENDING = ".rejected.csv"


class RejectsFile:
    """Writes rejected rows as they are found.

    Without a chosen path the list is written beside the sales file, or in the current folder if
    that one is read-only. The list of an earlier import is deleted first. The new list is deleted
    if the file is refused for another reason than its rows.
    """

    def __init__(self, sales: Path, chosen: Path | None = None) -> None:
        self.path = chosen or _beside(sales)
        self.rows = 0
        self._stream: IO[str] | None = None
        self._writer: Any = None
        if self.path.exists() and sales.exists() and self.path.samefile(sales):
            raise BadInput(f"--rejects: {self.path} is the file to import itself; name another")
        if chosen is not None and (self.path.is_dir() or not self.path.absolute().parent.is_dir()):
            raise BadInput(f"--rejects: {self.path} can't be written; name a file in a folder")

    def __enter__(self) -> "RejectsFile":
        try:
            self.path.unlink(missing_ok=True)
        except OSError as error:
            raise BadInput(f"--rejects: {self.path}: {error.strerror}; name another file") from None
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._stream is not None:
            self._stream.close()
            if isinstance(error, BadInput) and not isinstance(error, RowsRefused):
                self.path.unlink(missing_ok=True)

    def write(self, rejected: Sequence[Rejected]) -> None:
        """Append the rows."""
        if rejected and self._stream is None:
            try:
                self._stream = self.path.open("w", newline="", encoding="utf-8")
            except OSError as error:
                raise BadInput(f"--rejects: {self.path}: {error.strerror}; name another") from None
            self._writer = csv.writer(self._stream)
            self._writer.writerow(HEADER)
        for row in rejected:
            self._writer.writerow((row.line, row.field, row.value, row.reason))
        self.rows += len(rejected)


def _beside(sales: Path) -> Path:
    beside = sales.with_name(sales.name + ENDING)
    return beside if os.access(sales.parent, os.W_OK) else Path(beside.name)
