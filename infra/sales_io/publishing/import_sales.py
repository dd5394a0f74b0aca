"""Importing a file: each row becomes an event on the log, of a sale or of a plan.

An import is all or nothing: the whole file is judged before any of it is published, and more
rejected rows than were allowed publish nothing.

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
from infra.errors import BrokerAway
from infra.kafka.broker import PATIENCE, send_patiently
from infra.sales_io.checking.check import Ways, judge, refuse
from infra.sales_io.checking.rejections import Allowance
from infra.sales_io.checking.rejects_file import RejectsFile
from infra.sales_io.checking.rows import Duplicates, MissingDays, Returns
from infra.sales_io.checking.spool import Spool
from infra.sales_io.checking.survey import survey
from infra.sales_io.columns.layout import ColumnChoice, choose_calendar_layout
from infra.sales_io.publishing.event_records import encode_plans, encode_sales, import_id_of
from infra.sales_io.publishing.import_calendar import Scope, planned_scopes
from infra.sales_io.tables.encodings import UTF8

SOURCE = "/shelfcast/cli"
CHECKING, PUBLISHING = "checking", "publishing"
NONE_REJECTED = Allowance()

Progress = Callable[[str, int, int | None], None]  # phase, rows done, rows in all if known
Check = Callable[[Mapping[frozenset[str], Sequence[Scope]]], Awaitable[None]]


@dataclass(slots=True)
class ImportSummary:
    """What became of a file's rows. `filled` are days without a row that were added as zero.

    `published` counts events: accepted rows and filled days; 0 when the file was only checked,
    and when it was `refused`. `days_made` are days that one or several of the rows became, where
    they were summed or the last one counts; `returns` rows of less than nothing that were taken.
    `notes` say how the file was read where a person might not expect it.
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
    days_made: int | None = None
    returns: int = 0
    filled: int = 0
    refused: bool = False
    published: int = 0
    series: int = 0
    first_day: date | None = None
    last_day: date | None = None
    rejects_file: str | None = None
    rejected_fields: dict[str, int] = field(default_factory=dict)
    rejections: list[str] = field(default_factory=list)
    notes: tuple[str, ...] = ()
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
    duplicates: Duplicates | None = None,
    returns: Returns | None = None,
    allow_rejects: Allowance = NONE_REJECTED,
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
    `duplicates` and `returns` say what several rows of a day, and less than nothing, mean
    (`checking.rows.read_rows`). `most_series` publishes only the first so many series.

    Raises BadInput before anything is published when the file holds what nobody said the meaning
    of, or when it or the choice of columns can't be used; RowsRefused, too, before that when
    more rows are rejected than `allow_rejects`; and BrokerAway when the broker stays away for
    `patience` seconds.
    """
    chosen: set[tuple[str, str]] = set()

    def encode(frame: pd.DataFrame, recorded_at: datetime) -> list[Record]:
        if most_series is not None:
            frame = _first_series(frame, chosen, most_series)
        return encode_sales(frame, source, recorded_at, summary.import_id)

    show = progress or _unseen
    summary = ImportSummary(str(path), recorded_at or utc_now())
    if producer is not None:
        summary.import_id = import_id_of(path.name, summary.recorded_at)
    with _timed(summary), RejectsFile(path, rejects) as rejected, Spool() as spool:
        file = survey(
            path,
            choice,
            encoding=encoding,
            delimiter=delimiter,
            counted=lambda rows: show(CHECKING, rows, None),
        )
        ways = Ways(missing_days, duplicates, returns, asks=True)
        judge(file, ways, summary, rejected, spool if producer is not None else None, show)
        refuse(summary, allow_rejects)
        if producer is not None:
            await _publish(spool, _Sending(producer, address, patience, encode), summary, show)
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
    allow_rejects: Allowance = NONE_REJECTED,
) -> ImportSummary:
    """Publish a calendar's plans; without a producer, only check them.

    A plan that is said twice is one; what contradicts an earlier row is rejected. Raises as for
    sales, and whatever `check` raises, which is shown for whom the file's plans are and which
    drivers they name, before any is published.
    """
    show = progress or _unseen
    summary = ImportSummary(str(path), recorded_at or utc_now())
    with _timed(summary), RejectsFile(path, rejects) as rejected, Spool() as spool:
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
        judge(file, Ways(), summary, rejected, spool if producer is not None else None, show)
        refuse(summary, allow_rejects)
        if producer is not None:
            sending = _Sending(
                producer, address, patience, lambda frame, at: encode_plans(frame, source, at)
            )
            await _publish(spool, sending, summary, show)
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


async def _publish(spool: Spool, sending: _Sending, summary: ImportSummary, show: Progress) -> None:
    """Send what was kept."""
    total, done = (summary.days_made or summary.accepted) + summary.filled, 0
    show(PUBLISHING, 0, total)
    for frame in spool.frames():
        await sending.send(frame, summary)
        done += len(frame)
        show(PUBLISHING, done, total)


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
