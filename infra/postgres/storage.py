"""The storage that functions work on, in Postgres, over asyncpg."""

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import date, datetime
from itertools import groupby
from typing import Any

import asyncpg
from pydantic import TypeAdapter
from pydantic_core import from_json, to_json

from events.envelope import Event
from events.payloads import (
    MAX_INTEGER,
    Compared,
    Finding,
    FoldMetrics,
    ModelTrained,
    PromotionRequested,
    TrainingFailed,
)
from functions.forecasting.series.calendar import Calendar
from functions.forecasting.series.panel import Panel
from functions.registry.places import Cause
from functions.retention import Limits, Prunable, Pruned, Table
from functions.storage import (
    MAX_CHANGE,
    MAX_FAILURES,
    AliasChange,
    Counts,
    DayForecast,
    Extent,
    Failure,
    Forecast,
    ForecastCounts,
    Model,
    Plan,
    Promotion,
    Run,
    Scope,
    SeenTick,
    Series,
    SeriesSummary,
    Verdict,
    Window,
)
from infra.postgres import daily, promoting, queries, retention, retention_queries
from infra.postgres.columns import columns
from infra.postgres.ended import count_ended
from infra.postgres.queries import ALIAS_HISTORY_PAGE, VERSIONS_PAGE

log = logging.getLogger(__name__)

FOLDS = TypeAdapter(tuple[FoldMetrics, ...])
COMPARISON = TypeAdapter(tuple[Compared, ...])
FINDINGS = TypeAdapter(tuple[Finding, ...])
CONNECTIONS = 4  # one function's
# Of a transaction. Postgres has room for 64 locks of each connection that it allows, whoever takes
# them (max_locks_per_transaction): of the usual 100, for half a dozen such writers.
MAX_HELD = 1000


class PostgresStorage:
    """Storage on Postgres; see `functions.storage.Storage`.

    It connects when it is first used, so a process starts while the database is away.
    """

    def __init__(self, database_url: str, connections: int = CONNECTIONS) -> None:
        self._url, self._connections = database_url, connections
        self._opened: asyncpg.Pool | None = None
        self._opening = asyncio.Lock()

    async def _pool(self) -> asyncpg.Pool:
        async with self._opening:
            if self._opened is None:
                self._opened = await asyncpg.create_pool(
                    self._url,
                    min_size=0,
                    max_size=self._connections,
                    timeout=10,
                    reset=_nothing_to_reset,
                )
            return self._opened

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[Any]:
        async with (await self._pool()).acquire() as connection, connection.transaction():
            yield connection

    @asynccontextmanager
    async def _snapshot(self) -> AsyncIterator[Any]:
        """A transaction that only reads, and sees one state of the database throughout."""
        async with (
            (await self._pool()).acquire() as connection,
            connection.transaction(isolation="repeatable_read", readonly=True),
        ):
            yield connection

    async def close(self) -> None:
        """Close every connection."""
        if self._opened is not None:
            await self._opened.close()
            self._opened = None

    async def scope(self, store: str | None, product: str | None) -> Scope:
        """Three index probes per series, however many days each has."""
        match store, product:
            case None, None:
                rows = await (await self._pool()).fetch(queries.SCOPE_ALL)
            case None, _:
                rows = await (await self._pool()).fetch(queries.SCOPE_PRODUCT, product)
            case _, None:
                rows = await (await self._pool()).fetch(queries.SCOPE_STORE, store)
            case _:
                return await self.scope_of([(store, product)])
        return _scope(rows)

    async def scope_of(self, series: Sequence[Series]) -> Scope:
        """Two index probes per series."""
        named = columns(series, 2)
        return _scope(await (await self._pool()).fetch(queries.SCOPE_NAMED, *named))

    async def sold(self, series: Sequence[Series], first: date | None, last: date | None) -> Extent:
        """Counted by the index of series and days."""
        named = columns(series, 2)
        row = await (await self._pool()).fetchrow(queries.SOLD, *named, first, last)
        return Extent(**row)

    async def imported(self, import_id: str) -> Extent:
        """A scan of all sales: no index bears the cost of what is rarely asked."""
        return Extent(**await (await self._pool()).fetchrow(queries.IMPORTED, import_id))

    async def drivers_had(
        self, series: Sequence[Series], names: Sequence[str]
    ) -> dict[Series, frozenset[str]]:
        """From the newest days; where these lack a name, from all days that have it."""
        had: dict[Series, frozenset[str]] = dict.fromkeys(series, frozenset())
        pool = await self._pool()
        for row in await pool.fetch(queries.NEWEST_DRIVERS, *columns(series, 2)):
            had[series[row["n"] - 1]] = frozenset(row["names"])
        wanted = set(names)
        lacking = [each for each in series if not wanted <= had[each]]
        step = -(-len(lacking) // queries.MAX_SEARCHED) or 1
        searched = lacking[::step]
        missing = sorted({name for each in searched for name in wanted - had[each]})
        if missing:
            rows = await pool.fetch(queries.DRIVERS_EVER, *columns(searched, 2), missing)
            for row in rows:
                had[searched[row["n"] - 1]] |= frozenset(row["names"])
        return had

    async def failed_in(self, run_id: str) -> frozenset[Series] | None:
        """From the run's results."""
        pool = await self._pool()
        if not await pool.fetchval(queries.RUN_EXISTS, run_id):
            return None
        return frozenset(map(tuple, await pool.fetch(queries.FAILED_IN, run_id)))

    async def up_to_date(
        self, store: str | None, product: str | None, since: date
    ) -> frozenset[Series]:
        """From the aliases."""
        rows = await (await self._pool()).fetch(queries.UP_TO_DATE, store, product, since)
        return frozenset(map(tuple, rows))

    async def plan(self, run_id: str) -> Plan | None:
        """The stored plan."""
        async with (await self._pool()).acquire() as connection:
            return await _plan(connection, run_id)

    async def shard(self, run_id: str, number: int) -> tuple[Series, ...]:
        """By the index of shards."""
        rows = await (await self._pool()).fetch(queries.SHARD, run_id, number)
        return tuple((row["store"], row["product"]) for row in rows)

    async def save_plan(self, plan: Plan) -> Plan:
        """Store the plan unless there is one."""
        numbered = [(*s, n) for n, shard in enumerate(plan.shards) for s in shard]
        async with self._transaction() as connection:
            if plan.wish:  # before the statement that looks for the run that waits with it
                await connection.execute(queries.LOCK_WISH, plan.wish)
            planned = await connection.fetch(
                queries.INSERT_PLAN,
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
                plan.wish or None,
                *columns(numbered, 3),
            )
            if planned:
                return replace(plan, shards=_shards(planned))
            stored = await _plan(connection, plan.run_id)
        assert stored is not None  # noqa: S101  # this transaction has just seen to it
        return stored

    async def cancel(self, run_id: str, at: datetime) -> None:
        """One statement."""
        await (await self._pool()).execute(queries.CANCEL, run_id, at)
        await self._count_ended([run_id])

    async def unfinished_shards(self, run_id: str, failed: bool) -> frozenset[int]:
        """By the index of shards."""
        rows = await (await self._pool()).fetch(queries.UNFINISHED_SHARDS, run_id, failed)
        return frozenset(row["shard"] for row in rows)

    async def reopen(self, run_id: str, after: datetime, cause_id: str) -> Plan | None:
        """In one transaction."""
        async with self._transaction() as connection:
            waiting = await connection.fetch(queries.COALESCED_AFTER, run_id, after)
            if not waiting:
                reopened = await connection.fetchval(queries.REOPENED_BY, cause_id)
                return None if reopened is None else await _plan(connection, reopened)
            first, *others = (row["run_id"] for row in waiting)
            await connection.execute(queries.REOPEN, first, cause_id)
            await connection.execute(queries.COALESCE_OTHERS, others, first)
            await connection.execute(queries.COPY_PLANNED, run_id, first)
            return await _plan(connection, first)

    async def settled_series(self, shards: Sequence[tuple[str, int]]) -> set[tuple[str, Series]]:
        """By the index of shards."""
        asked = columns(shards, 2)
        rows = await (await self._pool()).fetch(queries.SETTLED_SERIES, *asked)
        return {(row["run_id"], (row["store"], row["product"])) for row in rows}

    async def history(
        self, series: Sequence[Series], first: date | None, before: date, drivers: bool = True
    ) -> Panel:
        """One query for all series, and one more for the drivers of several."""
        if not drivers or len(series) == 1:
            async with (await self._pool()).acquire() as connection:
                return await daily.history(connection, series, first, before, drivers=drivers)
        async with self._snapshot() as connection:
            return await daily.history(connection, series, first, before, drivers=True)

    async def calendar(self, series: Sequence[Series], start: date, days: int) -> Calendar:
        """One query for all plans that apply; of several series one more for their drivers."""
        if len(series) == 1:
            async with (await self._pool()).acquire() as connection:
                return await daily.calendar(connection, series, start, days)
        async with self._snapshot() as connection:
            return await daily.calendar(connection, series, start, days)

    async def record_results(
        self,
        trained: Sequence[Event[ModelTrained]],
        failed: Sequence[Event[TrainingFailed]],
    ) -> None:
        """Verdicts, models, results and aliases in one transaction."""
        succeeded = [
            (e.data.run_id, e.data.store, e.data.product, e.data.model_id, e.time) for e in trained
        ]
        failures = [
            (e.data.run_id, e.data.store, e.data.product, e.data.reason, e.time) for e in failed
        ]
        async with self._transaction() as connection:
            if trained:
                await _hold(connection, [row[1:3] for row in (*succeeded, *failures)])
                places, verdicts = await promoting.judge(connection, trained)
                models = [_model_row(e, verdicts) for e in trained if e.data.model_id in verdicts]
                await connection.execute(queries.INSERT_MODELS, *columns(models, 20))
                await connection.execute(queries.SUCCEED, *columns(succeeded, 5))
                await promoting.write_places(connection, places)
            if failures:
                await connection.execute(queries.FAIL, *columns(failures, 5))
        await self._count_ended([row[0] for row in (*succeeded, *failures)])

    async def _count_ended(self, run_ids: Sequence[str]) -> None:
        async with self._transaction() as connection:
            await count_ended(connection, run_ids)

    async def change_champions(self, request: Event[PromotionRequested], today: date) -> None:
        """Once for each id, in one transaction."""
        async with self._transaction() as connection:
            await connection.execute(queries.LOCK_MODELS)
            if await connection.fetchval(queries.IS_DONE, request.id):
                return
            places, chosen = await promoting.choose(connection, request.data)
            cause = Cause(request.id, request.data.requested_by, request.data.reason)
            await promoting.promote(connection, places, chosen, cause, today)
            await promoting.write_places(connection, places)

    async def preview(self, request: PromotionRequested) -> tuple[Series, ...]:
        """As it would be chosen."""
        async with self._transaction() as connection:
            _, chosen = await promoting.choose(connection, request)
        return tuple(chosen)

    async def fail_shard(self, run_id: str, shard: int, reason: str, at: datetime) -> None:
        """Successes of the shard stay."""
        async with self._transaction() as connection:
            await connection.execute(queries.FAIL_SHARD, run_id, shard, reason, at)
            await connection.execute(queries.CAME_BACK, run_id, shard)
        await self._count_ended([run_id])

    async def promotions(self, cause_ids: Sequence[str]) -> list[Promotion]:
        """From the history of aliases."""
        rows = await (await self._pool()).fetch(queries.PROMOTIONS, list(cause_ids))
        return [Promotion(**row) for row in rows]

    async def verdicts(self, model_ids: Sequence[str]) -> dict[str, tuple[int, Verdict]]:
        """From the models."""
        rows = await (await self._pool()).fetch(queries.VERDICTS, list(model_ids))
        return {r["model_id"]: (r["version"], Verdict(**from_json(r["verdict"]))) for r in rows}

    async def champions(self, series: Sequence[Series]) -> dict[Series, Model]:
        """By alias."""
        rows = await (await self._pool()).fetch(queries.CHAMPIONS, *columns(series, 2))
        return {(row["store"], row["product"]): _model(row) for row in rows}

    async def alias_history(self, store: str, product: str) -> list[AliasChange]:
        """With the versions that the models are."""
        rows = await (await self._pool()).fetch(queries.ALIAS_HISTORY, store, product)
        return [AliasChange(**row) for row in rows]

    async def counts(self, run_ids: Sequence[str]) -> dict[str, Counts]:
        """Counted from the results."""
        rows = await (await self._pool()).fetch(queries.COUNTS, list(run_ids))
        return {row["run_id"]: _counts(row) for row in rows}

    async def ended(self, run_ids: Sequence[str]) -> dict[str, Counts]:
        """As they were counted when the last result came in."""
        rows = await (await self._pool()).fetch(queries.ENDED, list(run_ids))
        return {row["run_id"]: _counts(row) for row in rows}

    async def models(self, model_ids: Sequence[str]) -> dict[str, Model]:
        """By id."""
        rows = await (await self._pool()).fetch(queries.MODELS, list(model_ids))
        return {row["model_id"]: _model(row) for row in rows}

    async def windows(self, run_ids: Sequence[str]) -> dict[str, Window]:
        """From the runs."""
        rows = await (await self._pool()).fetch(queries.WINDOWS, list(run_ids))
        return {
            r["run_id"]: Window(r["as_of"], r["horizon"], r["requested_at"], r["run_id"])
            for r in rows
        }

    async def served(self, series: Sequence[Series]) -> dict[Series, Window]:
        """By primary key."""
        rows = await (await self._pool()).fetch(queries.SERVED, *columns(series, 2))
        return {
            (r["store"], r["product"]): Window(
                r["first_day"], r["horizon"], r["requested_at"], r["request_id"]
            )
            for r in rows
        }

    async def serve(self, forecasts: Sequence[tuple[Forecast, Window]]) -> set[Series]:
        """In one transaction, with the champions held as they are."""
        asked = {(forecast.store, forecast.product): (forecast, w) for forecast, w in forecasts}
        async with self._transaction() as connection:
            champions = await connection.fetch(queries.LOCK_CHAMPIONS, *columns(list(asked), 2))
            heads = [
                (
                    *(*key, forecast.model_id, window.first_day, window.horizon),
                    *(window.requested_at, window.request_id),
                )
                for *key, champion in champions
                for forecast, window in (asked[key[0], key[1]],)
                if forecast.model_id == champion
            ]
            rows = await connection.fetch(queries.SERVE, *columns(heads, 7))
            taken = {(row["store"], row["product"]) for row in rows}
            days = [
                (
                    *(*key, day.date, forecast.model_id, day.yhat, day.yhat_lower, day.yhat_upper),
                    *(_json(day.assumed), _json(day.limited), day.bounded),
                )
                for key, (forecast, _) in asked.items()
                if key in taken
                for day in forecast.days
            ]
            await connection.execute(queries.SAVE_FORECASTS, *columns(days, 10))
        return asked.keys() - taken

    async def served_on(
        self, scopes: Sequence[tuple[str | None, str | None]], first: date, last: date
    ) -> list[Series]:
        """By primary key; for a product, or all, one look at every served forecast."""
        asked = columns(scopes, 2)
        rows = await (await self._pool()).fetch(queries.SERVED_ON, *asked, first, last)
        return [(row["store"], row["product"]) for row in rows]

    async def forecast(self, store: str, product: str) -> Forecast | None:
        """By primary key, with the newest day of sales."""
        rows = await (await self._pool()).fetch(queries.FORECAST, store, product)
        if not rows:
            return None
        days = tuple(
            DayForecast(
                *(row["date"], row["yhat"], row["yhat_lower"], row["yhat_upper"]),
                *(tuple(row["assumed"]), tuple(row["limited"]), row["bounded"]),
            )
            for row in rows
        )
        head = rows[0]
        return Forecast(
            store,
            product,
            head["model_id"],
            days,
            head["version"],
            head["data_through"],
            head["published_at"],
            head["newest_sale"],
            head["served_since"],
        )

    async def runs(self, limit: int) -> list[Run]:
        """With their counts."""
        return [_run(row) for row in await (await self._pool()).fetch(queries.RUNS, limit)]

    async def run(self, run_id: str, failures: int = MAX_FAILURES) -> Run | None:
        """With the first of its failures."""
        if (row := await (await self._pool()).fetchrow(queries.RUN, run_id)) is None:
            return None
        run = _run(row, tuple(await self.failures(run_id, None, failures)))
        if run.counts.pending:
            return run
        forecasts = await self._forecast_counts(run_id)
        since = run.finished_at if forecasts.stale else None
        return replace(run, forecasts=replace(forecasts, stale_since=since))

    async def _forecast_counts(self, run_id: str) -> ForecastCounts:
        """Counted from what is served."""
        counts = await (await self._pool()).fetchrow(queries.FORECAST_COUNTS, run_id)
        return ForecastCounts(**counts)

    async def failures(self, run_id: str, after: Series | None, limit: int) -> list[Failure]:
        """By an index of what failed."""
        store, product = after or ("", "")
        pool = await self._pool()
        rows = await pool.fetch(queries.FAILURES, run_id, store, product, limit)
        return [Failure(*row) for row in rows]

    async def series_page(self, after: Series | None, limit: int) -> list[SeriesSummary]:
        """One index probe per series of the page."""
        store, product = after or ("", "")
        rows = await (await self._pool()).fetch(queries.SERIES_PAGE, store, product, limit)
        return [SeriesSummary(**row) for row in rows]

    async def versions(self, store: str, product: str) -> list[Model]:
        """Newest first."""
        return [
            _model(r) for r in await (await self._pool()).fetch(queries.VERSIONS, store, product)
        ]

    async def versions_page(
        self, store: str, product: str, before: int | None, limit: int
    ) -> list[Model]:
        """Newest first, without parameters."""
        asked = (store, product, MAX_INTEGER if before is None else before, limit)
        return [_model(row) for row in await (await self._pool()).fetch(VERSIONS_PAGE, *asked)]

    async def alias_history_page(
        self, store: str, product: str, before: int | None, limit: int
    ) -> tuple[list[AliasChange], int | None]:
        """By the numbers that changes have."""
        asked = (store, product, MAX_CHANGE if before is None else before, limit)
        rows = [dict(r) for r in await (await self._pool()).fetch(ALIAS_HISTORY_PAGE, *asked)]
        numbers = [row.pop("id") for row in rows]
        return [AliasChange(**row) for row in rows], numbers[-1] if len(rows) == limit else None

    async def ping(self) -> None:
        """One round trip."""
        await (await self._pool()).fetchval("SELECT 1", timeout=2)

    # What is kept, and what the clock remembers.

    async def overdue_runs(
        self, planned_before: datetime, failed_at: datetime, reason: str
    ) -> list[str]:
        """By the indices of what is planned and of what has failed."""
        asked = (planned_before, failed_at, reason)
        rows = await (await self._pool()).fetch(retention_queries.OVERDUE_RUNS, *asked)
        return [row["run_id"] for row in rows]

    async def fail_planned(self, run_id: str, reason: str, at: datetime, most: int) -> int:
        """One statement."""
        asked = (run_id, reason, at, most)
        done = await (await self._pool()).execute(retention_queries.FAIL_PLANNED, *asked)
        await self._count_ended([run_id])
        return int(done.rpartition(" ")[2])  # as in "UPDATE 3"

    async def prune(
        self, table: Table, limits: Limits, at: Series | None, most: int
    ) -> Pruned | None:
        """One short transaction."""
        try:
            async with self._transaction() as connection:
                return await retention.step(connection, table, limits, at, most)
        except retention.HELD_UP as error:
            log.info("pruning of %s waits: %s", table, error)
            return None

    async def prunable(self, limits: Limits) -> list[Prunable]:
        """In one state of the database."""
        async with self._snapshot() as connection:
            return await retention.prunable(connection, limits)

    async def ticks(self) -> dict[str, SeenTick]:
        """One row for each schedule."""
        rows = await (await self._pool()).fetch(retention_queries.TICKS)
        return {row["name"]: SeenTick(row["schedule"], row["seen_until"]) for row in rows}

    async def save_tick(self, name: str, tick: SeenTick) -> None:
        """One row."""
        asked = (name, tick.schedule, tick.at)
        await (await self._pool()).execute(retention_queries.SAVE_TICK, *asked)

    @asynccontextmanager
    async def in_hand(self, run_id: str, shard: int) -> AsyncIterator[bool]:
        """A lock of a session, on a connection that nothing else uses meanwhile."""
        async with (await self._pool()).acquire() as connection:
            alone = await connection.fetchval(queries.HOLD_SHARD, run_id, shard)
            try:
                yield alone
            finally:
                if alone:
                    await _let_go(connection, run_id, shard)

    async def hand_over(self, run_id: str, shard: int, at: datetime) -> int:
        """One statement, committed before anything is trained."""
        deliveries: int = await (await self._pool()).fetchval(queries.HAND_OVER, run_id, shard, at)
        return deliveries

    async def came_back(self, run_id: str, shard: int) -> None:
        """One statement."""
        await (await self._pool()).execute(queries.CAME_BACK, run_id, shard)


def _scope(rows: Sequence[Any]) -> Scope:
    found = sorted(tuple(row) for row in rows)
    return Scope(tuple(row[:2] for row in found), tuple(row[2:] for row in found))


async def _hold(connection: Any, series: Sequence[Series]) -> None:
    """Keep other writers from the models of these series until the transaction ends."""
    if len(series) > MAX_HELD:
        await connection.execute(queries.LOCK_MODELS)
        return
    await connection.execute(queries.SHARE_MODELS)
    await connection.execute(queries.LOCK_SERIES, *columns(series, 2))


async def _let_go(connection: Any, run_id: str, shard: int) -> None:
    """Let go of a shard; if that fails with its connection, since the lock goes with it."""
    try:
        await connection.execute(queries.LET_GO_OF_SHARD, run_id, shard)
    except BaseException as error:
        with suppress(asyncpg.InterfaceError):  # a lost connection has left the pool already
            connection.terminate()
        if not isinstance(error, (OSError, asyncpg.PostgresError, asyncpg.InterfaceError)):
            raise
        log.warning("the connection that held shard %d of %s is lost: %r", shard, run_id, error)


async def _nothing_to_reset(_: Any) -> None:
    """No session state is ever set, so a connection needs no round trip when it is given back."""


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
        wish=run["wish"] or "",
        coalesced_into=run["coalesced_into"],
    )


def _shards(rows: Sequence[Any]) -> tuple[tuple[Series, ...], ...]:
    """Rows in the order of their shards as these."""
    shards = groupby(rows, key=lambda row: row["shard"])
    return tuple(tuple((row["store"], row["product"]) for row in shard) for _, shard in shards)


def _model_row(event: Event[ModelTrained], verdicts: Mapping[str, Verdict]) -> tuple[Any, ...]:
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
        _json(model.metrics),
        _json(model.folds),
        _json(model.comparison),
        _json(model.every_finding),
        _json(verdicts[model.model_id]),
        _json(model.parameters),
        _json(model.versions),
        event.time,
    )


def _json(value: Any) -> str:
    return to_json(value).decode()


def _model(row: Any) -> Model:
    values = dict(row)
    for column in ("metrics", "parameters", "versions"):
        values[column] = from_json(values[column])
    values["folds"] = FOLDS.validate_json(values["folds"])
    values["comparison"] = COMPARISON.validate_json(values["comparison"])
    values["findings"] = FINDINGS.validate_json(values["findings"])
    if values["verdict"] is not None:
        values["verdict"] = Verdict(**from_json(values["verdict"]))
    return Model(**values | {"aliases": tuple(values["aliases"])})


def _run(row: Any, failures: tuple[Failure, ...] = ()) -> Run:
    counts = _counts(row)
    return Run(
        run_id=row["run_id"],
        requested_by=row["requested_by"],
        requested_at=row["requested_at"],
        reason=row["reason"],
        store=row["store"],
        product=row["product"],
        strategy=row["strategy"],
        as_of=row["as_of"],
        horizon=row["horizon"],
        counts=counts,
        finished_at=None if counts.pending else row["finished_at"],
        failures=failures,
        policy=row["policy"],
        named=row["named"],
        failed_in=row["failed_in"],
        older_than_days=row["older_than_days"],
        coalesced_into=row["coalesced_into"],
    )


def _counts(row: Any) -> Counts:
    return Counts(row["planned"], row["succeeded"], row["failed"], row["cancelled"])
