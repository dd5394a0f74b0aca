"""Pruning in Postgres."""

import logging
from datetime import datetime

from functions.records import Series
from functions.retention import Limits, Prunable, Pruned, Table
from infra.postgres import pruning_steps
from infra.postgres.connections import Connections
from infra.postgres.ended import count_ended
from infra.postgres.queries import pruning as queries

log = logging.getLogger(__name__)


class PostgresPruning(Connections):
    """See `functions.ports.Pruning`."""

    async def overdue_runs(
        self, planned_before: datetime, failed_at: datetime, reason: str
    ) -> list[str]:
        """By the indices of what is planned and of what has failed."""
        asked = (planned_before, failed_at, reason)
        rows = await (await self.pool()).fetch(queries.OVERDUE_RUNS, *asked)
        return [row["run_id"] for row in rows]

    async def fail_planned(self, run_id: str, reason: str, at: datetime, most: int) -> int:
        """One statement."""
        asked = (run_id, reason, at, most)
        done = await (await self.pool()).execute(queries.FAIL_PLANNED, *asked)
        await count_ended(self, [run_id])
        return int(done.rpartition(" ")[2])  # as in "UPDATE 3"

    async def prune(
        self, table: Table, limits: Limits, at: Series | None, most: int
    ) -> Pruned | None:
        """One short transaction."""
        try:
            async with self.transaction() as connection:
                return await pruning_steps.step(connection, table, limits, at, most)
        except pruning_steps.HELD_UP as error:
            log.info("pruning of %s waits: %s", table, error)
            return None

    async def prunable(self, limits: Limits) -> list[Prunable]:
        """In one state of the database."""
        async with self.snapshot() as connection:
            return await pruning_steps.prunable(connection, limits)
