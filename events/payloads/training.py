"""Shards to train, and what came of each series."""

import json
from collections.abc import Iterator
from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticSerializationError, to_json

from events.payloads.base import OfRun, OfSeries, SeriesRef
from events.payloads.fields import (
    MAX_HORIZON,
    MAX_INTEGER,
    Finite,
    ImaginableDay,
    Name,
    Policy,
    RunId,
    Text,
)


class TrainingShardRequested(OfRun):
    """A share of a run: the series to train together."""

    TYPE: ClassVar[str] = "shelfcast.training.shard-requested.v1"
    TOPIC: ClassVar[str] = "training-shards"

    shard: Annotated[int, Field(ge=0, le=MAX_INTEGER)]
    series: Annotated[tuple[SeriesRef, ...], Field(min_length=1)]
    as_of: ImaginableDay
    strategy: Name
    horizon: Annotated[int, Field(ge=1, le=MAX_HORIZON)]
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


class ModelTrained(OfSeries):
    """A series has a new model: how it was made, how good it is, and its parameters."""

    TYPE: ClassVar[str] = "shelfcast.model.trained.v1"
    TOPIC: ClassVar[str] = "training-results"

    run_id: RunId
    model_id: RunId
    strategy: Name
    as_of: ImaginableDay
    horizon: Annotated[int, Field(ge=1, le=MAX_HORIZON)]
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


class TrainingFailed(OfSeries):
    """A series of a run could not be trained."""

    TYPE: ClassVar[str] = "shelfcast.training.failed.v1"
    TOPIC: ClassVar[str] = "training-results"

    run_id: RunId
    reason: Text
