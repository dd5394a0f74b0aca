"""Runs as they are planned, cancelled and taken up again, in memory."""

from dataclasses import replace
from datetime import datetime

from events.clock import utc_now
from functions.records import Plan, Series
from infra.memory.tables import Result, Tables


class MemoryPlans(Tables):
    """See `functions.ports.Plans`."""

    async def plan(self, run_id: str) -> Plan | None:
        """The stored plan."""
        return self.plans.get(run_id)

    async def save_or_coalesce(self, plan: Plan) -> Plan:
        """Store the plan unless there is one."""
        if plan.run_id not in self.plans:
            if (waiting := self._waiting(plan.fingerprint)) is not None:
                plan = replace(plan, shards=(), coalesced_into=waiting)
            self.plans[plan.run_id] = plan
            self.planned_at[plan.run_id] = utc_now()
            for number, shard in enumerate(plan.shards):
                for series in shard:
                    self.results[plan.run_id, series] = Result(number)
        return self.plans[plan.run_id]

    def _waiting(self, fingerprint: str) -> str | None:
        waiting = [
            (plan.requested_at, plan.run_id)
            for plan in self.plans.values()
            if fingerprint and plan.fingerprint == fingerprint
            if {result.state for result in self.results_of(plan.run_id)} == {"planned"}
            and all(run_id != plan.run_id for run_id, _ in self.deliveries)
        ]
        return min(waiting)[1] if waiting else None

    async def shard(self, run_id: str, number: int) -> tuple[Series, ...]:
        """Scan all results."""
        found = self.results.items()
        return tuple(sorted(s for (r, s), at in found if (r, at.shard) == (run_id, number)))

    async def unfinished_shards(self, run_id: str, failed: bool) -> frozenset[int]:
        """From the results."""
        states = ("planned", "failed") if failed else ("planned",)
        return frozenset(r.shard for r in self.results_of(run_id) if r.state in states)

    async def failed_in(self, run_id: str) -> frozenset[Series] | None:
        """Scan all results."""
        if (plan := self.plans.get(run_id)) is None:
            return None
        run = plan.coalesced_into or run_id
        return frozenset(
            s for (r, s), at in self.results.items() if (r, at.state) == (run, "failed")
        )

    async def cancel(self, run_id: str, at: datetime) -> None:
        """What has a result keeps it."""
        for result in self.results_of(run_id):
            if result.state == "planned":
                result.state, result.finished_at = "cancelled", at

    async def reopen(self, run_id: str, after: datetime, cause_id: str) -> Plan | None:
        """The first becomes a run, the others wait for it."""
        waiting = sorted(
            (plan.requested_at, plan.run_id)
            for plan in self.plans.values()
            if plan.coalesced_into == run_id and plan.requested_at > after
        )
        if not waiting:
            known = self.reopened.get(cause_id)
            return None if known is None else self.plans[known]
        first, *others = (run for _, run in waiting)
        shards = self.plans[run_id].shards
        self.plans[first] = replace(self.plans[first], shards=shards, coalesced_into=None)
        for other in others:
            self.plans[other] = replace(self.plans[other], coalesced_into=first)
        for number, shard in enumerate(shards):
            self.results |= {(first, series): Result(number) for series in shard}
        self.reopened[cause_id] = first
        return self.plans[first]
