"""Storage that caches forecasts until the database notifies that one changed.

A trigger (migration 0002) notifies `forecasts_changed` in every transaction that touches
forecasts or aliases, so the cache is current a moment after the commit.
Without a connection for notifications nothing is cached, and nothing for longer than
MAX_SECONDS seconds, which limits the effect of a connection that died unnoticed.
"""

import asyncio
import time
from dataclasses import dataclass, field
from typing import Any

import asyncpg

from functions.changes import Changes
from functions.records import Forecast, ForecastCounts, Series
from infra.postgres.connections import CONNECTIONS
from infra.postgres.storage import PostgresStorage

CHANNEL = "forecasts_changed"
MAX_SECONDS = 60.0  # seconds
MAX_FORECASTS = 10_000  # forecasts of a week, about 2 kB each
MAX_RUNS = 1000  # whose forecasts' counts are held
# Slow counts, for example of a million series, take this share of the time at most, however
# often they are requested: counts that took 2 s are cached for 40.
LONG_SECONDS = 0.25
SHARE = 0.05


@dataclass
class _Counted:
    counts: ForecastCounts | None = None
    until: float = 0.0
    counting: asyncio.Lock = field(default_factory=asyncio.Lock)


class CachingStorage(PostgresStorage):
    """Storage for the API, which reads forecasts often."""

    def __init__(self, database_url: str, connections: int = CONNECTIONS) -> None:
        super().__init__(database_url, connections)
        self._remembered: dict[Series, tuple[Forecast, float]] = {}
        self.changes = Changes()
        self._changed_times = 0
        self._listener: asyncpg.Connection | None = None
        self._connecting = asyncio.Lock()
        self._counted: dict[str, _Counted] = {}

    async def forecast(self, store: str, product: str) -> Forecast | None:
        """Return the cached forecast, or the stored one."""
        found, until = self._remembered.get((store, product), (None, 0.0))
        if found is not None and time.monotonic() < until:
            return found
        await self._listen()
        changes = self._changed_times
        found = await super().forecast(store, product)
        if found is not None and changes == self._changed_times:
            if len(self._remembered) >= MAX_FORECASTS:
                self._remembered.clear()
            self._remembered[store, product] = found, time.monotonic() + MAX_SECONDS
        return found

    async def _forecast_counts(self, run_id: str) -> ForecastCounts:
        """Count once for all concurrent callers, and cache the counts if that takes long."""
        if len(self._counted) >= MAX_RUNS:
            self._counted.clear()
        counted = self._counted.setdefault(run_id, _Counted())
        async with counted.counting:
            began = time.monotonic()
            if counted.counts is None or began >= counted.until:
                counted.counts = await super()._forecast_counts(run_id)
                took = time.monotonic() - began
                counted.until = began + (took / SHARE if took >= LONG_SECONDS else took)
            return counted.counts

    async def _listen(self) -> None:
        async with self._connecting:
            if self._listener is None:
                listener = await asyncpg.connect(self.url, timeout=10)
                listener.add_termination_listener(self._listener_lost)
                await listener.add_listener(CHANNEL, self._changed)
                self._listener = listener

    def _changed(self, *_: Any) -> None:
        self._changed_times += 1
        self._remembered.clear()
        self.changes.happened()

    def _listener_lost(self, _: Any) -> None:
        self._listener = None
        self._changed()

    async def close(self) -> None:
        """Close every connection."""
        if self._listener is not None:
            await self._listener.close()
        await super().close()
