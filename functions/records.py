"""What is stored, as functions read and write it: series, runs, models, aliases, forecasts."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import date, datetime
from typing import Any

from events.payloads import Compared, Finding, FoldMetrics, Policy

Series = tuple[str, str]  # store, product
MAX_FAILURES = 100  # returned with a run; the rest is paged
MAX_CHANGE = 2**63 - 1  # the number of a change of aliases


@dataclass(frozen=True, slots=True)
class Scope:
    """The series that a request covers, sorted, each with its first and last day of sales."""

    series: tuple[Series, ...]
    spans: tuple[tuple[date, date], ...]

    @property
    def first_day(self) -> date | None:
        """The earliest day with sales of any series."""
        return min((first for first, _ in self.spans), default=None)

    @property
    def newest_day(self) -> date | None:
        """The latest day with sales of any series."""
        return max((last for _, last in self.spans), default=None)


@dataclass(frozen=True, slots=True)
class RunRequest:
    """The parameters of a run: who asked for it, when and why, and what it trains.

    `named` says that the request listed its series one by one. A run with `coalesced_into` trains
    nothing: the run with that id does the work.
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
    policy: Policy = field(default="if-better", kw_only=True)
    named: bool = field(default=False, kw_only=True)
    failed_in: str | None = field(default=None, kw_only=True)
    older_than_days: int | None = field(default=None, kw_only=True)
    coalesced_into: str | None = field(default=None, kw_only=True)


REQUEST_FIELDS = tuple(each.name for each in fields(RunRequest))


@dataclass(frozen=True, slots=True)
class Plan(RunRequest):
    """A run as planned: its parameters, and its series in shards.

    Two runs with the same parameters have the same `fingerprint`; an empty one matches no run.
    """

    shards: tuple[tuple[Series, ...], ...]
    fingerprint: str = ""


@dataclass(frozen=True, slots=True)
class Window:
    """The days that a request asks to forecast; of two windows the later request wins."""

    first_day: date
    horizon: int
    requested_at: datetime
    request_id: str

    @property
    def age(self) -> tuple[datetime, str]:
        """The sort key by age; a later request is newer."""
        return self.requested_at, self.request_id


@dataclass(frozen=True, slots=True)
class Candidate:
    """A model that has or may get an alias; `forecasts_by` is the strategy it forecasts with."""

    model_id: str
    data_through: date
    requested_at: datetime
    forecasts_by: str

    @property
    def age(self) -> tuple[date, datetime, str]:
        """The sort key by age: the last day of training data, then when the run was requested.

        Not `as_of`, which may lie beyond all sales: of two models trained on the same days the
        one requested later is newer.
        """
        return self.data_through, self.requested_at, self.model_id


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a new model became champion, and why, with the scores that were compared."""

    promote: bool
    reason: str
    champion_model_id: str | None = None
    score: float | None = None
    champion_score: float | None = None


@dataclass(frozen=True, slots=True)
class Promotion:
    """A model that became champion, the one it replaced, and the first day to forecast.

    If a person promoted the current champion again, `previous_model_id` is its own id.
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
    """A change of champion or challenger; `cause_id` is the id of the request or of the model.

    Promoting the challenger leaves that alias empty. If a person promotes the current champion
    again, old and new model are the same. Version, strategy and as_of are kept for models that
    have been deleted.
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

    `assumed` names the drivers without a plan for that day, `limited` those planned beyond the
    range seen in training; `bounded` says that the forecast was cut to its upper bound.
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

    `newest_sale` is the newest day with sales of the series, and `served_since` when these days
    were first served, by any model; both are set only for a served forecast.
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
    """The number of a run's series with a champion, and how many of these are forecast for the
    days that the run, or a later request, asked for.
    """

    due: int
    current: int
    stale_since: datetime | None = None

    @property
    def stale(self) -> bool:
        """Whether some champions lack that forecast."""
        return self.current < self.due

    @property
    def stale_reason(self) -> str | None:
        """Why some champions lack that forecast, and what to do; None if none does."""
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
class Run(RunRequest):
    """The state of a run; the first `failures` are filled in when a single run is read, and
    `forecasts` when it has ended.
    """

    counts: Counts
    finished_at: datetime | None
    failures: tuple[Failure, ...] = ()
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
class RunFilter:
    """Which runs to list: by state, by requester, and requested at `since` or later, and earlier
    than `before`. None: any.
    """

    state: str | None = None
    requested_by: str | None = None
    since: datetime | None = None
    before: datetime | None = None


ALL_RUNS = RunFilter()


@dataclass(frozen=True, slots=True)
class SeriesSummary:
    """A series, its first and last day, and its champion's version if it has one."""

    store: str
    product: str
    first_day: date
    last_day: date
    champion_version: int | None


@dataclass(frozen=True, slots=True)
class SeenTick:
    """A schedule's cron expression, and the time of the last tick that was done."""

    schedule: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Extent:
    """The extent of some sales: the number of series and of days, the first and the last day."""

    series: int
    days: int
    first_day: date | None
    last_day: date | None
