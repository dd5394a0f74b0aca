"""The data of every event type: Pydantic models, frozen, versioned by their type name.

Within a version only optional fields are added, and a reader ignores fields it does not
know, so old and new processes work side by side during a roll-out. Types are strict:
`"12"` is no number and `2015-07-31T00:00:00Z` is no date.
"""

import datetime as dt
import json
import re
from abc import ABC, abstractmethod
from collections.abc import Iterator
from functools import lru_cache
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationInfo,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import PydanticSerializationError, to_json

from events import names
from events.clock import utc_today

EARLIEST_DAY = dt.date(1900, 1, 1)
LATEST_DAY = dt.date(2200, 1, 1)
MAX_INTEGER = 2**31 - 1  # of a column of Postgres
MOST_UNITS = 1e9  # more than any store sells of anything in a day
MOST_DRIVERS = 64
MOST_SERIES = 5000  # named one by one; they fit into an event
MOST_SCOPES = 1000  # of a calendar's change; they fit into an event
MOST_DAYS_OLD = 36_600  # a century
LONGEST_HORIZON = 90  # days; a model from 120 days says little beyond a quarter
DEFAULT_HORIZON = 7  # days: the coming week
EXPRESS_SERIES = 16  # that a run has at most to go on the express lane: what a person waits for
DEFAULT_STRATEGY = "auto"  # unless another is named

Name = Annotated[str, AfterValidator(names.name), WithJsonSchema(names.NAME_SCHEMA)]
KeptName = Annotated[str, AfterValidator(names.kept_name), WithJsonSchema(names.NAME_SCHEMA)]
RunId = Annotated[str, AfterValidator(names.run_id), WithJsonSchema(names.RUN_ID_SCHEMA)]
Text = Annotated[str, AfterValidator(names.one_line_text), WithJsonSchema(names.TEXT_SCHEMA)]
Finite = Annotated[float, Field(allow_inf_nan=False)]
Drivers = Annotated[dict[Name, Finite], Field(max_length=MOST_DRIVERS)]
Version = Annotated[int, Field(ge=1, le=MAX_INTEGER)]
Policy = Literal["always", "if-better", "never"]
PromotionAction = Literal["promote", "rollback"]
Lane = Literal["bulk", "express"]


def _written_as_a_day(value: object, info: ValidationInfo) -> object:
    # Pydantic would read the string "20150731" as seconds since 1970.
    if info.mode != "json" or not isinstance(value, str):
        return value
    return _day(value)


@lru_cache(4096)  # sales of many series share few days
def _day(text: str) -> dt.date:
    if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text) is None:
        raise ValueError("a day is written as YYYY-MM-DD")
    return dt.date.fromisoformat(text)


Day = Annotated[dt.date, BeforeValidator(_written_as_a_day)]


@lru_cache(4096)  # a day that was accepted stays acceptable; a refusal is not kept
def _sold_by_tomorrow(day: dt.date) -> dt.date:
    # A store ahead of UTC may already live in UTC's tomorrow; nobody lives beyond it.
    if day > (latest := utc_today() + dt.timedelta(days=1)):
        raise ValueError(f"a sale's date can't be after {latest}; send the store's calendar day")
    if day < EARLIEST_DAY:
        raise ValueError(f"a sale's date can't be before {EARLIEST_DAY}")
    return day


@lru_cache(4096)
def _imaginable(day: dt.date) -> dt.date:
    if not EARLIEST_DAY <= day <= LATEST_DAY:
        raise ValueError(f"must be a day from {EARLIEST_DAY} to {LATEST_DAY}")
    return day


ImaginableDay = Annotated[Day, AfterValidator(_imaginable)]


class Payload(BaseModel, ABC):
    """What every event's data have in common."""

    model_config = ConfigDict(frozen=True, strict=True, extra="ignore", allow_inf_nan=False)

    TYPE: ClassVar[str]
    TOPIC: ClassVar[str]

    @property
    @abstractmethod
    def key(self) -> str:
        """The Kafka key: order holds among events of one key."""

    @property
    def subject(self) -> str:
        """What the event is about; unique among the effects of one cause."""
        return self.key

    @property
    def lane(self) -> Lane:
        """The lane that it begins on when it has no cause of ours."""
        return "bulk"


class SeriesRef(BaseModel):
    """One series: a product in a store, both named as the database has them."""

    model_config = ConfigDict(frozen=True, strict=True, extra="ignore")

    store: KeptName
    product: KeptName


def _well_named(series: SeriesRef) -> SeriesRef:
    found = {}
    for part in ("store", "product"):
        try:
            found[part] = names.name(getattr(series, part))
        except ValueError as error:
            raise ValueError(f"its {part} {error}") from None
    return series if found == series.__dict__ else SeriesRef(**found)


# A series as somebody names it who asks for something.
NamedSeries = Annotated[SeriesRef, AfterValidator(_well_named)]


class _OfSeries(Payload):
    store: KeptName
    product: KeptName

    @property
    def key(self) -> str:
        return f"{self.store}/{self.product}"


class _OfRun(Payload):
    run_id: RunId

    @property
    def key(self) -> str:
        return self.run_id


class SaleRecorded(_OfSeries):
    """What a store sold of a product on one of its calendar days; a later event corrects it."""

    TYPE: ClassVar[str] = "shelfcast.sale.recorded.v1"
    TOPIC: ClassVar[str] = "sales"

    store: Name
    product: Name
    date: Annotated[Day, AfterValidator(_sold_by_tomorrow)] = Field(
        description="The store's own calendar day, never cut from a UTC timestamp."
    )
    units: Annotated[float, Field(ge=0, le=MOST_UNITS, allow_inf_nan=False)]
    open: bool = Field(True, description="Whether the store was open; a closed day sells nothing.")
    drivers: Drivers = Field(
        default_factory=dict,
        description="What drove demand that day, as named numbers: promo, school_holiday, …",
    )
    import_id: RunId | None = Field(
        None, description="The import that brought it, by which it can be taken back with others."
    )

    @property
    def subject(self) -> str:
        return f"{self.key}/{self.date}"


class SalesRemoved(Payload):
    """Sales are taken back: those of a series or of some of its days, or all of one import.

    A day whose newest sale is among them, and was recorded before, has none from then on, in
    whatever order the events are read. A sale that is recorded later brings its day back.
    """

    TYPE: ClassVar[str] = "shelfcast.sales.removed.v1"
    TOPIC: ClassVar[str] = "sales"

    store: Name | None = Field(None, description="The series' store; with product.")
    product: Name | None = Field(None, description="The series' product; with store.")
    first_day: Annotated[Day, AfterValidator(_imaginable)] | None = Field(
        None, description="Of the series only from this day on."
    )
    last_day: Annotated[Day, AfterValidator(_imaginable)] | None = Field(
        None, description="Of the series only up to this day."
    )
    import_id: RunId | None = Field(
        None, description="All that this import brought; instead of a series."
    )
    requested_by: Name = Field(description="Who asks: api, cli, ui, …")
    reason: Text = ""

    @model_validator(mode="after")
    def _is_one_wish(self) -> "SalesRemoved":
        check_removal(self.store, self.product, self.first_day, self.last_day, self.import_id)
        if self.import_id is None and (self.store is None or self.product is None):
            raise ValueError("name store and product, or an import_id")
        return self

    @property
    def key(self) -> str:
        return self.import_id or f"{self.store}/{self.product}"


def check_removal(
    store: str | None,
    product: str | None,
    first_day: dt.date | None,
    last_day: dt.date | None,
    import_id: str | None,
) -> None:
    """ValueError for an import beside a series or days, and for days the wrong way round."""
    if import_id is not None and any((store, product, first_day, last_day)):
        raise ValueError("import_id: means all of the import; leave out store, product and days")
    if first_day is not None and last_day is not None and last_day < first_day:
        raise ValueError(f"last_day: {last_day} is before first_day {first_day}; swap them")


class CalendarPlanned(Payload):
    """What is planned for a day of one series or of many; a later event replaces it whole.

    Where several apply to a series, the more specific one wins in what it says of opening and
    of each driver: (store, product), then the store's, then the product's, then that of all.
    """

    TYPE: ClassVar[str] = "shelfcast.calendar.planned.v1"
    TOPIC: ClassVar[str] = "calendar"

    store: Name | None = Field(None, description="Only this store; unset: every store.")
    product: Name | None = Field(None, description="Only this product; unset: every product.")
    date: ImaginableDay = Field(description="The store's own calendar day.")
    open: bool | None = Field(None, description="Whether the store will be open; unset: not said.")
    drivers: Drivers = Field(
        default_factory=dict,
        description="What will drive demand that day, named as in sale-recorded.",
    )

    @property
    def key(self) -> str:
        return f"{self.store or '*'}/{self.product or '*'}"

    @property
    def subject(self) -> str:
        return f"{self.key}/{self.date}"


class _OfScope(Payload):
    """A request for the series of a store, of a product, of both, for named ones, or for all."""

    store: Name | None = Field(None, description="Only this store; unset: every store.")
    product: Name | None = Field(None, description="Only this product; unset: every product.")
    series: Annotated[tuple[NamedSeries, ...], Field(max_length=MOST_SERIES)] | None = Field(
        None, description="Only these series; instead of store and product."
    )

    @model_validator(mode="after")
    def _names_series_once(self) -> Self:
        check_named_series(self.series, self.store, self.product)
        return self

    @property
    def key(self) -> str:
        return f"{self.store or '*'}/{self.product or '*'}"

    @property
    def lane(self) -> Lane:
        """Express if it names few series: these don't wait behind a run of all."""
        one = self.store is not None and self.product is not None
        few = self.series is not None and len(self.series) <= EXPRESS_SERIES
        return "express" if one or few else "bulk"


class RetrainRequested(_OfScope):
    """Somebody wants models retrained. The event's id is the run's id."""

    TYPE: ClassVar[str] = "shelfcast.retrain.requested.v1"
    TOPIC: ClassVar[str] = "retrain-requests"

    failed_in: RunId | None = Field(
        None, description="Of these only the series that failed in that run."
    )
    older_than_days: Annotated[int, Field(ge=1, le=MOST_DAYS_OLD)] | None = Field(
        None,
        description="Of these only the series without a champion, or whose champion's as_of is "
        "more than so many days before this run's.",
    )
    as_of: ImaginableDay | None = Field(
        None,
        description="First day to forecast, at most the horizon after the newest sale; unset: "
        "the day after the one that most of the series have reached.",
    )
    strategy: Name = DEFAULT_STRATEGY
    horizon: Annotated[int, Field(ge=1, le=LONGEST_HORIZON)] = Field(
        DEFAULT_HORIZON, description="Days to forecast."
    )
    policy: Policy | None = Field(
        None, description="When a new model becomes champion; unset: the setting's."
    )
    requested_by: Name = Field(description="Who asks: api, cli, ui, scheduler, drift, …")
    reason: Text = ""


def check_named_series(
    series: tuple[SeriesRef, ...] | None, store: str | None, product: str | None
) -> None:
    """ValueError if no series is named, one twice, or one beside a store or a product."""
    if series is None:
        return
    if not series:
        raise ValueError("series: is empty; name at least one, or leave it out")
    if store is not None or product is not None:
        raise ValueError("series: names each series; leave it out, or store and product")
    seen = set()
    for each in series:
        if (pair := (each.store, each.product)) in seen:
            name = "/".join(pair)
            raise ValueError(f"series: {name!r} is named more than once; name it once")
        seen.add(pair)


class CancelRequested(_OfRun):
    """Somebody wants a run to end: what is not trained by then stays untrained."""

    TYPE: ClassVar[str] = "shelfcast.retrain.cancel-requested.v1"
    TOPIC: ClassVar[str] = "retrain-requests"

    requested_by: Name = Field(description="Who asks: api, cli, ui, …")
    reason: Text = ""

    @property
    def lane(self) -> Lane:
        """Express: it is not to wait until the run that it is about is through."""
        return "express"


class TrainingShardRequested(_OfRun):
    """A share of a run: the series to train together."""

    TYPE: ClassVar[str] = "shelfcast.training.shard-requested.v1"
    TOPIC: ClassVar[str] = "training-shards"

    shard: Annotated[int, Field(ge=0, le=MAX_INTEGER)]
    series: Annotated[tuple[SeriesRef, ...], Field(min_length=1)]
    as_of: ImaginableDay
    strategy: Name
    horizon: Annotated[int, Field(ge=1, le=LONGEST_HORIZON)]
    policy: Policy = "if-better"

    @property
    def key(self) -> str:
        return f"{self.run_id}/{self.shard}"


class FoldMetrics(BaseModel):
    """How far off the forecasts of one fold of a backtest were."""

    model_config = ConfigDict(frozen=True, strict=True, extra="ignore", allow_inf_nan=False)

    first_day: ImaginableDay
    last_day: ImaginableDay
    metrics: dict[Name, Finite | None]


class Compared(BaseModel):
    """One strategy's backtest of a series, on the same folds as all others of the series."""

    model_config = ConfigDict(frozen=True, strict=True, extra="ignore", allow_inf_nan=False)

    strategy: Name
    model_id: RunId | None = Field(
        None, description="Set if this is the strategy of that model, the champion at the time."
    )
    score: Finite = Field(
        description="Error relative to the honest naive's: 1 is as good, less is better."
    )
    metrics: dict[Name, Finite | None]
    weight: Annotated[float, Field(ge=0, le=1)] | None = Field(
        None, description="Its share in the forecast, where candidates are weighed; else unset."
    )


class Finding(BaseModel):
    """What a reader should know of a model, as data: programs can count and filter by `code`."""

    model_config = ConfigDict(frozen=True, strict=True, extra="ignore", allow_inf_nan=False)

    code: Name
    values: dict[Name, Text | int | Finite | tuple[Text, ...]] = {}


class ModelTrained(_OfSeries):
    """A series has a new model: how it was made, how good it is, and its parameters."""

    TYPE: ClassVar[str] = "shelfcast.model.trained.v1"
    TOPIC: ClassVar[str] = "training-results"

    run_id: RunId
    model_id: RunId
    strategy: Name
    as_of: ImaginableDay
    horizon: Annotated[int, Field(ge=1, le=LONGEST_HORIZON)]
    first_day: ImaginableDay = Field(description="First day used.")
    data_through: ImaginableDay = Field(description="Last day used.")
    rows: Annotated[int, Field(ge=1, le=MAX_INTEGER)] = Field(description="Days used.")
    chosen: Name | None = Field(
        None,
        description="By which it forecasts: the strategy, or the naive where that is better.",
    )
    metrics: dict[Name, Finite | None] = Field(description="Cross-validated, averaged over folds.")
    folds: tuple[FoldMetrics, ...] = ()
    comparison: tuple[Compared, ...] = Field(
        (), description="Every candidate, the champion's strategy and the honest naive."
    )
    findings: tuple[Finding, ...] = Field(
        (),
        description="What a reader should know: a fallback, days that were left out, an end.",
    )
    notes: tuple[Text, ...] = Field((), description="Findings of older versions, in words.")
    parameters: dict[str, Any] = Field(description="The fitted model as plain numbers.")
    versions: dict[Name, Text] = Field(description="Versions of the libraries that made it.")
    fit_seconds: Annotated[float, Field(ge=0)] | None = Field(
        None, description="Seconds that fitting took, with the series fitted together."
    )
    policy: Policy = Field(
        "if-better", description="When it becomes champion, as its run asked for."
    )

    @property
    def every_finding(self) -> tuple[Finding, ...]:
        """The findings, those of older versions as well."""
        said = (Finding(code="said", values={"text": note}) for note in self.notes)
        return (*self.findings, *said)

    @model_validator(mode="after")
    def _can_be_stored(self) -> "ModelTrained":
        if not self.first_day <= self.data_through < self.as_of:
            raise ValueError(
                f"first_day {self.first_day}, data_through {self.data_through} and as_of "
                f"{self.as_of} must follow each other; a model is of days before its as_of"
            )
        check_parameters(self.parameters)
        return self


def check_parameters(parameters: dict[str, Any]) -> None:
    """ValueError for what jsonb does not hold: numbers that are none, U+0000, half characters."""
    try:
        text = to_json(parameters)
    except PydanticSerializationError as error:
        if "surrogates" not in str(error):
            raise
        raise ValueError(
            "parameters: have half of a pair of characters (U+D800 to U+DFFF); leave it out"
        ) from None
    if b"NaN" in text or b"Infinity" in text:  # or a text says so, which is harmless
        try:
            json.dumps(parameters, allow_nan=False)
        except ValueError:
            raise ValueError(
                "parameters: have a number that is not finite; send finite ones"
            ) from None
    if b"\\u0000" in text and "\x00" in "".join(_texts_of(parameters)):
        raise ValueError("parameters: have U+0000 in a text; leave it out")


def _texts_of(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, each in value.items():
            yield name
            yield from _texts_of(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _texts_of(each)


class TrainingFailed(_OfSeries):
    """A series of a run could not be trained."""

    TYPE: ClassVar[str] = "shelfcast.training.failed.v1"
    TOPIC: ClassVar[str] = "training-results"

    run_id: RunId
    reason: Text


class ModelPromoted(_OfSeries):
    """A model became its series' champion."""

    TYPE: ClassVar[str] = "shelfcast.model.promoted.v1"
    TOPIC: ClassVar[str] = "model-promotions"

    run_id: RunId
    model_id: RunId
    version: Version
    as_of: ImaginableDay = Field(
        description="First day to forecast: the model's own, or a later one of the champion before."
    )
    horizon: Annotated[int, Field(ge=1, le=LONGEST_HORIZON)]
    previous_model_id: RunId | None = None
    reason: Text = Field("", description="Why, in words and numbers.")
    changed_by: Name | None = Field(None, description="Who: the registry by itself, or a person.")


class ChallengerKept(_OfSeries):
    """A new model did not become its series' champion, and why."""

    TYPE: ClassVar[str] = "shelfcast.model.kept-as-challenger.v1"
    TOPIC: ClassVar[str] = "model-promotions"

    run_id: RunId
    model_id: RunId
    version: Version
    champion_model_id: RunId | None = Field(None, description="Unset: the series has none.")
    reason: Text = Field(description="Why, in words and numbers.")
    score: Finite | None = Field(None, description="Its error relative to the honest naive's.")
    champion_score: Finite | None = Field(
        None, description="The champion's, its strategy backtested on the same folds."
    )


class PromotionRequested(Payload):
    """Somebody wants other champions: those named, or those before."""

    TYPE: ClassVar[str] = "shelfcast.promotion.requested.v1"
    TOPIC: ClassVar[str] = "promotion-requests"

    action: PromotionAction = Field(
        description="promote: to the version or model named, to the run's models, or else to the "
        "challengers. rollback: to the champion before, in each of the series or of those whose "
        "champion is the run's."
    )
    series: Annotated[tuple[NamedSeries, ...], Field(max_length=MOST_SERIES)] = Field(
        (), description="These series; instead of run_id."
    )
    run_id: RunId | None = Field(None, description="Every series of this run; instead of series.")
    version: Version | None = Field(None, description="To promote, of a single series.")
    model_id: RunId | None = Field(None, description="The same by its id; instead of version.")
    requested_by: Name = Field(description="Who asks: api, cli, ui, …")
    reason: Text = ""

    @model_validator(mode="after")
    def _is_one_wish(self) -> "PromotionRequested":
        check_promotion(self.action, len(self.series), self.run_id, self.version, self.model_id)
        return self

    @property
    def key(self) -> str:
        if self.run_id is not None:
            return self.run_id
        return f"{self.series[0].store}/{self.series[0].product}"

    @property
    def lane(self) -> Lane:
        """Express for few series: their forecasts don't wait behind those of a run."""
        return "express" if 0 < len(self.series) <= EXPRESS_SERIES else "bulk"


def check_promotion(
    action: PromotionAction,
    series: int,
    run_id: str | None,
    version: int | None,
    model_id: str | None,
) -> None:
    """Raise ValueError unless the fields together say what is to become champion where."""
    if (series > 0) == (run_id is not None):
        raise ValueError("name series or a run_id, one of the two")
    if version is None and model_id is None:
        return
    if version is not None and model_id is not None:
        raise ValueError("name a version or a model_id, one of the two")
    if action != "promote" or series != 1:
        raise ValueError("version and model_id are for promoting in one series; leave them out")


class RetrainCompleted(_OfRun):
    """Every series of a run has its result. Said again when a late one changes the counts."""

    TYPE: ClassVar[str] = "shelfcast.retrain.completed.v1"
    TOPIC: ClassVar[str] = "runs"

    planned: Annotated[int, Field(ge=0, le=MAX_INTEGER)]
    succeeded: Annotated[int, Field(ge=0, le=MAX_INTEGER)]
    failed: Annotated[int, Field(ge=0, le=MAX_INTEGER)]
    cancelled: Annotated[int, Field(ge=0, le=MAX_INTEGER)] = Field(
        0, description="Series that were not trained because the run was cancelled."
    )

    @property
    def subject(self) -> str:
        cancelled = f"+{self.cancelled}" if self.cancelled else ""
        return f"{self.run_id}/{self.succeeded}+{self.failed}{cancelled}"


class RetrainCoalesced(_OfRun):
    """A run is no run of its own: one that was asked the same was still going, and does it."""

    TYPE: ClassVar[str] = "shelfcast.retrain.coalesced.v1"
    TOPIC: ClassVar[str] = "runs"

    into: RunId = Field(description="The run that was going.")


class ForecastDay(BaseModel):
    """One day's forecast, in units."""

    model_config = ConfigDict(frozen=True, strict=True, extra="ignore", allow_inf_nan=False)

    date: ImaginableDay
    yhat: Annotated[float, Field(ge=0)]
    yhat_lower: Annotated[float, Field(ge=0)]
    yhat_upper: Annotated[float, Field(ge=0)]
    assumed: tuple[Name, ...] = Field(
        (), description="Drivers nobody had planned for that day; their usual value was taken."
    )
    limited: tuple[Name, ...] = Field(
        (),
        description="Drivers planned beyond all that was seen; the nearest seen value was taken.",
    )
    bounded: bool = Field(False, description="Whether the forecast was cut to its bound.")


class ForecastPublished(_OfSeries):
    """A champion's forecast of the coming days."""

    TYPE: ClassVar[str] = "shelfcast.forecast.published.v1"
    TOPIC: ClassVar[str] = "forecasts"

    run_id: RunId
    model_id: RunId
    days: Annotated[tuple[ForecastDay, ...], Field(min_length=1)]


class ForecastRequested(_OfScope):
    """Somebody wants champions' forecasts made anew from the newest sales on, without training."""

    TYPE: ClassVar[str] = "shelfcast.forecast.requested.v1"
    TOPIC: ClassVar[str] = "forecast-requests"

    as_of: ImaginableDay | None = Field(
        None, description="First day to forecast; unset: the day after the newest sales."
    )
    horizon: Annotated[int, Field(ge=1, le=LONGEST_HORIZON)] | None = Field(
        None, description="Days to forecast; unset: as many as are served now."
    )
    requested_by: Name = Field(description="Who asks: api, cli, ui, scheduler, …")
    reason: Text = ""


class ScopeRef(BaseModel):
    """The series of a store, of a product, of both, or all."""

    model_config = ConfigDict(frozen=True, strict=True, extra="ignore")

    store: Name | None = None
    product: Name | None = None


class CalendarChanged(Payload):
    """What is known ahead changed in the database for these scopes and days."""

    TYPE: ClassVar[str] = "shelfcast.calendar.changed.v1"
    TOPIC: ClassVar[str] = "calendar-changes"

    change_id: RunId = Field(description="The part of the log that it was read from.")
    scopes: Annotated[tuple[ScopeRef, ...], Field(min_length=1, max_length=MOST_SCOPES)]
    first_day: Day
    last_day: Day

    @property
    def key(self) -> str:
        return self.change_id


class ForecastShardRequested(Payload):
    """A share of the forecasts to be made: of the champions that these series have by then."""

    TYPE: ClassVar[str] = "shelfcast.forecast.shard-requested.v1"
    TOPIC: ClassVar[str] = "forecast-shards"

    request_id: RunId = Field(description="The run, request or change that asks.")
    series: Annotated[tuple[SeriesRef, ...], Field(min_length=1)]
    as_of: Day | None = Field(None, description="First day to forecast; unset: as served now.")
    horizon: Annotated[int, Field(ge=1, le=LONGEST_HORIZON)] | None = Field(
        None, description="Days to forecast; unset: as served now."
    )
    requested_at: dt.datetime | None = Field(
        None, description="When as_of was asked for: of two, the one asked for later holds."
    )

    @model_validator(mode="after")
    def _says_since_when(self) -> "ForecastShardRequested":
        if (self.as_of is None) != (self.requested_at is None):
            raise ValueError("as_of and requested_at: give both, or neither")
        return self

    @property
    def key(self) -> str:
        return f"{self.series[0].store}/{self.series[0].product}"

    @property
    def subject(self) -> str:
        return f"{self.key}/{self.request_id}"


class PruneRequested(Payload):
    """Somebody wants what is kept for no longer to go, by the settings of what is kept."""

    TYPE: ClassVar[str] = "shelfcast.prune.requested.v1"
    TOPIC: ClassVar[str] = "maintenance-requests"

    requested_by: Name = Field(description="Who asks: scheduler, api, cli, …")
    reason: Text = ""

    @property
    def key(self) -> str:
        return "prune"


class PruneCompleted(Payload):
    """What was kept long enough has gone. Requests that came together share one pruning."""

    TYPE: ClassVar[str] = "shelfcast.prune.completed.v1"
    TOPIC: ClassVar[str] = "maintenance"

    rows: dict[Name, Annotated[int, Field(ge=0, le=MAX_INTEGER)]] = Field(
        description="Rows that went, by table."
    )
    given_up: Annotated[int, Field(ge=0, le=MAX_INTEGER)] = Field(
        0, description="Series that failed because their shard is on the log no longer."
    )
    complete: bool = Field(
        True, description="False: the time for one pruning was over; the next one goes on."
    )

    @property
    def key(self) -> str:
        return "prune"


class DeadLettered(Payload):
    """An event could not be handled. Read from a dead letter's headers, never sent as such."""

    TYPE: ClassVar[str] = "shelfcast.event.dead-lettered.v1"
    TOPIC: ClassVar[str] = "dead-letters"

    letter_id: str
    topic: str = Field(description="Where the original event stood.")
    original_key: str
    run_id: RunId | None = Field(None, description="The run that the original belonged to.")
    error: str
    message: str

    @property
    def key(self) -> str:
        return self.letter_id


PAYLOADS: tuple[type[Payload], ...] = (
    SaleRecorded,
    SalesRemoved,
    CalendarPlanned,
    RetrainRequested,
    CancelRequested,
    TrainingShardRequested,
    ModelTrained,
    TrainingFailed,
    ModelPromoted,
    ChallengerKept,
    PromotionRequested,
    RetrainCompleted,
    RetrainCoalesced,
    ForecastPublished,
    ForecastRequested,
    CalendarChanged,
    ForecastShardRequested,
    PruneRequested,
    PruneCompleted,
)
BY_TYPE: dict[str, type[Payload]] = {payload.TYPE: payload for payload in PAYLOADS}
