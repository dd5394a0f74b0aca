"""Who becomes champion, and who asked for it."""

from typing import Annotated, ClassVar

from pydantic import Field, model_validator

from events.payloads.base import NamedSeries, OfSeries, Payload
from events.payloads.fields import (
    EXPRESS_SERIES,
    MAX_HORIZON,
    MAX_SERIES,
    Finite,
    ImaginableDay,
    Lane,
    Name,
    PromotionAction,
    RunId,
    Text,
    Version,
)


class ModelPromoted(OfSeries):
    """A model became its series' champion."""

    TYPE: ClassVar[str] = "shelfcast.model.promoted.v1"
    TOPIC: ClassVar[str] = "model-promotions"

    run_id: RunId
    model_id: RunId
    version: Version
    as_of: ImaginableDay = Field(
        description="First day to forecast: the model's own, or a later one of the champion before."
    )
    horizon: Annotated[int, Field(ge=1, le=MAX_HORIZON)]
    previous_model_id: RunId | None = None
    reason: Text = Field("", description="Why, in words and numbers.")
    changed_by: Name | None = Field(None, description="Who: the registry by itself, or a person.")


class ChallengerKept(OfSeries):
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
    series: Annotated[tuple[NamedSeries, ...], Field(max_length=MAX_SERIES)] = Field(
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
