"""Forecasts: asked for, shared out, published."""

import datetime as dt
from typing import Annotated, ClassVar

from pydantic import BaseModel, ConfigDict, Field, model_validator

from events.payloads.base import OfScope, OfSeries, Payload, ScopeFields, SeriesRef
from events.payloads.fields import MAX_HORIZON, Day, ImaginableDay, Name, RunId, Text


class ForecastDay(BaseModel):
    """One day's forecast, in units, with its 95 % interval."""

    model_config = ConfigDict(
        frozen=True, strict=True, extra="ignore", allow_inf_nan=False, from_attributes=True
    )

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


class ForecastPublished(OfSeries):
    """A champion's forecast of the coming days."""

    TYPE: ClassVar[str] = "shelfcast.forecast.published.v1"
    TOPIC: ClassVar[str] = "forecasts"

    run_id: RunId
    model_id: RunId
    days: Annotated[tuple[ForecastDay, ...], Field(min_length=1)]


class RollForwardFields(ScopeFields):
    """What to forecast anew: on the wire and over HTTP."""

    as_of: ImaginableDay | None = Field(
        None, description="First day to forecast; unset: the day after the newest sales."
    )
    horizon: Annotated[int, Field(ge=1, le=MAX_HORIZON)] | None = Field(
        None, description="Days to forecast; unset: as many as are served now."
    )


class ForecastRequested(RollForwardFields, OfScope):
    """Somebody wants champions' forecasts made anew from the newest sales on, without training."""

    TYPE: ClassVar[str] = "shelfcast.forecast.requested.v1"
    TOPIC: ClassVar[str] = "forecast-requests"

    requested_by: Name = Field(description="Who asks: api, cli, ui, scheduler, …")
    reason: Text = ""


class ForecastShardRequested(Payload):
    """A share of the forecasts to be made: of the champions that these series have by then."""

    TYPE: ClassVar[str] = "shelfcast.forecast.shard-requested.v1"
    TOPIC: ClassVar[str] = "forecast-shards"

    request_id: RunId = Field(description="The run, request or change that asks.")
    series: Annotated[tuple[SeriesRef, ...], Field(min_length=1)]
    as_of: Day | None = Field(None, description="First day to forecast; unset: as served now.")
    horizon: Annotated[int, Field(ge=1, le=MAX_HORIZON)] | None = Field(
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
