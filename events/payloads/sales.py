"""What was sold, and what of it is taken back."""

import datetime as dt
from typing import Annotated, ClassVar

from pydantic import AfterValidator, Field, model_validator

from events.payloads.base import OfSeries, Payload
from events.payloads.fields import Day, Drivers, Name, RunId, Text, imaginable, sold_by_tomorrow

MAX_UNITS = 1e9  # more than any store sells of anything in a day


class SaleRecorded(OfSeries):
    """What a store sold of a product on one of its calendar days; a later event corrects it."""

    TYPE: ClassVar[str] = "shelfcast.sale.recorded.v1"
    TOPIC: ClassVar[str] = "sales"

    store: Name
    product: Name
    date: Annotated[Day, AfterValidator(sold_by_tomorrow)] = Field(
        description="The store's own calendar day, never cut from a UTC timestamp."
    )
    units: Annotated[float, Field(ge=0, le=MAX_UNITS, allow_inf_nan=False)]
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
    first_day: Annotated[Day, AfterValidator(imaginable)] | None = Field(
        None, description="Of the series only from this day on."
    )
    last_day: Annotated[Day, AfterValidator(imaginable)] | None = Field(
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
