"""Importing a file: each of its rows becomes a sale-recorded event on the log.

Delivery is at least once and effects are exactly once: an import that was cut short is
repeated from the start, and readers keep what is newest of each day. With the same
`recorded_at` even the events' ids are the same.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path

import pandas as pd

from events.clock import utc_now
from events.log import Producer
from infra.sales_io.broker import PATIENCE, send_patiently
from infra.sales_io.days_seen import DaysSeen
from infra.sales_io.errors import BrokerAway
from infra.sales_io.layout import ColumnChoice
from infra.sales_io.reader import MissingDays, read_sales, survey
from infra.sales_io.records import encode_sales
from infra.sales_io.rejects import RejectsFile
from infra.sales_io.source import UTF8

SOURCE = "/shelfcast/cli"
CHECKING, PUBLISHING = "checking", "publishing"

Progress = Callable[[str, int, int | None], None]  # phase, rows done, rows in all if known


@dataclass(slots=True)
class ImportSummary:
    """What became of a file's rows. `filled` are days without a row that were added.

    `published` counts events: accepted rows and filled days; 0 when the file was only checked.
    """

    file: str
    recorded_at: datetime
    drivers: tuple[str, ...] = ()
    rows: int = 0
    accepted: int = 0
    rejected: int = 0
    repeated: int = 0
    filled: int = 0
    published: int = 0
    series: int = 0
    first_day: date | None = None
    last_day: date | None = None
    rejects_file: str | None = None
    rejected_fields: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def rows_per_second(self) -> float:
        """From opening the file to the last acknowledgement."""
        return self.rows / self.seconds if self.seconds else 0.0


async def import_sales(
    path: Path,
    producer: Producer | None,
    choice: ColumnChoice | None = None,
    *,
    address: str = "the broker",
    recorded_at: datetime | None = None,
    missing_days: MissingDays | None = None,
    rejects: Path | None = None,
    encoding: str = UTF8,
    delimiter: str | None = None,
    progress: Progress | None = None,
    patience: float = PATIENCE,
    source: str = SOURCE,
    most_series: int | None = None,
) -> ImportSummary:
    """Publish a file's sales; without a producer, only check them.

    `most_series` publishes only the first so many series of the file.

    Raises BadInput before anything is published when the file or the choice of columns
    can't be used, and BrokerAway when the broker stays away for `patience` seconds.
    """
    show = progress or _unseen
    started = time.monotonic()
    summary = ImportSummary(str(path), recorded_at or utc_now())
    with RejectsFile(path, rejects) as rejected:
        file = survey(
            path,
            choice,
            encoding=encoding,
            delimiter=delimiter,
            counted=lambda rows: show(CHECKING, rows, None),
        )
        summary.rows, summary.drivers = file.rows, file.drivers
        seen, done = DaysSeen(), 0
        chosen: set[tuple[str, str]] = set()
        show(PUBLISHING, 0, file.rows)
        for chunk in read_sales(file, seen, missing_days):
            rejected.write(chunk.rejected)
            if producer is not None:
                wanted = chunk.frame
                if most_series is not None:
                    wanted = _first_series(wanted, chosen, most_series)
                records = encode_sales(wanted, source, summary.recorded_at)
                try:
                    await send_patiently(producer, records, address, patience)
                except BrokerAway as error:
                    raise BrokerAway(
                        f"{error}; {summary.published:,} of {file.rows:,} rows are published: "
                        "import again, nothing doubles"
                    ) from None
                summary.published += len(records)
            size = len(chunk.frame)
            for row in chunk.rejected:
                fields = summary.rejected_fields
                fields[row.field] = fields.get(row.field, 0) + 1
            summary.repeated += chunk.repeated
            if done < file.rows:
                summary.accepted += size
                done += size + len(chunk.rejected) + chunk.repeated
            else:
                summary.filled += size
            show(PUBLISHING, done + summary.filled, file.rows + summary.filled)
        summary.rejected = rejected.rows
        summary.rejects_file = str(rejected.path) if rejected.rows else None
    summary.series = seen.series_count()
    if (span := seen.span()) is not None:
        summary.first_day, summary.last_day = map(date.fromordinal, span)
    summary.seconds = time.monotonic() - started
    return summary


def _first_series(frame: pd.DataFrame, chosen: set[tuple[str, str]], most: int) -> pd.DataFrame:
    """The rows of chosen series, after choosing more of them until there are `most`."""
    series = pd.MultiIndex.from_frame(frame[["store", "product"]])
    for key in series.unique():
        if len(chosen) == most:
            break
        chosen.add(key)
    return frame[series.isin(chosen)]


def _unseen(phase: str, done: int, of: int | None) -> None:
    """Nobody watches."""
