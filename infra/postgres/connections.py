"""Connections to Postgres, and transactions on them, over asyncpg."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg

CONNECTIONS = 4  # one function's


class Connections:
    """Connections that are opened when they are first used.

    So a process starts while the database is away.
    """

    def __init__(self, database_url: str, connections: int = CONNECTIONS) -> None:
        self.url, self._connections = database_url, connections
        self._opened: asyncpg.Pool | None = None
        self._opening = asyncio.Lock()

    async def pool(self) -> asyncpg.Pool:
        """Return the pool; the first call opens it."""
        async with self._opening:
            if self._opened is None:
                self._opened = await asyncpg.create_pool(
                    self.url,
                    min_size=0,
                    max_size=self._connections,
                    timeout=10,
                    reset=_nothing_to_reset,
                )
            return self._opened

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Any]:
        """Return a connection in a new transaction."""
        async with (await self.pool()).acquire() as connection, connection.transaction():
            yield connection

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[Any]:
        """Return a read-only transaction that sees one state of the database throughout."""
        async with (
            (await self.pool()).acquire() as connection,
            connection.transaction(isolation="repeatable_read", readonly=True),
        ):
            yield connection

    async def close(self) -> None:
        """Close every connection."""
        if self._opened is not None:
            await self._opened.close()
            self._opened = None

    async def ping(self) -> None:
        """One round trip."""
        await (await self.pool()).fetchval("SELECT 1", timeout=2)


async def _nothing_to_reset(_: Any) -> None:
    """Skip the reset of returned connections: no session state is ever set."""
