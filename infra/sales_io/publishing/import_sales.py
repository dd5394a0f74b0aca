"""Imports a file of sales: each row becomes an event on the log, or none does.

The whole file is checked before any row is published. If more rows are rejected than were
allowed, nothing is published.
"""

from datetime import datetime
from pathlib import Path

import pandas as pd

from events.clock import utc_now
from events.log import Producer, Record
from infra.kafka.broker import PATIENCE
from infra.sales_io.checking.allowance import NONE, Allowance, refuse
from infra.sales_io.checking.check import check_rows
from infra.sales_io.checking.import_summary import CHECKING, ImportSummary, Progress
from infra.sales_io.checking.questions import Answers
from infra.sales_io.checking.rejects_file import RejectsFile
from infra.sales_io.checking.rows import Duplicates, MissingDays, Returns
from infra.sales_io.checking.spool import Spool
from infra.sales_io.checking.survey import survey
from infra.sales_io.columns.layout import ColumnChoice
from infra.sales_io.publishing.event_records import encode_sales, import_id_of
from infra.sales_io.publishing.sending import SOURCE, Sending, unseen
from infra.sales_io.tables.encodings import UTF8


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
    allow_rejects: Allowance = NONE,
    rejects: Path | None = None,
    encoding: str = UTF8,
    delimiter: str | None = None,
    progress: Progress | None = None,
    patience: float = PATIENCE,
    source: str = SOURCE,
    most_series: int | None = None,
) -> ImportSummary:
    """Publish a file's sales; without a producer, only check them.

    `missing_days`, `duplicates` and `returns` are explained in `checking.rows.read_rows`; what the
    file leaves open and they do not answer is asked. With `most_series`, only the sales of the
    first `most_series` series are published.

    Before anything is published, raises BadInput for a question, or if the file or the choice of
    columns can't be used, and RowsRefused if more rows are rejected than `allow_rejects`. Raises
    BrokerAway if the broker stays away for `patience` seconds.
    """
    chosen: set[tuple[str, str]] = set()

    def encode(frame: pd.DataFrame, recorded_at: datetime) -> list[Record]:
        if most_series is not None:
            frame = _first_series(frame, chosen, most_series)
        return encode_sales(frame, source, recorded_at, summary.import_id)

    show = progress or unseen
    summary = ImportSummary(str(path), recorded_at or utc_now())
    if producer is not None:
        summary.import_id = import_id_of(path.name, summary.recorded_at)
    with summary.timed(), RejectsFile(path, rejects) as rejected, Spool() as spool:
        file = survey(
            path,
            choice,
            encoding=encoding,
            delimiter=delimiter,
            counted=lambda rows: show(CHECKING, rows, None),
        )
        answers = Answers(missing_days, duplicates, returns)
        kept = spool if producer is not None else None
        check_rows(file, answers, summary, rejected, kept, show, ask=True)
        refuse(summary, allow_rejects)
        if producer is not None:
            await Sending(producer, address, patience, encode).publish(spool, summary, show)
    return summary


def _first_series(frame: pd.DataFrame, chosen: set[tuple[str, str]], most: int) -> pd.DataFrame:
    """The rows of chosen series, after choosing more of them until there are `most`."""
    series = pd.MultiIndex.from_frame(frame[["store", "product"]])
    for key in series.unique():
        if len(chosen) == most:
            break
        chosen.add(key)
    return frame[series.isin(chosen)]
