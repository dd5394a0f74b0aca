"""What functions ask of the database, in ports by reader: Postgres and a fake stand behind them.

Every verb takes a batch and is one transaction: all of it holds afterwards, or none.
Writing the same again changes nothing. What a verb reads is what is committed.
A function declares the ports that it needs, so its constructor tells what it may do.
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
    Scope,
    SeenTick,
    Series,
    SeriesSummary,
    Verdict,
    Window,
)
from functions.retention import Limits, Prunable, Pruned, Table


class SalesReader(Protocol):
    """Sales and the calendar: what is planned for coming days."""

    async def scope(self, store: str | None, product: str | None) -> Scope:
        """The series of a store, of a product, of both, or all."""

    async def scope_of(self, series: Sequence[Series]) -> Scope:
        """Those of the series that are known."""

    async def sold(self, series: Sequence[Series], first: date | None, last: date | None) -> Extent:
        """The sales of these series with first <= date <= last."""

    async def imported(self, import_id: str) -> Extent:
        """The sales of an import that still count."""

    async def drivers_had(
        self, series: Sequence[Series], names: Sequence[str]
    ) -> dict[Series, frozenset[str]]:
        """Of each series the drivers of its newest days, and those of `names` that any day has.

        Of many series not every one is searched from its first day on.
        """

    async def history(
        self, series: Sequence[Series], first: date | None, before: date, drivers: bool = True
    ) -> Panel:
        """Daily rows with first <= date < before, sorted, in the order of `series`.

        A series without a row has an empty stretch in the panel. It has the drivers that any of
        the rows names, or none if they are not asked for.
        """

    async def calendar(self, series: Sequence[Series], start: date, days: int) -> Calendar:
        """What is planned for the series, in their order, of so many days from `start` on.

        For opening and for each driver by itself the more specific plan counts: that of the
        series before the store's, that before the product's, that before the one of all.
        """

    async def series_page(self, after: Series | None, limit: int) -> list[SeriesSummary]:
        """Series in order of (store, product), those after `after`."""


class Plans(Protocol):
    """Runs as they are planned, cancelled and taken up again."""

    async def plan(self, run_id: str) -> Plan | None:
        """The stored plan of a run."""

    async def save_or_coalesce(self, plan: Plan) -> Plan:
        """Store the plan unless the run has one; the plan that then holds.

        If there is a run with the same fingerprint none of whose series has a result or is being
        trained, the plan is stored as coalesced into it.
        """

    async def shard(self, run_id: str, number: int) -> tuple[Series, ...]:
        """The series of a shard of a run, in order; none of a shard that there is not."""

    async def unfinished_shards(self, run_id: str, failed: bool) -> frozenset[int]:
        """The shards of a run with a series that has no result yet, or if wanted has failed."""

    async def failed_in(self, run_id: str) -> frozenset[Series] | None:
        """The series that failed in a run, or in the run it was coalesced into; None if unknown."""

    async def cancel(self, run_id: str, at: datetime) -> None:
        """Note of each series of a run that has no result yet that it is not to be trained."""

    async def reopen(self, run_id: str, after: datetime, cause_id: str) -> Plan | None:
        """What the runs that were coalesced into a cancelled one become if requested after a time.

        The first of them gets its shards and the others are coalesced into that one. Asked
        again for the same cause, it is the same plan. None if there is no such run.
        """


class Runs(Protocol):
    """Runs as they stand."""

    async def runs(self, limit: int) -> list[Run]:
        """The newest runs, newest first."""

    async def run(self, run_id: str, failures: int = MAX_FAILURES) -> Run | None:
        """One run with so many of its failures, the first in order of (store, product), and once
        it has ended with its forecasts.
        """

    async def failures(self, run_id: str, after: Series | None, limit: int) -> list[Failure]:
        """The failures of a run in order of (store, product), those after `after`."""

    async def counts(self, run_ids: Sequence[str]) -> dict[str, Counts]:
        """The runs' series by result; of one that goes on, each is counted."""

    async def ended(self, run_ids: Sequence[str]) -> dict[str, Counts]:
        """The same of those that have ended, at a cost that does not grow with their series."""

    async def windows(self, run_ids: Sequence[str]) -> dict[str, Window]:
        """The days that planned runs ask to have forecast, by run."""


class Deliveries(Protocol):
    """Shards in the hands of trainers."""

    async def settled_series(self, shards: Sequence[tuple[str, int]]) -> set[tuple[str, Series]]:
        """Run and series of what has succeeded or is cancelled in these shards, each a run and
        a number.
        """

    def in_hand(self, run_id: str, shard: int) -> AbstractAsyncContextManager[bool]:
        """Hold a shard while it is trained; False if a living process holds it already. What
        holds it lets go of it at the latest when its process ends, however it ends.
        """

    async def hand_over(self, run_id: str, shard: int, at: datetime) -> int:
        """Count that a trainer gets a shard; how many deliveries of it are now out: under way, or
        ended with their process.
        """

    async def came_back(self, run_id: str, shard: int) -> None:
        """Note that a delivery of a shard ended in its process: none of it is out any more."""

    async def fail_shard(self, run_id: str, shard: int, reason: str, at: datetime) -> None:
        """Note a reason for each series of a shard that has not succeeded.

        Its deliveries are counted anew, should its dead letter be replayed.
        """


class Models(Protocol):
    """Model versions, their aliases, and who changed these and why."""

    async def champions(self, series: Sequence[Series]) -> dict[Series, Model]:
        """The champions of those series that have one, without what only a page shows of a model:
        its folds, comparison and verdict.
        """

    async def up_to_date(
        self, store: str | None, product: str | None, since: date
    ) -> frozenset[Series]:
        """The series of a scope whose champion's as_of is not before a day."""

    async def versions_page(
        self, store: str, product: str, before: int | None, limit: int
    ) -> list[Model]:
        """A series' models before a version, newest first, with `parameters` left empty."""

    async def alias_history_page(
        self, store: str, product: str, before: int | None, limit: int
    ) -> tuple[list[AliasChange], int | None]:
        """Changes before one, newest first; what to ask for the next ones, None: these were all."""

    async def promotions(self, cause_ids: Sequence[str]) -> list[Promotion]:
        """New champions through these causes: ids of trained models and of requests.

        Champions that were promoted again are among them.
        """

    async def verdicts(self, model_ids: Sequence[str]) -> dict[str, tuple[int, Verdict]]:
        """Version and verdict of each model that has one."""


class RegistryTx(Protocol):
    """A transaction of the registry, which decides between reading and writing.

    What is written holds once the block ends; after an error nothing of it does.
    """

    async def unknown(self, models: Sequence[tuple[str, str]]) -> dict[str, datetime | None]:
        """Of models, each an id and its run's, those that were never stored, by id.

        With when the run was requested; None for a run that has no plan.
        """

    async def holders(self, series: Sequence[Series]) -> dict[Series, dict[str, Candidate]]:
        """The model that has each alias of these series."""

    async def candidates_of(self, run_id: str) -> dict[Series, Candidate]:
        """The models of a run, in order of their series."""

    async def candidate(
        self, series: Series, version: int | None, model_id: str | None
    ) -> Candidate | None:
        """The model of a series that has the version, or the id."""

    async def champions_of(self, run_id: str) -> list[Series]:
        """The series whose champion is a model of the run, in order."""

    async def newest_days(self, series: Sequence[Series]) -> dict[Series, date]:
        """The newest day of each of these series that has sales."""

    async def is_done(self, cause_id: str) -> bool:
        """Whether this cause has changed aliases already."""

    async def add_models(self, models: Sequence[tuple[Event[ModelTrained], Verdict]]) -> None:
        """Store models that are new; each becomes the next version of its series."""

    async def record(
        self, trained: Sequence[Event[ModelTrained]], failed: Sequence[Event[TrainingFailed]]
    ) -> None:
        """Store the results of series in their runs.

        A series that succeeded in a run stays so; a cancelled one can still succeed, since its
        model may have been under way, and no longer fail. Of two reasons the later one stands.
        """

    async def change_aliases(
        self, changes: Sequence[AliasChange], held: Mapping[Series, Mapping[str, str]]
    ) -> None:
        """Store the changes; `held` is the model id of each alias of their series afterwards."""


class RegistryStorage(Protocol):
    """The way into a transaction of the registry."""

    def registry(self, hold: Sequence[Series] | None) -> AbstractAsyncContextManager[RegistryTx]:
        """A transaction that keeps other writers from these series, from all where it is None."""


class Forecasts(Protocol):
    """Forecasts, and which of them is served."""

    async def served(self, series: Sequence[Series]) -> dict[Series, Window]:
        """The days that are served of those series that are forecast."""

    async def serve(self, forecasts: Sequence[tuple[Forecast, Window]]) -> set[Series]:
        """Store forecasts and serve them; the series of those that are out of date already.

        These are left as they were: another model is champion by now, or other days were asked
        for later. The same model's forecast of a day is replaced.
        """

    async def served_on(
        self, scopes: Sequence[tuple[str | None, str | None]], first: date, last: date
    ) -> list[Series]:
        """The series of the scopes of which some of these days are served."""

    async def forecast(self, store: str, product: str) -> Forecast | None:
        """What is served of a series."""


class Pruning(Protocol):
    """What is kept no longer."""

    async def overdue_runs(
        self, planned_before: datetime, failed_at: datetime, reason: str
    ) -> list[str]:
        """Runs of before that have a series planned still, or failed then for that reason."""

    async def fail_planned(self, run_id: str, reason: str, at: datetime, most: int) -> int:
        """Note a reason for up to `most` series of a run without a result; how many it were.

        A series whose result is being recorded this moment keeps that one.
        """

    async def prune(
        self, table: Table, limits: Limits, at: Series | None, most: int
    ) -> Pruned | None:
        """Let up to `most` rows of a table go; None if others held what it needs for too long.

        `at` is where the step before stopped; None: at the beginning. What is served, champion,
        predecessor or challenger stays, as do runs that go on or that a model is of. A model
        that goes leaves what its history tells of it; a run whose results go, their counts.
        """

    async def prunable(self, limits: Limits) -> list[Prunable]:
        """What would go, by table. Nothing is changed."""


class Ticks(Protocol):
    """Up to when the ticks of schedules are seen to."""

    async def ticks(self) -> dict[str, SeenTick]:
        """Up to when each schedule's ticks are seen to, by the schedule's name."""

    async def save_tick(self, name: str, tick: SeenTick) -> None:
        """Store up to when a schedule's ticks are seen to."""


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
    """All of it, as one object has it."""

    async def ping(self) -> None:
        """Raise an outage unless the database answers."""


class ServingStorage(Storage, Protocol):
    """The database as the API sees it, which is told when what is served may have changed."""

    changes: Changes
