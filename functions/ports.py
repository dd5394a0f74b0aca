"""The database as functions use it: one protocol per kind of data, for Postgres and for memory.

Every method takes a batch and runs in one transaction: all of it is stored, or nothing.
Methods are idempotent and read committed data. A function declares the ports it needs, so its
constructor shows what it can do.
"""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import date, datetime
from typing import Protocol

from events.envelope import Event
from events.payloads import ModelTrained, TrainingFailed
from functions.changes import Changes
from functions.forecasting.series.calendar import Calendar
from functions.forecasting.series.panel import Panel
from functions.records import (
    ALL_RUNS,
    MAX_FAILURES,
    AliasChange,
    Candidate,
    Counts,
    Extent,
    Failure,
    Forecast,
    Model,
    Plan,
    Promotion,
    Run,
    RunFilter,
    Scope,
    SeenTick,
    Series,
    SeriesSummary,
    Verdict,
    Window,
)
from functions.retention import Limits, Prunable, Pruned, Table


class SalesReader(Protocol):
    """Read sales and the calendar, which holds the plans for coming days."""

    async def scope(self, store: str | None, product: str | None) -> Scope:
        """Return the series of a store, of a product, of both, or all series."""

    async def scope_of(self, series: Sequence[Series]) -> Scope:
        """Return the given series that have sales; the others are left out."""

    async def sold(self, series: Sequence[Series], first: date | None, last: date | None) -> Extent:
        """Count the sales of these series with first <= date <= last."""

    async def imported(self, import_id: str) -> Extent:
        """Count the sales of an import that nothing has replaced or removed."""

    async def drivers_had(
        self, series: Sequence[Series], names: Sequence[str]
    ) -> dict[Series, frozenset[str]]:
        """Return each series' drivers: all on its newest days, and those of `names` on any day.

        With many series, some are not searched back to their first day.
        """

    async def history(
        self, series: Sequence[Series], first: date | None, before: date, drivers: bool = True
    ) -> Panel:
        """Return the daily rows with first <= date < before, sorted, in the order of `series`.

        A series without rows is empty in the panel. The panel has every driver that a row names,
        or none if `drivers` is false.
        """

    async def calendar(self, series: Sequence[Series], start: date, days: int) -> Calendar:
        """Return the plans for `days` days from `start` on, in the order of `series`.

        Opening and each driver take the most specific plan: the series' before the store's,
        then the product's, then the plan for all series.
        """

    async def series_page(self, after: Series | None, limit: int) -> list[SeriesSummary]:
        """Return up to `limit` series after `after`, in order of (store, product)."""


class Plans(Protocol):
    """Plan, cancel and reopen runs."""

    async def plan(self, run_id: str) -> Plan | None:
        """Return the stored plan of a run."""

    async def save_or_coalesce(self, plan: Plan) -> Plan:
        """Store the plan unless its run has one; return the stored plan.

        If another run has the same fingerprint, and none of its series has a result or is being
        trained, the plan is stored without shards, as coalesced into that run.
        """

    async def shard(self, run_id: str, number: int) -> tuple[Series, ...]:
        """Return the series of a shard in order; empty if the shard does not exist."""

    async def unfinished_shards(self, run_id: str, failed: bool) -> frozenset[int]:
        """Return the shards with a series without a result or, if `failed`, with a failed one."""

    async def failed_in(self, run_id: str) -> frozenset[Series] | None:
        """Return the series that failed in a run or in the run it was coalesced into; None if the
        run is unknown.
        """

    async def cancel(self, run_id: str, at: datetime) -> None:
        """Mark each series of a run without a result as cancelled."""

    async def reopen(self, run_id: str, after: datetime, cause_id: str) -> Plan | None:
        """Reopen what was coalesced into a cancelled run and requested after `after`.

        The first of these runs gets the cancelled run's shards and is returned; the others are
        coalesced into it. The same cause returns the same plan. None if there is nothing to
        reopen.
        """


class Runs(Protocol):
    """Read the state of runs."""

    async def runs(
        self, limit: int, after: tuple[datetime, str] | None = None, chosen: RunFilter = ALL_RUNS
    ) -> list[Run]:
        """Return a page of the chosen runs, newest first, and by id if requested at the same time.

        `after` has the time and the id of the last run of the page before.
        """

    async def run(self, run_id: str, failures: int = MAX_FAILURES) -> Run | None:
        """Return a run with its first `failures` failures in order of (store, product), and with
        its forecast counts once it has ended.
        """

    async def failures(self, run_id: str, after: Series | None, limit: int) -> list[Failure]:
        """Return up to `limit` failures of a run after `after`, in order of (store, product)."""

    async def counts(self, run_ids: Sequence[str]) -> dict[str, Counts]:
        """Count the runs' series by result; counting a run in progress reads each of its series."""

    async def ended(self, run_ids: Sequence[str]) -> dict[str, Counts]:
        """Return the counts of the runs that have ended, at a cost independent of their size."""

    async def windows(self, run_ids: Sequence[str]) -> dict[str, Window]:
        """Return the days that each planned run asks to forecast, by run id."""


class Deliveries(Protocol):
    """Track which shards trainers hold and how often each was delivered."""

    async def settled_series(self, shards: Sequence[tuple[str, int]]) -> set[tuple[str, Series]]:
        """Return (run id, series) of each series that succeeded or was cancelled in these shards;
        a shard is a run id and a number.
        """

    def in_hand(self, run_id: str, shard: int) -> AbstractAsyncContextManager[bool]:
        """Lock a shard while it is trained; False if a living process has locked it already. The
        lock is released at the latest when the process ends, however it ends.
        """

    async def hand_over(self, run_id: str, shard: int, at: datetime) -> int:
        """Count a delivery of a shard; return the number of its open deliveries: those in
        progress and those whose process died.
        """

    async def came_back(self, run_id: str, shard: int) -> None:
        """Reset the open deliveries of a shard to zero: its process survived the training."""

    async def fail_shard(self, run_id: str, shard: int, reason: str, at: datetime) -> None:
        """Store a failure reason for each series of a shard that has not succeeded.

        Its deliveries are counted from zero again, in case its dead letter is replayed.
        """


class Models(Protocol):
    """Read model versions, their aliases, and who changed an alias and why."""

    async def champions(self, series: Sequence[Series]) -> dict[Series, Model]:
        """Return the champions of the series that have one, without their folds, comparison and
        verdict.
        """

    async def up_to_date(
        self, store: str | None, product: str | None, since: date
    ) -> frozenset[Series]:
        """Return the series of a scope whose champion's as_of is `since` or later."""

    async def versions_page(
        self, store: str, product: str, before: int | None, limit: int
    ) -> list[Model]:
        """Return a series' models before a version, newest first, with empty `parameters`."""

    async def alias_history_page(
        self, store: str, product: str, before: int | None, limit: int
    ) -> tuple[list[AliasChange], int | None]:
        """Return alias changes before `before`, newest first, and the `before` of the next page;
        None if this page is the last.
        """

    async def promotions(self, cause_ids: Sequence[str]) -> list[Promotion]:
        """Return the promotions with these causes, which are ids of trained models or of requests.

        Promotions of a model that already was champion are included.
        """

    async def verdicts(self, model_ids: Sequence[str]) -> dict[str, tuple[int, Verdict]]:
        """Return version and verdict of each model that has a verdict, by model id."""


class RegistryTx(Protocol):
    """A transaction of the registry, which reads, decides and then writes.

    It commits when the block ends and rolls back after an error.
    """

    async def unknown(self, models: Sequence[tuple[str, str]]) -> dict[str, datetime | None]:
        """Return the ids of those models, given as (model id, run id), that were never stored.

        The value is when the run was requested; None if the run has no plan.
        """

    async def holders(self, series: Sequence[Series]) -> dict[Series, dict[str, Candidate]]:
        """Return the model of each alias of these series."""

    async def candidates_of(self, run_id: str) -> dict[Series, Candidate]:
        """Return the models of a run, in order of their series."""

    async def candidate(
        self, series: Series, version: int | None, model_id: str | None
    ) -> Candidate | None:
        """Return the model of a series with this version or this id."""

    async def champions_of(self, run_id: str) -> list[Series]:
        """Return the series whose champion is a model of the run, in order."""

    async def newest_days(self, series: Sequence[Series]) -> dict[Series, date]:
        """Return the newest day with sales of each series that has any."""

    async def is_done(self, cause_id: str) -> bool:
        """Return whether this cause has already changed aliases."""

    async def add_models(self, models: Sequence[tuple[Event[ModelTrained], Verdict]]) -> None:
        """Store new models; each becomes the next version of its series."""

    async def record(
        self, trained: Sequence[Event[ModelTrained]], failed: Sequence[Event[TrainingFailed]]
    ) -> None:
        """Store the results of series in their runs.

        A success is final. A cancelled series can still succeed, since its training may have
        been in progress, but can't fail. Of two failure reasons the later one is kept.
        """

    async def change_aliases(
        self, changes: Sequence[AliasChange], held: Mapping[Series, Mapping[str, str]]
    ) -> None:
        """Store the changes; `held` has the resulting model id of each alias of their series."""


class RegistryStorage(Protocol):
    """Open transactions of the registry."""

    def registry(self, hold: Sequence[Series] | None) -> AbstractAsyncContextManager[RegistryTx]:
        """Open a transaction that locks these series against other writers; None locks all."""


class Forecasts(Protocol):
    """Store forecasts, and read the one that is served for each series."""

    async def served(self, series: Sequence[Series]) -> dict[Series, Window]:
        """Return the served days of each series that has a forecast."""

    async def serve(self, forecasts: Sequence[tuple[Forecast, Window]]) -> set[Series]:
        """Store and serve forecasts; return the series whose forecast is already out of date.

        These stay unchanged: another model became champion, or a later request asks for other
        days. A forecast of the same model and day is replaced.
        """

    async def served_on(
        self, scopes: Sequence[tuple[str | None, str | None]], first: date, last: date
    ) -> list[Series]:
        """Return the series of the scopes with a served forecast for any of these days."""

    async def forecast(self, store: str, product: str) -> Forecast | None:
        """Return the served forecast of a series."""

    async def forecasts(self, series: Sequence[Series]) -> list[Forecast]:
        """Return the served forecasts of these series, in order of (store, product), each once."""

    async def served_page(
        self, store: str | None, product: str | None, after: Series | None, limit: int
    ) -> list[Series]:
        """Return a page of a scope's series with a served forecast, by (store, product)."""


class Pruning(Protocol):
    """Delete what is older than its retention."""

    async def overdue_runs(
        self, planned_before: datetime, failed_at: datetime, reason: str
    ) -> list[str]:
        """Return the runs planned before `planned_before` that have a series without a result, or
        one that failed at `failed_at` with this reason.
        """

    async def fail_planned(self, run_id: str, reason: str, at: datetime, most: int) -> int:
        """Fail up to `most` series of a run that have no result; return their number.

        A series whose result is being recorded at the same time keeps that result.
        """

    async def prune(
        self, table: Table, limits: Limits, at: Series | None, most: int
    ) -> Pruned | None:
        """Delete up to `most` rows of a table; None if others held its locks too long.

        `at` is where the previous step stopped; None starts at the beginning. Served forecasts,
        champions, predecessors and challengers stay, as do runs in progress and runs with a
        stored model. The alias history of a deleted model and the counts of a run whose results
        are deleted stay.
        """

    async def prunable(self, limits: Limits) -> list[Prunable]:
        """Count what `prune` would delete, by table, without changing anything."""


class Ticks(Protocol):
    """Store up to which time the ticks of each schedule are done."""

    async def ticks(self) -> dict[str, SeenTick]:
        """Return the last tick that was done of each schedule, by name."""

    async def save_tick(self, name: str, tick: SeenTick) -> None:
        """Store the last tick that was done of a schedule."""


class Storage(
    SalesReader,
    Plans,
    Runs,
    Deliveries,
    Models,
    RegistryStorage,
    Forecasts,
    Pruning,
    Ticks,
    Protocol,
):
    """All ports in one object."""

    async def ping(self) -> None:
        """Raise an outage unless the database answers."""


class ServingStorage(Storage, Protocol):
    """The database as the API uses it; `changes` signals that served data may have changed."""

    changes: Changes
