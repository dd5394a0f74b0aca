"""Deliveries of shards to trainers, in memory."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime

from functions.records import Series
from infra.memory.tables import Tables


class MemoryDeliveries(Tables):
    """See `functions.ports.Deliveries`."""

    async def settled_series(self, shards: Sequence[tuple[str, int]]) -> set[tuple[str, Series]]:
        """Scan all results."""
        return {
            (run, series)
            for (run, series), result in self.results.items()
            if (run, result.shard) in shards and result.state in ("succeeded", "cancelled")
        }

    @asynccontextmanager
    async def in_hand(self, run_id: str, shard: int) -> AsyncIterator[bool]:
        """A process that is gone has left this block, however it did."""
        alone = (run_id, shard) not in self.held
        self.held.add((run_id, shard))
        try:
            yield alone
        finally:
            if alone:
                self.held.remove((run_id, shard))

    async def hand_over(self, run_id: str, shard: int, at: datetime) -> int:
        """One more."""
        self.deliveries[run_id, shard] = self.deliveries.get((run_id, shard), 0) + 1
        return self.deliveries[run_id, shard]

    async def came_back(self, run_id: str, shard: int) -> None:
        """None is out."""
        if (run_id, shard) in self.deliveries:
            self.deliveries[run_id, shard] = 0

    async def fail_shard(self, run_id: str, shard: int, reason: str, at: datetime) -> None:
        """Successes of the shard stay."""
        for (run, _), result in self.results.items():
            if run == run_id and result.shard == shard:
                result.fail(reason, at)
        await self.came_back(run_id, shard)
