"""Deliveries of shards to trainers, in Postgres."""

import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from typing import Any

import asyncpg

from functions.records import Series
from infra.postgres.columns import columns
from infra.postgres.connections import Connections
from infra.postgres.ended import count_ended
from infra.postgres.queries import deliveries as queries

log = logging.getLogger(__name__)


class PostgresDeliveries(Connections):
    """See `functions.ports.Deliveries`."""

    async def settled_series(self, shards: Sequence[tuple[str, int]]) -> set[tuple[str, Series]]:
        """By the index of shards."""
        asked = columns(shards, 2)
        rows = await (await self.pool()).fetch(queries.SETTLED_SERIES, *asked)
        return {(row["run_id"], (row["store"], row["product"])) for row in rows}

    @asynccontextmanager
    async def in_hand(self, run_id: str, shard: int) -> AsyncIterator[bool]:
        """A lock of a session, on a connection that nothing else uses meanwhile."""
        async with (await self.pool()).acquire() as connection:
            alone = await connection.fetchval(queries.HOLD_SHARD, run_id, shard)
            try:
                yield alone
            finally:
                if alone:
                    await _let_go(connection, run_id, shard)

    async def hand_over(self, run_id: str, shard: int, at: datetime) -> int:
        """One statement, committed before anything is trained."""
        deliveries: int = await (await self.pool()).fetchval(queries.HAND_OVER, run_id, shard, at)
        return deliveries

    async def came_back(self, run_id: str, shard: int) -> None:
        """One statement."""
        await (await self.pool()).execute(queries.CAME_BACK, run_id, shard)

    async def fail_shard(self, run_id: str, shard: int, reason: str, at: datetime) -> None:
        """Successes of the shard stay."""
        async with self.transaction() as connection:
            await connection.execute(queries.FAIL_SHARD, run_id, shard, reason, at)
            await connection.execute(queries.CAME_BACK, run_id, shard)
        await count_ended(self, [run_id])


async def _let_go(connection: Any, run_id: str, shard: int) -> None:
    """Release a shard's lock; a lost connection has released it already."""
    try:
        await connection.execute(queries.LET_GO_OF_SHARD, run_id, shard)
    except BaseException as error:
        with suppress(asyncpg.InterfaceError):  # a lost connection has left the pool already
            connection.terminate()
        if not isinstance(error, (OSError, asyncpg.PostgresError, asyncpg.InterfaceError)):
            raise
        log.warning("the connection that held shard %d of %s is lost: %r", shard, run_id, error)
