"""Judging a whole file before any of it is published: what is kept, asked, rejected, refused."""

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from infra.errors import BadInput, RowsRefused
from infra.sales_io.checking.days_seen import DaysSeen
from infra.sales_io.checking.rejections import Allowance, Verdict, reasons
from infra.sales_io.checking.rejects_file import RejectsFile
from infra.sales_io.checking.rows import Duplicates, MissingDays, Returns, read_rows
from infra.sales_io.checking.spool import Spool
from infra.sales_io.checking.survey import SurveyedFile

if TYPE_CHECKING:
    from infra.sales_io.publishing.import_sales import ImportSummary, Progress

JUDGING = "judging"


@dataclass(frozen=True, slots=True)
class Ways:
    """What a person said that rows mean; `asks` where they have to."""

    missing_days: MissingDays | None = None
    duplicates: Duplicates | None = None
    returns: Returns | None = None
    asks: bool = False


def judge(
    file: SurveyedFile,
    ways: Ways,
    summary: "ImportSummary",
    rejected: RejectsFile,
    spool: Spool | None,
    show: "Progress",
) -> None:
    """Judge every row of a surveyed file: keep the good ones, list the others, count them all.

    BadInput asks what the rows mean where nobody said it.
    """
    summary.rows, summary.drivers, summary.notes = file.rows, file.drivers, file.reading.notes
    seen, verdict, made, done = DaysSeen(), Verdict(), 0, 0
    rows = read_rows(
        file, seen, ways.missing_days, duplicates=ways.duplicates, returns=ways.returns
    )
    for chunk in rows:
        rejected.write(chunk.rejected)
        verdict.note(chunk)
        if spool is not None:
            spool.write(chunk.frame)
        for row in chunk.rejected:
            fields = summary.rejected_fields
            fields[row.field] = fields.get(row.field, 0) + 1
        summary.repeated += chunk.repeated
        summary.accepted += chunk.accepted
        summary.filled += chunk.filled
        summary.returns += chunk.returns
        made += len(chunk.frame) - chunk.filled
        done += chunk.accepted + len(chunk.rejected) + chunk.repeated
        show(JUDGING, done + summary.filled, file.rows + summary.filled)
    if ways.asks:
        asked = verdict.questions(seen, ways.missing_days, ways.duplicates, ways.returns)
        if asked:
            raise BadInput(f"{summary.file}: {asked}")
    if ways.duplicates in ("sum", "last"):
        summary.days_made = made
    summary.rejected = rejected.rows
    summary.rejections = reasons(verdict.rejections.values())
    summary.rejects_file = str(rejected.path) if rejected.rows else None
    summary.series = seen.series_count()
    if (span := seen.span()) is not None:
        summary.first_day, summary.last_day = map(date.fromordinal, span)


def refuse(summary: "ImportSummary", allowed: Allowance) -> None:
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
