"""Pruning, and events that could not be handled."""

from typing import Annotated, ClassVar

from pydantic import Field

from events.payloads.base import Payload
from events.payloads.fields import MAX_INTEGER, Name, RunId, Text


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
