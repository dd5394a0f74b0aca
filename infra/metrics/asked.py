"""Metrics that are queried from the database, Kafka and the functions.

Each part is asked on its own and waited for for a bounded time; one that does not answer takes its
metrics with it, and `shelfcast_part_up` says so. What takes longer, as of millions of series, is
returned once it is there. It is no older than `infra.metrics.kept` allows.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import asyncpg
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from events.clock import utc_today
from events.cluster import Cluster
from events.kafka_watch import LogWatch
from events.topics import DEAD_LETTERS, TOPICS
from functions.catalog import FUNCTIONS
from infra.metrics.catalog import ASKED
from infra.metrics.counts import name_of
from infra.metrics.kept import PATIENCE, Kept
from infra.outages import is_outage
from infra.postgres import watching

log = logging.getLogger(__name__)

# What reads every series: at 30 µs each, of 15 million.
MAX_STATEMENT = 450.0
WORKING = ("idle", "working")

Sample = tuple[str, tuple[str, ...], float]  # a metric's name, its labels' values, the value
Health = Callable[[], Awaitable[Mapping[str, Mapping[str, Any]]]]


class Asked:
    """Queries every part."""

    def __init__(self, database_url: str, cluster: Cluster, health: Health) -> None:
        self._database_url, self._health = database_url, health
        self._watch = LogWatch(cluster)
        self._pool: asyncpg.Pool | None = None
        self._parts = {
            "database": Kept(self._of_database),
            "freshness": Kept(self._of_freshness),
            "champions": Kept(self._of_champions),
            "log": Kept(self._of_log),
            "functions": Kept(self._of_functions),
        }

    async def text(self) -> bytes:
        """Return all samples in Prometheus's text format."""
        answers = await asyncio.gather(*(self._part(name) for name in self._parts))
        registry = CollectorRegistry()
        registry.register(_Given([sample for answer in answers for sample in answer]))
        return await asyncio.to_thread(generate_latest, registry)

    async def _part(self, name: str) -> list[Sample]:
        kept = self._parts[name]
        try:
            samples, up = await kept(), 1.0
        except Exception as error:
            if not is_outage(error):
                raise
            log.warning("metrics of the %s: no answer: %r", name, error)
            samples, up = [], 0.0
        return [
            *samples,
            ("shelfcast_part_up", (name,), up),
            ("shelfcast_part_seconds", (name,), kept.seconds),
        ]

    async def _row(self, statement: str, *values: object) -> Any:
        if self._pool is None:
            self._pool = await asyncpg.create_pool(
                self._database_url, min_size=0, max_size=len(self._parts), timeout=5
            )
        return await self._pool.fetchrow(statement, *values, timeout=MAX_STATEMENT)

    async def _of_database(self) -> list[Sample]:
        runs, own = await self._row(watching.RUNS), await self._row(watching.DATABASE)
        states = ("planned", "succeeded", "failed", "cancelled")
        return [
            ("shelfcast_runs_in_progress", (), runs["runs"]),
            *(("shelfcast_run_series", (state,), runs[state]) for state in states),
            ("shelfcast_run_silent_seconds", (), runs["silent"]),
            ("shelfcast_database_size_bytes", (), own["size"]),
            ("shelfcast_database_connections", (), own["connections"]),
        ]

    async def _of_freshness(self) -> list[Sample]:
        return fresh(await self._row(watching.FRESHNESS, utc_today()))

    async def _of_champions(self) -> list[Sample]:
        ages = (await self._row(watching.CHAMPIONS))["ages"] or [0.0] * len(watching.QUANTILES)
        return [
            ("shelfcast_champion_age_seconds", (f"{quantile:g}",), age)
            for quantile, age in zip(watching.QUANTILES, ages, strict=True)
        ]

    async def _of_log(self) -> list[Sample]:
        groups = {function.group: function.inputs for function in FUNCTIONS.values()}
        async with asyncio.timeout(PATIENCE):
            positions, extents = await self._watch.ask(groups, list(TOPICS))
        now = time.time() * 1000
        ages = dict.fromkeys(groups, 0.0)
        for position in positions:
            if position.oldest_ms is not None:
                age = max(0.0, now - position.oldest_ms) / 1000
                ages[position.group] = max(ages[position.group], age)
        return [
            *(
                ("shelfcast_consumer_lag_events", (name_of(each.group), each.topic), each.lag)
                for each in positions
            ),
            *(
                ("shelfcast_oldest_unprocessed_event_age_seconds", (name_of(group),), age)
                for group, age in ages.items()
            ),
            *(
                ("shelfcast_topic_records_total", (topic,), count)
                for topic, count in extents.taken.items()
            ),
            ("shelfcast_dead_letters_kept", (), extents.kept[DEAD_LETTERS]),
        ]

    async def _of_functions(self) -> list[Sample]:
        states = await self._health()
        return [
            ("shelfcast_function_up", (name,), float(states[name]["state"] in WORKING))
            for name in FUNCTIONS
            if name in states
        ]

    async def close(self) -> None:
        """Close the connections to the database and Kafka."""
        for kept in self._parts.values():
            await kept.close()
        await self._watch.close()
        if self._pool is not None:
            await self._pool.close()


def fresh(row: Mapping[str, int]) -> list[Sample]:
    """The samples of a row of `watching.FRESHNESS`."""
    return [
        ("shelfcast_series", (), row["series"]),
        ("shelfcast_series_with_sales", ("today",), row["through_today"]),
        ("shelfcast_series_with_sales", ("yesterday",), row["through_yesterday"]),
        ("shelfcast_series_with_forecast", ("tomorrow",), row["for_tomorrow"]),
        ("shelfcast_series_with_stale_forecast", (), row["stale"]),
    ]


class _Given(Collector):
    """Samples as families of the catalogue."""

    def __init__(self, samples: list[Sample]) -> None:
        self._samples = samples

    def collect(self) -> list[Metric]:
        families: dict[str, GaugeMetricFamily | CounterMetricFamily] = {}
        for name, labels, value in self._samples:
            metric = ASKED[name]
            if name not in families:
                kind = GaugeMetricFamily if metric.kind == "gauge" else CounterMetricFamily
                families[name] = kind(name, metric.help, labels=metric.labels)
            families[name].add_metric(labels, value)
        return list(families.values())
