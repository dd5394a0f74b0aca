"""What functions ask of the database, so that Postgres and a fake are interchangeable.

Every verb takes a batch and is one transaction: all of it holds afterwards, or none.
Writing the same again changes nothing. What a verb reads is what is committed.
"""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Protocol

from events.envelope import Event
from events.payloads import (
    Compared,
    Finding,
    FoldMetrics,
    ModelTrained,
    Policy,
    PromotionRequested,
    TrainingFailed,
)
from functions.changes import Changes
from functions.forecasting.series.calendar import Calendar
from functions.forecasting.series.panel import Panel
from functions.retention import Limits, Prunable, Pruned, Table

Series = tuple[str, str]  # store, product
MAX_FAILURES = 100  # of a run that are told with it; the rest come in pages
MAX_CHANGE = 2**63 - 1  # the number of a change of aliases


@dataclass(frozen=True, slots=True)
class Scope:
    """The series that a request means, sorted, each with the first and last day it has."""

    series: tuple[Series, ...]
    spans: tuple[tuple[date, date], ...]

    @property
    def first_day(self) -> date | None:
        """The first day that any of them has."""
        return min((first for first, _ in self.spans), default=None)

    @property
    def newest_day(self) -> date | None:
        """The newest day that any of them has."""
        return max((last for _, last in self.spans), default=None)


@dataclass(frozen=True, slots=True)
class Plan:
    """A run as planned: what, for which series, in which shards.

    `wish` is equal for two runs if the same was asked of both; empty, it equals none. A run
    with `coalesced_into` has no shards: the run of that id does what was asked.
    """

    run_id: str
    requested_by: str
    requested_at: datetime
    reason: str
    store: str | None
    product: str | None
    strategy: str
    as_of: date
    horizon: int
    shards: tuple[tuple[Series, ...], ...]
    policy: Policy = "if-better"
    named: bool = False
    failed_in: str | None = None
    older_than_days: int | None = None
    wish: str = ""
    coalesced_into: str | None = None


@dataclass(frozen=True, slots=True)
class Window:
    """The days that somebody asked to have forecast; of two, the one asked for later holds."""

    first_day: date
    horizon: int
    requested_at: datetime
    request_id: str

    @property
    def age(self) -> tuple[datetime, str]:
        """Later is newer."""
        return self.requested_at, self.request_id


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a new model became champion, and why; scores as of the comparison then."""

    promote: bool
    reason: str
    champion_model_id: str | None = None
    score: float | None = None
    champion_score: float | None = None


@dataclass(frozen=True, slots=True)
class Promotion:
    """A model that became champion, the one it replaced, and the first day to forecast.

    A champion that was promoted again, because a person asked for it, replaced itself.
    """

    cause_id: str
    store: str
    product: str
    model_id: str
    version: int
    run_id: str
    horizon: int
    forecast_from: date
    previous_model_id: str | None
    changed_by: str
    reason: str


@dataclass(frozen=True, slots=True)
class AliasChange:
    """A change of who is champion or challenger; `cause_id` is the request's or the model's id.

    A challenger that is promoted leaves its place to nobody. A champion that is promoted
    again, because a person asked for it, is a change from itself to itself. Version, strategy
    and as_of are known also of models that are kept no longer.
    """

    cause_id: str
    store: str
    product: str
    alias: str
    model_id: str | None
    previous_model_id: str | None
    changed_by: str
    reason: str
    forecast_from: date | None = None
    version: int | None = None
    previous_version: int | None = None
    changed_at: datetime | None = None
    strategy: str | None = None
    as_of: date | None = None


@dataclass(frozen=True, slots=True)
class Counts:
    """A run's series by result; it has ended when none is pending."""

    planned: int
    succeeded: int
    failed: int
    cancelled: int = 0

    @property
    def pending(self) -> int:
        """Series without a result."""
        return self.planned - self.succeeded - self.failed - self.cancelled


@dataclass(frozen=True, slots=True)
class Model:
    """A model version as stored."""

    model_id: str
    store: str
    product: str
    version: int
    run_id: str
    strategy: str
    as_of: date
    horizon: int
    first_day: date
    data_through: date
    rows: int
    metrics: Mapping[str, float | None]
    parameters: Mapping[str, Any]
    versions: Mapping[str, str]
    trained_at: datetime
    policy: Policy
    chosen: str | None = None
    folds: tuple[FoldMetrics, ...] = ()
    comparison: tuple[Compared, ...] = ()
    findings: tuple[Finding, ...] = ()
    verdict: Verdict | None = None
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DayForecast:
    """One day of a forecast, in units.

    `assumed` names the drivers that nobody had planned for that day, `limited` those that were
    planned beyond all that was seen; `bounded` says that the forecast was cut to its bound.
    """

    date: date
    yhat: float
    yhat_lower: float
    yhat_upper: float
    assumed: tuple[str, ...] = ()
    limited: tuple[str, ...] = ()
    bounded: bool = False


@dataclass(frozen=True, slots=True)
class Forecast:
    """A series' forecast by one model.

    Of what is served, `newest_sale` is the newest day with sales of the series, and
    `served_since` when these days were first served, by whichever model.
    """

    store: str
    product: str
    model_id: str
    days: tuple[DayForecast, ...]
    version: int | None = None
    data_through: date | None = None
    published_at: datetime | None = None
    newest_sale: date | None = None
    served_since: datetime | None = None


@dataclass(frozen=True, slots=True)
class ForecastCounts:
    """Of a run's series: how many have a champion, and how many of these are forecast for the
    days that the run, or somebody after it, asked for.
    """

    due: int
    current: int
    stale_since: datetime | None = None

    @property
    def stale(self) -> bool:
        """Whether some are not."""
        return self.current < self.due

    @property
    def stale_reason(self) -> str | None:
        """Why, and what to do."""
        if not self.stale:
            return None
        return (
            f"{self.due - self.current:,} of {self.due:,} champions are not forecast for this run "
            "yet; if that lasts, see GET /readyz for the forecaster"
        )


@dataclass(frozen=True, slots=True)
class Failure:
    """A series of a run that could not be trained."""

    store: str
    product: str
    reason: str


@dataclass(frozen=True, slots=True)
class Run:
    """A run as it stands; the first `failures` are filled in when one run is asked for, and
    `forecasts` when that has ended.

    `named` says that its series were named one by one.
    """

    run_id: str
    requested_by: str
    requested_at: datetime
    reason: str
    store: str | None
    product: str | None
    strategy: str
    as_of: date
    horizon: int
    counts: Counts
    finished_at: datetime | None
    failures: tuple[Failure, ...] = ()
    policy: Policy = "if-better"
    named: bool = False
    failed_in: str | None = None
    older_than_days: int | None = None
    coalesced_into: str | None = None
    forecasts: ForecastCounts | None = None

    @property
    def state(self) -> str:
        """`running`, `completed`, `cancelled` or `coalesced`."""
        if self.coalesced_into is not None:
            return "coalesced"
        if self.counts.pending:
            return "running"
        return "cancelled" if self.counts.cancelled else "completed"


@dataclass(frozen=True, slots=True)
class SeriesSummary:
    """A series, the days it has, and its champion's version if it has one."""

    store: str
    product: str
    first_day: date
    last_day: date
    champion_version: int | None


@dataclass(frozen=True, slots=True)
class SeenTick:
    """A schedule's cron expression, and up to when its ticks are seen to."""

    schedule: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Extent:
    """How much there is of some sales: their series and days, the first and the last of these."""

    series: int
    days: int
    first_day: date | None
    last_day: date | None


class Storage(Protocol):
    """The database as functions see it."""

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

    async def failed_in(self, run_id: str) -> frozenset[Series] | None:
        """The series that failed in a run, or in the run it was coalesced into; None if unknown."""

    async def up_to_date(
        self, store: str | None, product: str | None, since: date
    ) -> frozenset[Series]:
        """The series of a scope whose champion's as_of is not before a day."""

    async def plan(self, run_id: str) -> Plan | None:
        """The stored plan of a run."""

    async def shard(self, run_id: str, number: int) -> tuple[Series, ...]:
        """The series of a shard of a run, in order; none of a shard that there is not."""

    async def save_plan(self, plan: Plan) -> Plan:
        """Store the plan unless the run has one; the plan that then holds.

        If there is a run with the same wish none of whose series has a result or is being
        trained, the plan is stored as coalesced into it.
        """

    async def unfinished_shards(self, run_id: str, failed: bool) -> frozenset[int]:
        """The shards of a run with a series that has no result yet, or if wanted has failed."""

    async def reopen(self, run_id: str, after: datetime, cause_id: str) -> Plan | None:
        """What the runs that were coalesced into a cancelled one become if requested after a time.

        The first of them gets its shards and the others are coalesced into that one. Asked
        again for the same cause, it is the same plan. None if there is no such run.
        """

    async def cancel(self, run_id: str, at: datetime) -> None:
        """Note of each series of a run that has no result yet that it is not to be trained."""

    async def settled_series(self, shards: Sequence[tuple[str, int]]) -> set[tuple[str, Series]]:
        """Run and series of what has succeeded or is cancelled in these shards, each a run and
        a number.
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

    async def record_results(
        self,
        trained: Sequence[Event[ModelTrained]],
        failed: Sequence[Event[TrainingFailed]],
    ) -> None:
        """Store new models with their verdicts and the results of their series.

        `functions.registry.verdicts` decides, once for each model, between it and the
        champion of that moment. A series that succeeded in a run stays so; a cancelled one can
        still succeed, since its model may have been under way, and no longer fail. Refusal for
        a model of a run that has no plan.
        """

    async def change_champions(self, request: Event[PromotionRequested], today: date) -> None:
        """Promote or roll back what a person asked for, once for each request's id.

        The champions are to forecast from the day after their newest sales on, from tomorrow's
        at the latest.

        Refusal, and nothing changed, for a model, run or predecessor that is not there.
        """

    async def preview(self, request: PromotionRequested) -> tuple[Series, ...]:
        """The series whose champions a request would choose now; Refusal as it would be."""

    async def fail_shard(self, run_id: str, shard: int, reason: str, at: datetime) -> None:
        """Note a reason for each series of a shard that has not succeeded.

        Its deliveries are counted anew, should its dead letter be replayed.
        """

    async def promotions(self, cause_ids: Sequence[str]) -> list[Promotion]:
        """New champions through these causes: ids of trained models and of requests.

        Champions that were promoted again are among them.
        """

    async def verdicts(self, model_ids: Sequence[str]) -> dict[str, tuple[int, Verdict]]:
        """Version and verdict of each model that has one."""

    async def champions(self, series: Sequence[Series]) -> dict[Series, Model]:
        """The champions of those series that have one, without what only a page shows of a model:
        its folds, comparison and verdict.
        """

    async def alias_history(self, store: str, product: str) -> list[AliasChange]:
        """Every change of a series' champion and challenger, newest first."""

    async def counts(self, run_ids: Sequence[str]) -> dict[str, Counts]:
        """The runs' series by result; of one that goes on, each is counted."""

    async def ended(self, run_ids: Sequence[str]) -> dict[str, Counts]:
        """The same of those that have ended, at a cost that does not grow with their series."""

    async def models(self, model_ids: Sequence[str]) -> dict[str, Model]:
        """The models that exist, by id."""

    async def windows(self, run_ids: Sequence[str]) -> dict[str, Window]:
        """The days that planned runs ask to have forecast, by run."""

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

    async def runs(self, limit: int) -> list[Run]:
        """The newest runs, newest first."""

    async def run(self, run_id: str, failures: int = MAX_FAILURES) -> Run | None:
        """One run with so many of its failures, the first in order of (store, product), and once
        it has ended with its forecasts.
        """

    async def failures(self, run_id: str, after: Series | None, limit: int) -> list[Failure]:
        """The failures of a run in order of (store, product), those after `after`."""

    async def series_page(self, after: Series | None, limit: int) -> list[SeriesSummary]:
        """Series in order of (store, product), those after `after`."""

    async def versions(self, store: str, product: str) -> list[Model]:
        """A series' models, newest version first."""

    async def versions_page(
        self, store: str, product: str, before: int | None, limit: int
    ) -> list[Model]:
        """A series' models before a version, newest first, with `parameters` left empty."""

    async def alias_history_page(
        self, store: str, product: str, before: int | None, limit: int
    ) -> tuple[list[AliasChange], int | None]:
        """Changes before one, newest first; what to ask for the next ones, None: these were all."""

    async def ping(self) -> None:
        """Raise an outage unless the database answers."""

    # What is kept, and what the clock remembers.

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

    async def ticks(self) -> dict[str, SeenTick]:
        """Up to when each schedule's ticks are seen to, by the schedule's name."""

    async def save_tick(self, name: str, tick: SeenTick) -> None:
        """Store up to when a schedule's ticks are seen to."""

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


class ServingStorage(Storage, Protocol):
    """The database as the API sees it, which is told when what is served may have changed."""

    changes: Changes
