"""The state of runs, in Postgres."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from functions.records import (
    ALL_RUNS,
    MAX_FAILURES,
    REQUEST_FIELDS,
    Counts,
    Failure,
    ForecastCounts,
    Run,
    RunFilter,
    Series,
    Window,
)
from infra.postgres.connections import Connections
from infra.postgres.queries import runs as queries


class PostgresRuns(Connections):
    """See `functions.ports.Runs`."""

    async def runs(
        self, limit: int, after: tuple[datetime, str] | None = None, chosen: RunFilter = ALL_RUNS
    ) -> list[Run]:
        """With their counts."""
        chosen_by = (chosen.state, chosen.requested_by, chosen.since, chosen.before)
        values = (limit, *(after or (None, None)), *chosen_by)
        return [_run(row) for row in await (await self.pool()).fetch(queries.RUNS, *values)]

    async def run(self, run_id: str, failures: int = MAX_FAILURES) -> Run | None:
        """With the first of its failures."""
        if (row := await (await self.pool()).fetchrow(queries.RUN, run_id)) is None:
            return None
        run = _run(row, tuple(await self.failures(run_id, None, failures)))
        if run.counts.pending:
            return run
        forecasts = await self._forecast_counts(run_id)
        since = run.finished_at if forecasts.stale else None
        return replace(run, forecasts=replace(forecasts, stale_since=since))

    async def _forecast_counts(self, run_id: str) -> ForecastCounts:
        """Counted from what is served."""
        counts = await (await self.pool()).fetchrow(queries.FORECAST_COUNTS, run_id)
        return ForecastCounts(**counts)

    async def failures(self, run_id: str, after: Series | None, limit: int) -> list[Failure]:
        """By an index of what failed."""
        store, product = after or ("", "")
        pool = await self.pool()
        rows = await pool.fetch(queries.FAILURES, run_id, store, product, limit)
        return [Failure(*row) for row in rows]

    async def counts(self, run_ids: Sequence[str]) -> dict[str, Counts]:
        """Counted from the results."""
        rows = await (await self.pool()).fetch(queries.COUNTS, list(run_ids))
        return {row["run_id"]: _counts(row) for row in rows}

    async def ended(self, run_ids: Sequence[str]) -> dict[str, Counts]:
        """As they were counted when the last result came in."""
        rows = await (await self.pool()).fetch(queries.ENDED, list(run_ids))
        return {row["run_id"]: _counts(row) for row in rows}

    async def windows(self, run_ids: Sequence[str]) -> dict[str, Window]:
        """From the runs."""
        rows = await (await self.pool()).fetch(queries.WINDOWS, list(run_ids))
        return {
            r["run_id"]: Window(r["as_of"], r["horizon"], r["requested_at"], r["run_id"])
            for r in rows
        }


def _run(row: Any, failures: tuple[Failure, ...] = ()) -> Run:
    counts = _counts(row)
    return Run(
        **{name: row[name] for name in REQUEST_FIELDS},
        counts=counts,
        finished_at=None if counts.pending else row["finished_at"],
        failures=failures,
    )


def _counts(row: Any) -> Counts:
    return Counts(row["planned"], row["succeeded"], row["failed"], row["cancelled"])
