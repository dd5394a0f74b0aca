"""Every metric by name: what dashboards, rules and tests may refer to.

No label has the name of a store, product, run or process, so the number of time series depends on
the functions and topics alone, however much is sold and by however many replicas.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Kind = Literal["counter", "gauge", "histogram"]

# From the express lane's milliseconds to the longest batch of stock Prophet.
BATCH_SECONDS = (0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100, 300)
DELAY_SECONDS = (0.1, 0.3, 1, 3, 10, 30, 60, 300, 1800, 7200, 86400)
WAPE = (0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.75, 1, 2)


@dataclass(frozen=True)
class Metric:
    """One metric. The name of a counter ends in `_total`."""

    name: str
    kind: Kind
    help: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()

    @property
    def exposed(self) -> frozenset[str]:
        """The names that its samples have."""
        if self.kind == "histogram":
            return frozenset(f"{self.name}{part}" for part in ("_bucket", "_sum", "_count"))
        return frozenset([self.name])


def _by_name(metrics: Iterable[Metric]) -> dict[str, Metric]:
    return {metric.name: metric for metric in metrics}


# What each process counts, summed over the processes of a machine.
COUNTED = _by_name(
    [
        Metric(
            "shelfcast_events_in_total", "counter", "Records that a function is done with.",
            ("function",),
        ),
        Metric(
            "shelfcast_events_out_total", "counter", "Events that a function has published.",
            ("function",),
        ),
        Metric(
            "shelfcast_batch_seconds", "histogram",
            "Seconds from a batch's arrival to its committed offsets.", ("function",),
            BATCH_SECONDS,
        ),
        Metric(
            "shelfcast_retries_total", "counter",
            "Times that a function tried again: in an outage, after an error, or in halves.",
            ("function", "reason"),
        ),
        Metric(
            "shelfcast_dead_letters_total", "counter", "Dead letters that a function has sent.",
            ("function",),
        ),
        Metric(
            "shelfcast_backtest_wape_ratio", "histogram",
            "Error of new models in their backtests, as a share of what was sold.", (), WAPE,
        ),
        Metric(
            "shelfcast_ingestion_delay_seconds", "histogram",
            "Of each batch of sales or plans, the longest time from an event's ce_time to its row.",
            (), DELAY_SECONDS,
        ),
    ]
)  # fmt: skip

# What the database and the log know, asked for when Prometheus does.
ASKED = _by_name(
    [
        Metric(
            "shelfcast_consumer_lag_events", "gauge",
            "Records of a topic that a function has not committed.", ("function", "topic"),
        ),
        Metric(
            "shelfcast_oldest_unprocessed_event_age_seconds", "gauge",
            "Age of the oldest record that a function has not committed; 0: there is none.",
            ("function",),
        ),
        Metric(
            "shelfcast_topic_records_total", "counter", "Records that a topic ever took.",
            ("topic",),
        ),
        Metric(
            "shelfcast_dead_letters_kept", "gauge",
            "Records on the topic of dead letters; one that was replayed counts until compaction.",
        ),
        Metric("shelfcast_series", "gauge", "Series that have sales."),
        Metric(
            "shelfcast_series_with_sales", "gauge", "Series whose sales are known through a day.",
            ("through",),
        ),
        Metric(
            "shelfcast_series_with_forecast", "gauge", "Series with a served forecast for a day.",
            ("day",),
        ),
        Metric(
            "shelfcast_series_with_stale_forecast", "gauge",
            "Series whose served forecast is older than it should be.",
        ),
        Metric(
            "shelfcast_champion_age_seconds", "gauge",
            "Age of the champions by quantile; 1 is the oldest.", ("quantile",),
        ),
        Metric("shelfcast_runs_in_progress", "gauge", "Runs that have not ended."),
        Metric(
            "shelfcast_run_series", "gauge", "Series of the runs in progress, by their state.",
            ("state",),
        ),
        Metric(
            "shelfcast_run_silent_seconds", "gauge",
            "Longest time for which a run in progress has had no result; 0: none is in progress.",
        ),
        Metric("shelfcast_database_size_bytes", "gauge", "Size of the database."),
        Metric("shelfcast_database_connections", "gauge", "Connections to the database."),
        Metric(
            "shelfcast_function_up", "gauge", "Whether a function works, as /readyz tells it.",
            ("function",),
        ),
        Metric(
            "shelfcast_part_up", "gauge",
            "Whether a part answered: database, champions, log; without it its metrics are absent.",
            ("part",),
        ),
        Metric(
            "shelfcast_part_seconds", "gauge", "Seconds that asking a part took.", ("part",)
        ),
    ]
)  # fmt: skip

METRICS = COUNTED | ASKED
