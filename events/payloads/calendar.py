"""What is known ahead, and that it changed."""

from typing import Annotated, ClassVar

from pydantic import BaseModel, ConfigDict, Field

from events.payloads.base import Payload
from events.payloads.fields import Day, Drivers, ImaginableDay, Name, RunId

MAX_SCOPES = 1000  # of a calendar's change; they fit into an event


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
    scopes: Annotated[tuple[ScopeRef, ...], Field(min_length=1, max_length=MAX_SCOPES)]
    first_day: Day
    last_day: Day

    @property
    def key(self) -> str:
        return self.change_id
