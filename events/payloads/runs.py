"""Runs: asked for, called off, done by another, and ended."""

from typing import Annotated, ClassVar

from pydantic import Field

from events.payloads.base import OfRun, OfScope, ScopeFields
from events.payloads.fields import (
    DEFAULT_HORIZON,
    MAX_DAYS_OLD,
    MAX_HORIZON,
    MAX_INTEGER,
    ImaginableDay,
    Lane,
    Name,
    Policy,
    RunId,
    Text,
)

DEFAULT_STRATEGY = "auto"  # unless another is named


class RetrainFields(ScopeFields):
    """What to retrain, and how: on the wire and over HTTP."""

    failed_in: RunId | None = Field(
        None, description="Of these only the series that failed in that run."
    )
    older_than_days: Annotated[int, Field(ge=1, le=MAX_DAYS_OLD)] | None = Field(
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
    horizon: Annotated[int, Field(ge=1, le=MAX_HORIZON)] = Field(
        DEFAULT_HORIZON, description="Days to forecast."
    )
    policy: Policy | None = Field(
        None, description="When a new model becomes champion; unset: the setting's."
    )


class RetrainRequested(RetrainFields, OfScope):
    """Somebody wants models retrained. The event's id is the run's id."""

    TYPE: ClassVar[str] = "shelfcast.retrain.requested.v1"
    TOPIC: ClassVar[str] = "retrain-requests"

    requested_by: Name = Field(description="Who asks: api, cli, ui, scheduler, drift, …")
    reason: Text = ""


class CancelRequested(OfRun):
    """Somebody wants a run to end: what is not trained by then stays untrained."""

    TYPE: ClassVar[str] = "shelfcast.retrain.cancel-requested.v1"
    TOPIC: ClassVar[str] = "retrain-requests"

    requested_by: Name = Field(description="Who asks: api, cli, ui, …")
    reason: Text = ""

    @property
    def lane(self) -> Lane:
        """Express: it is not to wait until the run that it is about is through."""
        return "express"


class RetrainCompleted(OfRun):
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


class RetrainCoalesced(OfRun):
    """The request duplicates a run in progress: run `into` does the work."""

    TYPE: ClassVar[str] = "shelfcast.retrain.coalesced.v1"
    TOPIC: ClassVar[str] = "runs"

    into: RunId = Field(description="The run that was going.")
