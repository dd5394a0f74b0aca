"""What is stored, as functions read and write it: series, runs, models, aliases, forecasts."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import date, datetime
from typing import Any

from events.payloads import Compared, Finding, FoldMetrics, Policy

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
class RunRequest:
    """What was asked of a run, as it was understood: by whom, when and why, and what to train.

    `named` says that its series were named one by one. A run with `coalesced_into` trains nothing:
    the run of that id does what was asked.
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
    """A run as planned: its series, in shards. None if it is coalesced into another one.

    `fingerprint` is equal for two runs if the same was asked of both; empty, it equals none.
    """

    shards: tuple[tuple[Series, ...], ...]
    fingerprint: str = ""


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
class Candidate:
    """A model that has an alias or may get one; `forecasts_by` is the strategy that won in it."""

    model_id: str
    data_through: date
    requested_at: datetime
    forecasts_by: str

    @property
    def age(self) -> tuple[date, datetime, str]:
        """Later is newer: by the last day it has seen, then by when its run was requested.

        Not by its as_of, which may be beyond all sales: a model of the same days that was asked
        for later is the newer one.
        """
        return self.data_through, self.requested_at, self.model_id


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
class Run(RunRequest):
    """A run as it stands; the first `failures` are filled in when one run is asked for, and
    `forecasts` when that has ended.
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
    """Which runs to list: those in a state, asked for by somebody, requested from one moment on,
    and before another. None: whatever.
    """

    state: str | None = None
    requested_by: str | None = None
    since: datetime | None = None
    before: datetime | None = None


ALL_RUNS = RunFilter()


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
