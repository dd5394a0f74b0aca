"""The pruner: prune-requested in; prune-completed, and the end of runs that were given up, out.

It works in steps of bounded size, one transaction each, and pauses after each step for as long as
it took, so it uses at most half of the database. It never deletes a champion, its predecessor, a
challenger, a served day or the alias history. Steps are idempotent and safe to run in parallel,
so a redelivery continues where the first one died; its event then counts only its own rows.

A series without a result can't be trained once the log has dropped its shard: it fails, with a
reason that says what to do, so every run ends and no request waits for a dead one.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from events.clock import utc_now
from events.envelope import Event, of_type
from events.payloads import Payload, PruneCompleted, PruneRequested
from events.topics import TOPICS
from functions.completion import completion
from functions.ports import Pruning, Runs
from functions.retention import TABLES, Limits, Retention, Table, limits

SOURCE = "shelfcast/pruner"
MAX_ROWS = 10_000  # of a step: a tenth of a second of deletes
MAX_TIME = timedelta(minutes=30)  # of a pruning; a host takes a batch of an hour for stalled
BUSY_SECONDS = 1.0  # until a step is tried again that others did not let in

SHARDS_KEPT = TOPICS["training-shards"].retention
GIVEN_UP = (
    f"given up: not trained within {SHARDS_KEPT.days} days of being planned, and for longer its "
    "shard is not on the log; ask for it again, as with POST /retrain and failed_in of this run"
)


class PrunerStorage(Pruning, Runs, Protocol):
    """The ports that the pruner uses."""


class Pruner:
    """Prune by `retention`, for at most MAX_TIME; `pause` sleeps between steps."""

    def __init__(
        self,
        storage: PrunerStorage,
        retention: Retention | None = None,
        clock: Callable[[], datetime] = utc_now,
        pause: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self._storage, self._retention = storage, retention or Retention()
        self._clock, self._pause = clock, pause

    async def __call__(self, events: Sequence[Event[Payload]]) -> list[Event[Payload]]:
        """Return, for each request, the end of each run given up, and the deleted rows."""
        requests = of_type(events, PruneRequested)
        if not requests:
            return []
        outputs: list[Event[Payload]] = []
        given_up = {}
        for request in requests:
            given_up[request.id], ended = await self._give_up(request)
            outputs += ended
        now = self._clock()
        # A request from the future would let go of what is to be kept.
        at = min(now, max(request.time for request in requests))
        rows, complete = await self._prune(limits(self._retention, at), until=now + MAX_TIME)
        for request in requests:
            done = PruneCompleted(rows=rows, given_up=given_up[request.id], complete=complete)
            outputs.append(request.effect(done, SOURCE, self._clock))
        return outputs

    async def _give_up(self, request: Event[PruneRequested]) -> tuple[int, list[Event[Payload]]]:
        """How many series fail, and the end of their runs; said again when asked again."""
        at = min(self._clock(), request.time)
        runs = await self._storage.overdue_runs(at - SHARDS_KEPT, at, GIVEN_UP)
        series = 0
        for run_id in runs:
            while failed := await self._storage.fail_planned(run_id, GIVEN_UP, at, MAX_ROWS):
                series += failed
        return series, [
            completion(request, run_id, counts, SOURCE, self._clock)
            for run_id, counts in (await self._storage.counts(runs)).items()
            if not counts.pending
        ]

    async def _prune(self, to: Limits, until: datetime) -> tuple[dict[str, int], bool]:
        """Rows that went, by table, and whether all did that may go."""
        rows: dict[str, int] = {}
        for table in TABLES:
            rows[table], complete = await self._prune_table(table, to, until)
            if not complete:
                return rows, False
        return rows, True

    async def _prune_table(self, table: Table, to: Limits, until: datetime) -> tuple[int, bool]:
        rows, at = 0, None
        while (began := self._clock()) < until:
            step = await self._storage.prune(table, to, at, MAX_ROWS)
            if step is None:
                await self._pause(BUSY_SECONDS)
                continue
            rows, at = rows + step.rows, step.at
            if step.complete:
                return rows, True
            await self._pause(max((self._clock() - began).total_seconds(), 0.0))
        return rows, False
