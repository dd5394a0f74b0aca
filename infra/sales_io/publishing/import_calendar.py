"""Imports a calendar: each row becomes the event of a plan on the log, or none does."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path

import numpy as np
import pandas as pd

from events.clock import utc_now
from events.log import Producer
from infra.kafka.broker import PATIENCE
from infra.sales_io.checking.allowance import NONE, Allowance, refuse
from infra.sales_io.checking.check import check_rows
from infra.sales_io.checking.days_seen import DaysSeen
from infra.sales_io.checking.import_summary import CHECKING, ImportSummary, Progress
from infra.sales_io.checking.questions import Answers
from infra.sales_io.checking.rejects_file import RejectsFile
from infra.sales_io.checking.rows import read_rows
from infra.sales_io.checking.spool import Spool
from infra.sales_io.checking.survey import SurveyedFile, survey
from infra.sales_io.columns.layout import ColumnChoice, choose_calendar_layout
from infra.sales_io.publishing.event_records import FIXED, encode_plans
from infra.sales_io.publishing.sending import SOURCE, Sending, unseen
from infra.sales_io.tables.encodings import UTF8

Scope = tuple[str, str]  # store and product, '' for all
Check = Callable[[Mapping[frozenset[str], Sequence[Scope]]], Awaitable[None]]


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
    allow_rejects: Allowance = NONE,
) -> ImportSummary:
    """Publish a calendar's plans; without a producer, only check them.

    A row that equals an earlier one is left out; one that contradicts it is rejected. `check` is
    called before anything is published, with the scopes of the plans by the drivers that they
    name. Raises what `check` raises, and otherwise as `import_sales` does.
    """
    show = progress or unseen
    summary = ImportSummary(str(path), recorded_at or utc_now())
    with summary.timed(), RejectsFile(path, rejects) as rejected, Spool() as spool:
        file = survey(
            path,
            choice,
            choose=choose_calendar_layout,
            encoding=encoding,
            delimiter=delimiter,
            counted=lambda rows: show(CHECKING, rows, None),
        )
        if check is not None:
            await check(_planned_scopes(file))
        kept = spool if producer is not None else None
        check_rows(file, Answers(), summary, rejected, kept, show, ask=False)
        refuse(summary, allow_rejects)
        if producer is not None:
            sending = Sending(
                producer, address, patience, lambda frame, at: encode_plans(frame, source, at)
            )
            await sending.publish(spool, summary, show)
    return summary


def _planned_scopes(file: SurveyedFile) -> dict[frozenset[str], list[Scope]]:
    """The scopes of the file's good rows, by the drivers that have a value in one of their rows."""
    said: dict[Scope, set[str]] = {}
    for chunk in read_rows(file, DaysSeen(), None):
        drivers = [name for name in chunk.frame.columns if name not in FIXED]
        codes, scopes = pd.factorize(pd.MultiIndex.from_frame(chunk.frame[["store", "product"]]))
        given = np.zeros((len(scopes), len(drivers)), np.bool_)
        np.logical_or.at(given, codes, chunk.frame[drivers].notna().to_numpy())
        for (store, product), row in zip(scopes, given, strict=True):
            of_scope = said.setdefault((str(store), str(product)), set())
            of_scope.update(name for name, so in zip(drivers, row, strict=True) if so)
    found: dict[frozenset[str], list[Scope]] = {}
    for scope, names in said.items():
        found.setdefault(frozenset(names), []).append(scope)
    return found
