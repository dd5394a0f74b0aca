"""What the API takes and answers; the OpenAPI document comes from these models."""

import datetime as dt
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    WithJsonSchema,
    model_validator,
)

from events.clock import utc_today
from events.names import MAX_NAME
from events.payloads import (
    EARLIEST_DAY,
    ForecastDay,
    Name,
    RetrainFields,
    RollForwardFields,
    RunId,
    ScopeFields,
    Text,
)

MAX_KEY = 2 * MAX_NAME + 1  # characters of a series' key
DAYS_AHEAD = 366  # that a forecast may begin; no model says anything beyond a year


def _stands_in_a_list(text: str) -> str:
    # Not `Name`: a list may hold what was stored before names were looked at as closely.
    store, _, product = text.partition("/")
    if not (store and product) or "/" in product or not text.isprintable() or len(text) > MAX_KEY:
        raise ValueError("must be store/product, as `next` gives it")
    return text


After = Annotated[
    str,
    AfterValidator(_stands_in_a_list),
    WithJsonSchema({"type": "string", "maxLength": MAX_KEY}),
]


def _written_as_a_day(text: object) -> object:
    # Pydantic would take a query's `20150731` for seconds since 1970.
    if not isinstance(text, str):
        return text
    try:
        day = dt.date.fromisoformat(text)
    except ValueError:
        day = None
    if day is None or text != day.isoformat():
        raise ValueError("must be a day like 2015-07-31")
    return day


def _within_reach(day: dt.date) -> dt.date:
    latest = utc_today() + dt.timedelta(days=DAYS_AHEAD)
    if not EARLIEST_DAY <= day <= latest:
        raise ValueError(f"must be a day from {EARLIEST_DAY} to {latest}")
    return day


def _stands_in_runs(text: str) -> str:
    time, _, run_id = text.partition("/")
    try:
        moment = dt.datetime.fromisoformat(time)
    except ValueError:
        moment = dt.datetime.min
    known = moment.tzinfo is not None and 1 < moment.year < 9999  # a year that each zone has
    if not (known and run_id.isprintable()):
        raise ValueError("must be a time and a run id, as `next` gives it")
    return text


AfterRun = Annotated[
    str,
    AfterValidator(_stands_in_runs),
    WithJsonSchema({"type": "string", "maxLength": MAX_KEY}),
    Field(max_length=MAX_KEY),
]
RunState = Literal["running", "completed", "cancelled", "coalesced"]


Day = Annotated[dt.date, BeforeValidator(_written_as_a_day), AfterValidator(_within_reach)]


Limit = Annotated[int, Field(ge=1, le=1000)]


class View(BaseModel):
    """An answer, made from what storage returns."""

    model_config = ConfigDict(from_attributes=True)


class Body(BaseModel):
    """What a request has to say, strictly."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


class WhoAndWhy(Body):
    """Who asks for something, and why."""

    reason: Text = Field("", description="Why, for those who look at the history.")
    requested_by: Name = "api"


class Repeatable(WhoAndWhy):
    """A request that may be sent again by its id."""

    request_id: RunId | None = Field(
        None, description="Id of the request; a repeat with the same id is the same request."
    )


# Fields of the base that stands last come first.
class RetrainBody(WhoAndWhy, RetrainFields):
    """What to retrain: a store, a product, both (one series), named series, or all.

    `failed_in` and `older_than_days` leave only some of these; `failed_in` alone means all
    that failed in that run.
    """

    as_of: Day | None = Field(
        None,
        description="First day to forecast, at most the horizon after the newest sale; unset: "
        "the day after the one that most of the series have reached.",
    )
    all: bool = Field(False, description="Every series; instead of store and product.")
    run_id: RunId | None = Field(
        None, description="Id of the run; a repeat with the same id is the same run."
    )

    @model_validator(mode="after")
    def _names_a_scope(self) -> "RetrainBody":
        check_scope(self, self.all, self.failed_in is not None)
        return self


class RollForwardBody(Repeatable, RollForwardFields):
    """Whose forecasts to make anew: a store's, a product's, one series', named ones, or all."""

    as_of: Day | None = Field(
        None, description="First day to forecast; unset: the day after the newest sales."
    )
    all: bool = Field(False, description="Every series; instead of store and product.")

    @model_validator(mode="after")
    def _names_a_scope(self) -> "RollForwardBody":
        check_scope(self, self.all)
        return self


def check_scope(body: ScopeFields, everything: bool, otherwise: bool = False) -> None:
    """ValueError for a body that names series and means all, or neither, unless it says which
    `otherwise`.
    """
    chosen = any(each is not None for each in (body.store, body.product, body.series))
    if (chosen and everything) or not (chosen or everything or otherwise):
        raise ValueError(
            "name a store, a product or both, or series, or set all to true, but not both"
        )


class CancelBody(WhoAndWhy):
    """Who wants a run to end, and why."""


class Accepted(View):
    """A request that became an event."""

    run_id: str
    url: str


class ForecastsAccepted(View):
    """A request that became an event; what comes of it is served by GET /forecasts."""

    request_id: str


class CountsView(View):
    """A run's series by result."""

    planned: int
    succeeded: int
    failed: int
    cancelled: int
    pending: int


class FailureView(View):
    """A series that could not be trained."""

    store: str
    product: str
    reason: str


class RunView(View):
    """A run as it stands."""

    run_id: str
    state: str = Field(description="running, completed, cancelled or coalesced")
    coalesced_into: str | None = Field(
        description="The run that does what was asked, for a coalesced one."
    )
    requested_by: str
    requested_at: dt.datetime
    reason: str
    store: str | None
    product: str | None
    strategy: str
    as_of: dt.date
    horizon: int
    policy: str
    named: bool = Field(description="Whether the series were named one by one.")
    failed_in: str | None
    older_than_days: int | None
    counts: CountsView
    finished_at: dt.datetime | None


class RunForecasts(View):
    """Of an ended run's series: how many have a champion, and how many of these are forecast for
    the days that the run, or a later request, asked for. `stale` while some are not.
    """

    due: int
    current: int
    stale: bool
    stale_since: dt.datetime | None
    stale_reason: str | None


class RunDetail(RunView):
    """A run with the first of its failures, and once it has ended with its forecasts.

    `counts.failed` says how many failures there are.
    """

    failures: list[FailureView]
    more: str | None = Field(None, description="Where the other failures are, if there are others.")
    forecasts: RunForecasts | None


class Failures(View):
    """A page of a run's failures; ask again with `after` = `next` until it is null."""

    failures: list[FailureView]
    next: str | None


class Runs(View):
    """A page of runs, newest first; ask again with `after` = `next` until it is null."""

    runs: list[RunView]
    next: str | None


class ForecastView(View):
    """A series' forecast by its champion.

    `stale` says that it is older than it should be: since when, and why.
    """

    store: str
    product: str
    model_id: str
    version: int
    data_through: dt.date
    published_at: dt.datetime
    stale: bool = False
    stale_since: dt.date | None = None
    stale_reason: str | None = None
    days: tuple[ForecastDay, ...]


class ForecastQuery(Body, ScopeFields):
    """The series to read the forecasts of: a store's, a product's, named ones, or all."""

    all: bool = Field(False, description="Every series; instead of store and product.")
    after: After | None = Field(None, description="store/product of the last one seen.")
    limit: Limit | None = Field(
        None, description="How many; unset: 100 as JSON, all of them as a stream."
    )

    @model_validator(mode="after")
    def _names_a_scope(self) -> "ForecastQuery":
        check_scope(self, self.all)
        return self


class ForecastPage(View):
    """A page of forecasts; ask again with `after` = `next` until it is null."""

    forecasts: list[ForecastView]
    next: str | None


class SeriesView(View):
    """A series and the days it has."""

    store: str
    product: str
    first_day: dt.date
    last_day: dt.date
    champion_version: int | None


class SeriesPage(View):
    """A page of series; ask again with `after` = `next` until it is null."""

    series: list[SeriesView]
    next: str | None


class SoldDay(View):
    """What a series sold on a day; a closed day sells nothing."""

    date: dt.date
    units: float
    open: bool


class History(View):
    """Days of a series that are known, oldest first; a day without sales data is left out."""

    store: str
    product: str
    days: list[SoldDay]
