"""Runs as they are planned, cancelled and taken up again, in Postgres."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from itertools import groupby
from typing import Any

from functions.records import Plan, Series
from infra.postgres.columns import columns
from infra.postgres.connections import Connections
from infra.postgres.ended import count_ended
from infra.postgres.queries import plans as queries


class PostgresPlans(Connections):
    """See `functions.ports.Plans`."""

    async def plan(self, run_id: str) -> Plan | None:
        """The stored plan."""
        async with (await self.pool()).acquire() as connection:
            return await _plan(connection, run_id)

    async def save_or_coalesce(self, plan: Plan) -> Plan:
        """Store the plan unless there is one."""
        numbered = [(*s, n) for n, shard in enumerate(plan.shards) for s in shard]
        async with self.transaction() as connection:
            if plan.fingerprint:  # before the statement that looks for the run that waits with it
                await connection.execute(queries.LOCK_FINGERPRINT, plan.fingerprint)
            planned = await connection.fetch(
                queries.INSERT_OR_COALESCE_PLAN,
                plan.run_id,
                plan.requested_by,
                plan.requested_at,
                plan.reason,
                plan.store,
                plan.product,
                plan.strategy,
                plan.as_of,
                plan.horizon,
                plan.policy,
                plan.named,
                plan.failed_in,
                plan.older_than_days,
                plan.fingerprint or None,
                *columns(numbered, 3),
            )
            if planned:
                return replace(plan, shards=_shards(planned))
            stored = await _plan(connection, plan.run_id)
        assert stored is not None  # noqa: S101  # this transaction has just seen to it
        return stored

    async def shard(self, run_id: str, number: int) -> tuple[Series, ...]:
        """By the index of shards."""
        rows = await (await self.pool()).fetch(queries.SHARD, run_id, number)
        return tuple((row["store"], row["product"]) for row in rows)

    async def unfinished_shards(self, run_id: str, failed: bool) -> frozenset[int]:
        """By the index of shards."""
        rows = await (await self.pool()).fetch(queries.UNFINISHED_SHARDS, run_id, failed)
        return frozenset(row["shard"] for row in rows)

    async def failed_in(self, run_id: str) -> frozenset[Series] | None:
        """From the run's results."""
        pool = await self.pool()
        if not await pool.fetchval(queries.RUN_EXISTS, run_id):
            return None
        return frozenset(map(tuple, await pool.fetch(queries.FAILED_IN, run_id)))

    async def cancel(self, run_id: str, at: datetime) -> None:
        """One statement."""
        await (await self.pool()).execute(queries.CANCEL, run_id, at)
        await count_ended(self, [run_id])

    async def reopen(self, run_id: str, after: datetime, cause_id: str) -> Plan | None:
        """In one transaction."""
        async with self.transaction() as connection:
            waiting = await connection.fetch(queries.COALESCED_AFTER, run_id, after)
            if not waiting:
                reopened = await connection.fetchval(queries.REOPENED_BY, cause_id)
                return None if reopened is None else await _plan(connection, reopened)
            first, *others = (row["run_id"] for row in waiting)
            await connection.execute(queries.REOPEN, first, cause_id)
            await connection.execute(queries.COALESCE_OTHERS, others, first)
            await connection.execute(queries.COPY_PLANNED, run_id, first)
            return await _plan(connection, first)


async def _plan(connection: Any, run_id: str) -> Plan | None:
    run = await connection.fetchrow(queries.PLANNED_RUN, run_id)
    if run is None:
        return None
    rows = await connection.fetch(queries.PLANNED_SERIES, run_id)
    return Plan(
        run_id=run["run_id"],
        requested_by=run["requested_by"],
        requested_at=run["requested_at"],
        reason=run["reason"],
        store=run["store"],
        product=run["product"],
        strategy=run["strategy"],
        as_of=run["as_of"],
        horizon=run["horizon"],
        shards=_shards(rows),
        policy=run["policy"],
        named=run["named"],
        failed_in=run["failed_in"],
        older_than_days=run["older_than_days"],
        fingerprint=run["wish"] or "",
        coalesced_into=run["coalesced_into"],
    )


def _shards(rows: Sequence[Any]) -> tuple[tuple[Series, ...], ...]:
    """Rows in the order of their shards as these."""
    shards = groupby(rows, key=lambda row: row["shard"])
    return tuple(tuple((row["store"], row["product"]) for row in shard) for _, shard in shards)
