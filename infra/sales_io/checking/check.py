"""Checks every row of a surveyed file before any is published, and fills in the summary."""

from datetime import date

from infra.errors import BadInput
from infra.sales_io.checking.days_seen import DaysSeen
from infra.sales_io.checking.import_summary import JUDGING, ImportSummary, Progress
from infra.sales_io.checking.questions import Answers, open_questions
from infra.sales_io.checking.rejections import Rejections
from infra.sales_io.checking.rejects_file import RejectsFile
from infra.sales_io.checking.rows import read_rows
from infra.sales_io.checking.spool import Spool
from infra.sales_io.checking.survey import SurveyedFile


def check_rows(
    file: SurveyedFile,
    answers: Answers,
    summary: ImportSummary,
    rejects: RejectsFile,
    spool: Spool | None,
    show: Progress,
    *,
    ask: bool,
) -> None:
    """Keep the good rows in the spool, list the others in the rejects file, count all of them.

    With `ask`, BadInput asks what the file leaves open and `answers` do not answer.
    """
    summary.rows, summary.drivers, summary.notes = file.rows, file.drivers, file.reading.notes
    seen, rejections, made, done = DaysSeen(), Rejections(), 0, 0
    rows = read_rows(
        file, seen, answers.missing_days, duplicates=answers.duplicates, returns=answers.returns
    )
    for chunk in rows:
        rejects.write(chunk.rejected)
        rejections.note(chunk)
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
    if ask and (asked := open_questions(rejections, seen, answers)):
        raise BadInput(f"{summary.file}: {asked}")
    if answers.duplicates in ("sum", "last"):
        summary.days_made = made
    summary.rejected = rejects.rows
    summary.rejections = rejections.lines()
    summary.rejects_file = str(rejects.path) if rejects.rows else None
    summary.series = seen.series_count()
    if (span := seen.span()) is not None:
        summary.first_day, summary.last_day = map(date.fromordinal, span)
