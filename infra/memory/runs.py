"""The state of runs, in memory."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from functions.records import (
    MAX_FAILURES,
    Counts,
    Failure,
    ForecastCounts,
    Plan,
    Run,
    Series,
    Window,
)
from infra.memory.tables import Tables


class MemoryRuns(Tables):
    """See `functions.ports.Runs`."""

    async def runs(self, limit: int) -> list[Run]:
        """Newest first."""
        plans = sorted(self.plans.values(), key=lambda p: p.run_id)
        plans.sort(key=lambda p: p.requested_at, reverse=True)
        return [replace(self._run(plan), failures=()) for plan in plans[:limit]]

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
            run_id=plan.run_id,
            requested_by=plan.requested_by,
            requested_at=plan.requested_at,
            reason=plan.reason,
            store=plan.store,
            product=plan.product,
            strategy=plan.strategy,
            as_of=plan.as_of,
            horizon=plan.horizon,
            counts=counts,
            finished_at=None if counts.pending else self.finished_at(plan.run_id),
            failures=tuple(Failure(*failure) for failure in failures),
            policy=plan.policy,
            named=plan.named,
            failed_in=plan.failed_in,
            older_than_days=plan.older_than_days,
            coalesced_into=plan.coalesced_into,
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
