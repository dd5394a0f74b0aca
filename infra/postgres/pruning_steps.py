"""Delete expired rows, in the caller's transaction.

A step waits half a second at most for a row lock. The caller rolls a failed step
back and repeats it later.
"""

from collections.abc import Mapping
from typing import Any

import asyncpg

from functions.records import Series
from functions.retention import TABLES, Limits, Prunable, Pruned, Table
from infra.postgres.ended import count_ended_within
from infra.postgres.queries import pruning as queries
from infra.postgres.queries.registry import LOCK_MODELS

# Another transaction holds a lock or uses a row that should go: the step is repeated later.
HELD_UP = (
    asyncpg.LockNotAvailableError,
    asyncpg.DeadlockDetectedError,
    asyncpg.ForeignKeyViolationError,
)

# Pages of series, with the limit of each.
_PAGED: Mapping[Table, str] = {
    "forecasts": queries.PRUNE_FORECASTS,
    "model_versions": queries.PRUNE_MODELS,
    "calendar": queries.PRUNE_CALENDAR,
    "daily_sales": queries.PRUNE_SALES,
}


async def step(
    connection: Any, table: Table, limits: Limits, at: Series | None, most: int
) -> Pruned:
    """Delete up to `most` rows of a table; raises one of HELD_UP if it can't now."""
    await connection.execute(queries.STEP)
    await connection.execute(queries.LOCK_PRUNING)
    if table == "training_results":
        uncounted = (limits.runs_before, queries.MAX_RUNS)
        ended = await connection.fetch(queries.UNCOUNTED, *uncounted)
        await count_ended_within(connection, [row["run_id"] for row in ended])
        rows = await connection.fetchval(queries.PRUNE_RESULTS, limits.runs_before, most)
        return Pruned(rows, complete=rows == 0)
    if table == "training_runs":
        rows = await connection.fetchval(queries.PRUNE_RUNS, limits.runs_before, most)
        return Pruned(rows, complete=rows == 0)
    if table in queries.PRUNE_REMOVALS:
        await connection.execute(queries.LOCK_REMOVALS)
        statement = queries.PRUNE_REMOVALS[table]
        rows = await connection.fetchval(statement, limits.removals_before, most)
        return Pruned(rows, complete=rows < most)
    if (before := _before(table, limits)) is None:
        return Pruned(0, complete=True)
    values = [*(at or ("", "")), before, queries.MAX_SERIES, most]
    if table == "model_versions":
        # Nobody becomes champion meanwhile.
        await connection.execute(LOCK_MODELS)
        values.append(limits.versions)
    page = await connection.fetchrow(_PAGED[table], *values)
    if page["rows"] >= most:
        return Pruned(page["rows"], complete=False, at=at)
    if page["series"] < queries.MAX_SERIES:
        return Pruned(page["rows"], complete=True)
    return Pruned(page["rows"], complete=False, at=(page["store"], page["product"]))


def _before(table: Table, limits: Limits) -> Any:
    match table:
        case "forecasts":
            return limits.forecasts_before
        case "model_versions":
            return limits.trained_before
    return limits.sales_before


async def prunable(connection: Any, limits: Limits) -> list[Prunable]:
    """Count what would be deleted; one query for each table."""
    models = (limits.versions, limits.trained_before, limits.forecasts_before, limits.runs_before)
    asked: list[tuple[tuple[Table, ...], str, tuple[Any, ...]]] = [
        (("forecasts",), queries.PRUNABLE_FORECASTS, (limits.forecasts_before,)),
        (("model_versions", "training_runs"), queries.PRUNABLE_MODELS_AND_RUNS, models),
        (("training_results",), queries.PRUNABLE_RESULTS, (limits.runs_before,)),
        (("calendar",), queries.PRUNABLE_CALENDAR, (limits.sales_before,)),
        (("daily_sales",), queries.PRUNABLE_SALES, (limits.sales_before,)),
        *(((each,), query, (limits.removals_before,)) for each, query in queries.PRUNABLE_REMOVALS),
    ]
    found: dict[Table, Prunable] = {}
    for tables, statement, values in asked:
        rows = await connection.fetch(statement, *values)
        found |= {table: Prunable(table, *row) for table, row in zip(tables, rows, strict=True)}
    return [found[table] for table in TABLES]
