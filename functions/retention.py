"""How long data is kept, and the resulting limits at a given time. Pure."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal, get_args

from events.topics import DEAD_LETTERS, TOPICS

# In the order in which they are pruned: what refers to other rows goes before these.
Table = Literal[
    "forecasts",
    "model_versions",
    "training_results",
    "training_runs",
    "calendar",
    "daily_sales",
    "sales_removals",
    "removed_sales",
]
TABLES: tuple[Table, ...] = get_args(Table)

# Kafka deletes whole segments, and a segment of few records is a week long.
SEGMENT = timedelta(days=7)

# A sale that a removal has just held back may come again from the log, or be a dead letter for
# a year, be replayed, and then come again from the log. After that nobody can send it twice.
REMOVALS_KEPT = TOPICS[DEAD_LETTERS].retention + SEGMENT + TOPICS["sales"].retention + SEGMENT


@dataclass(frozen=True, slots=True)
class Retention:
    """What is kept: the newest versions of a series, and days. `sales_days` None: for ever."""

    versions: int = 10
    forecast_days: int = 90
    run_days: int = 365
    sales_days: int | None = None


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits before which data may be deleted.

    A model trained after `trained_before` stays, since its events are still on the log. A removal
    of sales is deleted if it has held back no sale since `removals_before`.
    """

    forecasts_before: date
    versions: int
    trained_before: datetime
    runs_before: datetime
    sales_before: date | None
    removals_before: datetime


def limits(retention: Retention, now: datetime) -> Limits:
    """Return the limits at a given time."""
    today = now.date()
    sales = retention.sales_days
    return Limits(
        forecasts_before=today - timedelta(days=retention.forecast_days),
        versions=retention.versions,
        trained_before=now - TOPICS["model-promotions"].retention - SEGMENT,
        runs_before=now - timedelta(days=retention.run_days),
        sales_before=None if sales is None else today - timedelta(days=sales),
        removals_before=now - REMOVALS_KEPT,
    )


@dataclass(frozen=True, slots=True)
class Pruned:
    """The result of a step: the rows deleted, and the series from which the next step goes on."""

    rows: int
    complete: bool
    at: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Prunable:
    """What would be deleted from a table, with its days and approximate size in bytes."""

    table: Table
    rows: int
    oldest: date | None = None
    newest: date | None = None
    bytes: int | None = None
