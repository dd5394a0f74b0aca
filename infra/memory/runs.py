"""The state of runs, in memory."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from functions.records import (
    ALL_RUNS,
    MAX_FAILURES,
    REQUEST_FIELDS,
    Counts,
    Failure,
    ForecastCounts,
    Plan,
    Run,
    RunFilter,
    Series,
    Window,
)
from infra.memory.tables import Tables


class MemoryRuns(Tables):
    """See `functions.ports.Runs`."""

    async def runs(
        self, limit: int, after: tuple[datetime, str] | None = None, chosen: RunFilter = ALL_RUNS
    ) -> list[Run]:
        """Scan all of them."""
        plans = sorted(self.plans.values(), key=lambda p: p.run_id)
        plans.sort(key=lambda p: p.requested_at, reverse=True)
        runs = [
            replace(self._run(plan), failures=())
            for plan in plans
            if after is None or (after[0], plan.run_id) > (plan.requested_at, after[1])
            if chosen.requested_by in (None, plan.requested_by)
            if chosen.since is None or plan.requested_at >= chosen.since
            if chosen.before is None or plan.requested_at < chosen.before
        ]
        return [run for run in runs if chosen.state in (None, run.state)][:limit]

    async def run(self, run_id: str, failures: int = MAX_FAILURES) -> Run | None:
        """With the first of its failures, and its forecasts."""
        if (plan := self.plans.get(run_id)) is None:
            return None
        found = self._run(plan)
        found = replace(found, failures=found.failures[:failures])
        if found.counts.pending:
            return found
        return replace(found, forecasts=self._forecasts(plan, found.finished_at))

    def _forecasts(self, plan: Plan, finished_at: datetime | None) -> ForecastCounts:
        of_run = (series for run, series in self.results if run == plan.run_id)
        due = [series for series in of_run if (series, "champion") in self.aliases]
        served = [self.windows_served[series][1] for series in due if series in self.windows_served]
        current = [w for w in served if w.age >= (plan.requested_at, plan.run_id)]
        since = finished_at if len(current) < len(due) else None
        return ForecastCounts(len(due), len(current), since)

    def _run(self, plan: Plan) -> Run:
        counts = self.counts_of(plan.run_id)
        failures = sorted(
            (*series, result.error)
            for (run, series), result in self.results.items()
            if run == plan.run_id and result.error is not None
        )
        return Run(
            **{name: getattr(plan, name) for name in REQUEST_FIELDS},
            counts=counts,
            finished_at=None if counts.pending else self.finished_at(plan.run_id),
            failures=tuple(Failure(*failure) for failure in failures),
        )

    async def failures(self, run_id: str, after: Series | None, limit: int) -> list[Failure]:
        """In order."""
        failures = self._run(self.plans[run_id]).failures if run_id in self.plans else ()
        return [f for f in failures if after is None or (f.store, f.product) > after][:limit]

    async def counts(self, run_ids: Sequence[str]) -> dict[str, Counts]:
        """Counted from the results."""
        return {
            run: self.counts_of(run)
            for run in run_ids
            if run in self.plans and (self.results_of(run) or run in self.final_counts)
        }

    async def ended(self, run_ids: Sequence[str]) -> dict[str, Counts]:
        """Counted from the results."""
        known = [run for run in run_ids if run in self.plans]
        found = {
            run: self.counts_of(run)
            for run in known
            if self.results_of(run) or run in self.final_counts
        }
        return {run: counts for run, counts in found.items() if not counts.pending}

    async def windows(self, run_ids: Sequence[str]) -> dict[str, Window]:
        """From the plans."""
        plans = (self.plans[run_id] for run_id in run_ids if run_id in self.plans)
        return {p.run_id: Window(p.as_of, p.horizon, p.requested_at, p.run_id) for p in plans}
