"""What readers notice of a pruning: the latency of a forecast's query before it and meanwhile.

A Postgres of its own is filled with the forecasts of a year, a week's by each model; then those of
the first weeks go, with their models and runs, by the pruner as it works at night, while others
read. No API and no Kafka: the query is what `GET /forecasts/…` waits for when it does not remember
the answer.
"""

import argparse
import asyncio
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import asyncpg
import numpy as np

from events.envelope import first_event
from events.payloads import PruneRequested
from functions.pruner import Pruner
from functions.retention import Retention, limits
from infra.local import stack
from infra.postgres.migrate import migrate
from infra.postgres.storage import PostgresStorage
from tests.benchmarks.report import report
from tests.benchmarks.system import console

KEYS = (
    *("forecasts", "pruned", "as_told", "complete", "dry_run_seconds", "seconds", "rows_per_s"),
    *("before_p99_ms", "meanwhile_p99_ms", "ratio", "bytes_before", "rows_after", "bytes_after"),
)
WEEKS = 50  # of models, each with seven days of forecasts
READERS = 2
GOING = 7  # weeks: a seventh of the rows
DAYS = (WEEKS - GOING) * 7
KEPT = Retention(versions=10, forecast_days=DAYS, run_days=DAYS)
NOW = datetime(2016, 1, 1, 3, tzinfo=UTC)

FILL = (
    """
INSERT INTO training_runs
    (run_id, requested_by, requested_at, reason, strategy, as_of, horizon, planned_at)
SELECT 'run-' || week, 'benchmark', at, '', 'windowed', at::date, 7, at
FROM generate_series(1, $2) AS week,
     LATERAL (SELECT $3::timestamptz - ($2 - week) * interval '7 days' AS at) AS t
WHERE $1 > 0
""",
    """
INSERT INTO model_versions (model_id, store, product, version, run_id, strategy, policy, as_of,
    horizon, first_day, data_through, rows, metrics, parameters, versions, trained_at)
SELECT run_id || ':' || n, (n % 100)::text, 'product-' || n,
    row_number() OVER (PARTITION BY n ORDER BY as_of), run_id, 'windowed', 'always', as_of, 7,
    as_of - 100, as_of - 1, 100, '{}',
    jsonb_build_object('delta', array_fill(0.125::float8, ARRAY[25])), '{}', requested_at
FROM training_runs, generate_series(1, $1) AS n WHERE $2 > 0 AND $3::timestamptz IS NOT NULL
""",
    """
INSERT INTO training_results (run_id, store, product, shard, state, model_id, finished_at)
SELECT run_id, store, product, 0, 'succeeded', model_id, trained_at FROM model_versions
WHERE $1 > 0 AND $2 > 0 AND $3::timestamptz IS NOT NULL
""",
    """
INSERT INTO model_aliases
SELECT store, product, CASE version WHEN $2 THEN 'champion' ELSE 'previous' END, model_id
FROM model_versions WHERE version >= $2 - 1 AND $1 > 0 AND $3::timestamptz IS NOT NULL
""",
    """
INSERT INTO alias_history (store, product, cause_id, alias, model_id, previous_model_id,
    forecast_from, changed_by, reason)
SELECT store, product, model_id, 'champion', model_id, NULL, as_of, 'registry', ''
FROM model_versions WHERE $1 > 0 AND $2 > 0 AND $3::timestamptz IS NOT NULL ORDER BY as_of
""",
    """
INSERT INTO served_forecasts
    (store, product, model_id, first_day, horizon, requested_at, request_id)
SELECT store, product, model_id, as_of, 7, trained_at, run_id
FROM model_versions WHERE version = $2 AND $1 > 0 AND $3::timestamptz IS NOT NULL
""",
    """
INSERT INTO forecasts (store, product, date, model_id, yhat, yhat_lower, yhat_upper)
SELECT store, product, as_of + day, model_id, 5, 4, 6
FROM model_versions, generate_series(0, 6) AS day
WHERE $1 > 0 AND $2 > 0 AND $3::timestamptz IS NOT NULL ORDER BY as_of, store, product
""",
)


# The coming weeks, by the models of the first that are left.
REFILL = """
INSERT INTO forecasts (store, product, date, model_id, yhat, yhat_lower, yhat_upper)
SELECT model.store, model.product, day.date + 7 * $1::integer, model_id, 5, 4, 6
FROM model_versions AS model JOIN forecasts AS day USING (model_id)
WHERE model.version <= 2 * $1
"""


async def fill(connection: Any, series: int) -> None:
    """Models and forecasts of each week, the newest of a week before NOW."""
    for statement in FILL:
        await connection.execute(statement, series, WEEKS, NOW - timedelta(days=3))
    await connection.execute("VACUUM ANALYZE")
    await connection.execute("CHECKPOINT")


@asynccontextmanager
async def reading(url: str, series: int) -> AsyncIterator[list[float]]:
    """Readers that ask for one forecast after the other; seconds that each took."""
    took: list[float] = []
    storage = PostgresStorage(url, READERS)

    async def read(seed: int) -> None:
        chance = Random(seed)  # noqa: S311  # which series is asked for is no secret
        while True:
            n = chance.randint(1, series)
            began = time.perf_counter()
            found = await storage.forecast(str(n % 100), f"product-{n}")
            took.append(time.perf_counter() - began)
            if found is None or len(found.days) != 7:
                raise RuntimeError(f"series {n}: a forecast of 7 days was served, now {found}")
            await asyncio.sleep(0.002)

    tasks = [asyncio.create_task(read(seed)) for seed in range(READERS)]
    yield took
    for task in tasks:
        task.cancel()
    for result in await asyncio.gather(*tasks, return_exceptions=True):
        if not isinstance(result, asyncio.CancelledError):
            raise RuntimeError("a reader failed") from result  # type: ignore[misc]  # an exception, since it never returns
    await storage.close()


async def measure(url: str, rows: int, seconds: float) -> dict[str, Any]:
    """Fill, read, prune and read, and what was left of it."""
    series = max(rows // (WEEKS * 7), 10)
    connection = await asyncpg.connect(url)
    console.print(f"filling in {series * WEEKS * 7:,} rows of forecasts …")
    await fill(connection, series)
    size = await connection.fetchval("SELECT pg_total_relation_size('forecasts')")
    storage = PostgresStorage(url)
    pruner = Pruner(
        storage, KEPT, clock=lambda: NOW + timedelta(seconds=time.perf_counter() - start)
    )
    start = time.perf_counter()
    console.print("reading …")
    async with reading(url, series) as warm:
        await asyncio.sleep(seconds / 2)
    async with reading(url, series) as before:
        await asyncio.sleep(seconds)
    start = time.perf_counter()
    told = {each.table: each.rows for each in await storage.prunable(limits(KEPT, NOW))}
    dry_run = time.perf_counter() - start
    request = first_event(PruneRequested(requested_by="benchmark"), "benchmark", time=NOW)
    console.print("reading and pruning …")
    start = time.perf_counter()
    async with reading(url, series) as meanwhile:
        [done] = await pruner([request])
    took = time.perf_counter() - start
    again = time.perf_counter()
    start = again
    await pruner([request])
    nothing = time.perf_counter() - again
    console.print("as many rows take the place of those that went …")
    await connection.execute("VACUUM forecasts")  # as autovacuum does by and by
    await connection.execute(REFILL, GOING)
    data: Any = done.data
    left = await connection.fetchval("SELECT count(*) FROM forecasts")
    grown = await connection.fetchval("SELECT pg_total_relation_size('forecasts')")
    await storage.close()
    await connection.close()
    return {
        "forecasts": series * WEEKS * 7,
        "pruned": dict(data.rows),
        "as_told": dict(data.rows) == told,
        "complete": data.complete,
        "dry_run_seconds": dry_run,
        "seconds": took,
        "rows_per_s": sum(data.rows.values()) / took,
        "seconds_when_nothing_goes": nothing,
        "reads": {"warm": len(warm), "before": len(before), "meanwhile": len(meanwhile)},
        **_latency("before", before),
        **_latency("meanwhile", meanwhile),
        "ratio_p50": float(np.median(meanwhile) / np.median(before)),
        "ratio": float(np.percentile(meanwhile, 99) / np.percentile(before, 99)),
        "bytes_before": size,
        "rows_after": left,
        "bytes_after": grown,
    }


def _latency(name: str, took: list[float]) -> dict[str, float]:
    return {f"{name}_p{p}_ms": float(np.percentile(took, p) * 1000) for p in (50, 99, 100)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000_000, help="of forecasts; 7,000 is quick")
    parser.add_argument("--seconds", type=float, default=20, help="of reading before the pruning")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="shelfcast-bench-") as folder,
        stack.running(Path(folder), ("postgres",)) as settings,
    ):
        migrate(settings.database)
        result = asyncio.run(measure(settings.database, options.rows, options.seconds))
    report("pruning while others read", result, options.json)


if __name__ == "__main__":
    main()
