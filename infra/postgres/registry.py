"""A transaction of the registry, in Postgres."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import date, datetime
from typing import Any

from events.envelope import Event
from events.payloads import ModelTrained, TrainingFailed
from functions.records import AliasChange, Candidate, Series, Verdict
from infra.postgres.columns import as_json, columns
from infra.postgres.connections import Connections
from infra.postgres.ended import count_ended
from infra.postgres.queries import registry as queries
from infra.postgres.queries.sales import SCOPE_NAMED

# Of a transaction. Postgres has room for 64 locks of each connection that it allows, whoever takes
# them (max_locks_per_transaction): of the usual 100, for half a dozen such writers.
MAX_HELD = 1000


class PostgresRegistry(Connections):
    """See `functions.ports.RegistryStorage`."""

    @asynccontextmanager
    async def registry(self, hold: Sequence[Series] | None) -> AsyncIterator["PostgresRegistryTx"]:
        """By locks that end with the transaction."""
        async with self.transaction() as connection:
            await _hold(connection, hold)
            tx = PostgresRegistryTx(connection)
            yield tx
        if tx.run_ids:
            await count_ended(self, tx.run_ids)


class PostgresRegistryTx:
    """See `functions.ports.RegistryTx`. `run_ids` are those of which results were stored."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self.run_ids: list[str] = []

    async def unknown(self, models: Sequence[tuple[str, str]]) -> dict[str, datetime | None]:
        """By the ids of models that are kept, and of those kept no longer."""
        rows = await self._connection.fetch(queries.NEW_MODELS, *columns(models, 2))
        return {row["model_id"]: row["requested_at"] for row in rows}

    async def holders(self, series: Sequence[Series]) -> dict[Series, dict[str, Candidate]]:
        """By series."""
        held: dict[Series, dict[str, Candidate]] = {}
        for row in await self._connection.fetch(queries.HOLDERS, *columns(series, 2)):
            held.setdefault((row["store"], row["product"]), {})[row["alias"]] = _candidate(row)
        return held

    async def candidates_of(self, run_id: str) -> dict[Series, Candidate]:
        """By run."""
        rows = await self._connection.fetch(queries.CANDIDATES_OF_RUN, run_id)
        return {(row["store"], row["product"]): _candidate(row) for row in rows}

    async def candidate(
        self, series: Series, version: int | None, model_id: str | None
    ) -> Candidate | None:
        """By series."""
        wanted = (*series, version, model_id)
        row = await self._connection.fetchrow(queries.CANDIDATE_NAMED, *wanted)
        return None if row is None else _candidate(row)

    async def champions_of(self, run_id: str) -> list[Series]:
        """By run."""
        rows = await self._connection.fetch(queries.CHAMPIONS_OF_RUN, run_id)
        return [(row["store"], row["product"]) for row in rows]

    async def newest_days(self, series: Sequence[Series]) -> dict[Series, date]:
        """Two index probes per series."""
        rows = await self._connection.fetch(SCOPE_NAMED, *columns(series, 2))
        return {(row["store"], row["product"]): row["last_day"] for row in rows}

    async def is_done(self, cause_id: str) -> bool:
        """From the history of aliases."""
        done: bool = await self._connection.fetchval(queries.IS_DONE, cause_id)
        return done

    async def add_models(self, models: Sequence[tuple[Event[ModelTrained], Verdict]]) -> None:
        """One statement."""
        rows = [_model_row(event, verdict) for event, verdict in models]
        await self._connection.execute(queries.INSERT_MODELS, *columns(rows, 20))

    async def record(
        self, trained: Sequence[Event[ModelTrained]], failed: Sequence[Event[TrainingFailed]]
    ) -> None:
        """A statement for each kind of result."""
        succeeded = [
            (e.data.run_id, e.data.store, e.data.product, e.data.model_id, e.time) for e in trained
        ]
        failures = [
            (e.data.run_id, e.data.store, e.data.product, e.data.reason, e.time) for e in failed
        ]
        if succeeded:
            await self._connection.execute(queries.SUCCEED, *columns(succeeded, 5))
        if failures:
            await self._connection.execute(queries.FAIL, *columns(failures, 5))
        self.run_ids += [row[0] for row in (*succeeded, *failures)]

    async def change_aliases(
        self, changes: Sequence[AliasChange], held: Mapping[Series, Mapping[str, str]]
    ) -> None:
        """Write set aliases, removed aliases, and the history."""
        if not changes:
            return
        taken = [(*each, *alias) for each, aliases in held.items() for alias in aliases.items()]
        await self._connection.execute(queries.SET_ALIASES, *columns(taken, 4))
        left = {(c.store, c.product, c.alias) for c in changes}
        if empty := sorted(left - {row[:3] for row in taken}):
            await self._connection.execute(queries.DROP_ALIASES, *columns(empty, 3))
        rows = [
            (
                change.cause_id,
                change.store,
                change.product,
                change.alias,
                change.model_id,
                change.previous_model_id,
                change.changed_by,
                change.reason,
                change.forecast_from,
            )
            for change in changes
        ]
        await self._connection.execute(queries.ADD_CHANGES, *columns(rows, 9))


async def _hold(connection: Any, series: Sequence[Series] | None) -> None:
    """Lock the models of these series against other writers until the transaction ends."""
    if series is None or len(series) > MAX_HELD:
        await connection.execute(queries.LOCK_MODELS)
    elif series:
        await connection.execute(queries.SHARE_MODELS)
        await connection.execute(queries.LOCK_SERIES, *columns(series, 2))


def _candidate(row: Any) -> Candidate:
    return Candidate(row["model_id"], row["data_through"], row["requested_at"], row["forecasts_by"])


def _model_row(event: Event[ModelTrained], verdict: Verdict) -> tuple[Any, ...]:
    model = event.data
    return (
        model.model_id,
        model.store,
        model.product,
        model.run_id,
        model.strategy,
        model.chosen,
        model.policy,
        model.as_of,
        model.horizon,
        model.first_day,
        model.data_through,
        model.rows,
        as_json(model.metrics),
        as_json(model.folds),
        as_json(model.comparison),
        as_json(model.every_finding),
        as_json(verdict),
        as_json(model.parameters),
        as_json(model.versions),
        event.time,
    )
