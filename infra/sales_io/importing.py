"""Importing a file: each row becomes an event on the log, of a sale or of a plan.

Delivery is at least once and effects are exactly once: an import that was cut short is
repeated from the start, and readers keep what is newest of each day. With the same
`recorded_at` even the events' ids are the same.
"""

import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path

import pandas as pd

from events.clock import utc_now
from events.log import Producer, Record
from infra.sales_io.broker import PATIENCE, send_patiently
from infra.sales_io.days_seen import DaysSeen
from infra.sales_io.errors import BrokerAway
from infra.sales_io.gaps import GapFinder
from infra.sales_io.layout import ColumnChoice, choose_calendar_layout
from infra.sales_io.planned import Scope, planned_scopes
from infra.sales_io.reader import MissingDays, read_rows
from infra.sales_io.records import encode_plans, encode_sales, import_id_of
from infra.sales_io.rejects import RejectsFile
from infra.sales_io.source import UTF8
from infra.sales_io.survey import SurveyedFile, survey

SOURCE = "/shelfcast/cli"
CHECKING, PUBLISHING = "checking", "publishing"

Progress = Callable[[str, int, int | None], None]  # phase, rows done, rows in all if known
Check = Callable[[Mapping[frozenset[str], Sequence[Scope]]], Awaitable[None]]


@dataclass(slots=True)
class ImportSummary:
    """What became of a file's rows. `filled` are days without a row that were added as zero.

    `published` counts events: accepted rows and filled days; 0 when the file was only checked.
    By `import_id` published sales can be taken back.
    """

    file: str
    recorded_at: datetime
    import_id: str | None = None
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

    `missing_days` says what the days without a row between a series' first and last mean:
    closed, which a missing day counts as, or open and nothing sold, which is published.
    `most_series` publishes only the first so many series of the file.

    Raises BadInput before anything is published when there are such days and nobody said, or
    when the file or the choice of columns can't be used, and BrokerAway when the broker stays
    away for `patience` seconds.
    """
    chosen: set[tuple[str, str]] = set()

    def encode(frame: pd.DataFrame, recorded_at: datetime) -> list[Record]:
        if most_series is not None:
            frame = _first_series(frame, chosen, most_series)
        return encode_sales(frame, source, recorded_at, summary.import_id)

    show = progress or _unseen
    summary, gaps = ImportSummary(str(path), recorded_at or utc_now()), GapFinder()
    if producer is not None:
        summary.import_id = import_id_of(path.name, summary.recorded_at)
    with _timed(summary), RejectsFile(path, rejects) as rejected:
        file = survey(
            path,
            choice,
            encoding=encoding,
            delimiter=delimiter,
            counted=lambda rows: show(CHECKING, rows, None),
            look=gaps.look if missing_days is None else None,
        )
        gaps.refuse_gaps(path)
        sending = None if producer is None else _Sending(producer, address, patience, encode)
        await _publish(file, sending, summary, rejected, show, missing_days)
    return summary


async def import_calendar(
    path: Path,
    producer: Producer | None,
    choice: ColumnChoice | None = None,
    *,
    address: str = "the broker",
    recorded_at: datetime | None = None,
    rejects: Path | None = None,
    encoding: str = UTF8,
    delimiter: str | None = None,
    progress: Progress | None = None,
    patience: float = PATIENCE,
    source: str = SOURCE,
    check: Check | None = None,
) -> ImportSummary:
    """Publish a calendar's plans; without a producer, only check them.

    Raises as for sales, and whatever `check` raises, which is shown for whom the file's plans are
    and which drivers they name, before any is published.
    """
    show = progress or _unseen
    summary = ImportSummary(str(path), recorded_at or utc_now())
    with _timed(summary), RejectsFile(path, rejects) as rejected:
        file = survey(
            path,
            choice,
            choose=choose_calendar_layout,
            encoding=encoding,
            delimiter=delimiter,
            counted=lambda rows: show(CHECKING, rows, None),
        )
        if check is not None:
            await check(planned_scopes(file))
        sending = None
        if producer is not None:
            sending = _Sending(
                producer, address, patience, lambda frame, at: encode_plans(frame, source, at)
            )
        await _publish(file, sending, summary, rejected, show)
    return summary


@dataclass(frozen=True, slots=True)
class _Sending:
    """Where events go, for how long an absence is waited out, and what makes rows events."""

    producer: Producer
    address: str
    patience: float
    encode: Callable[[pd.DataFrame, datetime], list[Record]]

    async def send(self, frame: pd.DataFrame, summary: ImportSummary) -> None:
        records = self.encode(frame, summary.recorded_at)
        try:
            await send_patiently(self.producer, records, self.address, self.patience)
        except BrokerAway as error:
            raise BrokerAway(
                f"{error}; {summary.published:,} of {summary.rows:,} rows are published: "
                "import again, nothing doubles"
            ) from None
        summary.published += len(records)


async def _publish(
    file: SurveyedFile,
    sending: _Sending | None,
    summary: ImportSummary,
    rejected: RejectsFile,
    show: Progress,
    missing_days: MissingDays | None = None,
) -> None:
    """Send a surveyed file's good rows, list the others, and count them all."""
    summary.rows, summary.drivers = file.rows, file.drivers
    seen, done = DaysSeen(), 0
    show(PUBLISHING, 0, file.rows)
    for chunk in read_rows(file, seen, missing_days):
        rejected.write(chunk.rejected)
        if sending is not None:
            await sending.send(chunk.frame, summary)
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


@contextmanager
def _timed(summary: ImportSummary) -> Iterator[None]:
    started = time.monotonic()
    yield
    summary.seconds = time.monotonic() - started


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
