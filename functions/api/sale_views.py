"""What the routes of sales take and answer."""

import datetime as dt

from pydantic import Field, model_validator

from events.payloads import Name, RunId, check_removal
from functions.api.views import Day, Repeatable, View


class RemovalBody(Repeatable):
    """Which sales to take back: of a series, a store or a product, or of an import."""

    store: Name | None = Field(None, description="Only this store.")
    product: Name | None = Field(None, description="Only this product.")
    first_day: Day | None = Field(None, description="Only from this day on.")
    last_day: Day | None = Field(None, description="Only up to this day.")
    import_id: RunId | None = Field(
        None, description="All that this import brought, as it told; instead of all of these."
    )

    @model_validator(mode="after")
    def _names_some(self) -> "RemovalBody":
        check_removal(self.store, self.product, self.first_day, self.last_day, self.import_id)
        if self.import_id is None and self.store is None and self.product is None:
            raise ValueError("name a store, a product or both, or an import_id")
        return self


class ExtentView(View):
    """How much is taken back."""

    series: int
    days: int
    first_day: dt.date | None
    last_day: dt.date | None


class RemovalAccepted(ExtentView):
    """A removal that became an event for each series, or one for an import."""

    request_id: str
