"""What is kept, over HTTP: what would go, and asking for it to go now."""

import datetime as dt
from collections.abc import Callable
from typing import Annotated

from fastapi import Depends, FastAPI
from pydantic import Field

from events.clock import utc_now
from events.envelope import first_event
from events.payloads import Name, PruneRequested, RunId, Text
from events.publisher import Publisher
from functions.api.body import body_of, documented
from functions.api.problems import REFUSALS, UNUSABLE_BODY, OutageTest, not_acknowledged
from functions.api.views import Body, View
from functions.ports import Storage
from functions.retention import Retention, limits

SOURCE = "shelfcast/api"


class PruneBody(Body):
    """Who wants what is kept for no longer to go now, and why."""

    reason: Text = ""
    requested_by: Name = "api"
    request_id: RunId | None = Field(
        None, description="Id of the request; a repeat with the same id is the same request."
    )


class PruneAccepted(View):
    """A request to prune that became an event."""

    request_id: str


class PrunableView(View):
    """What would go of a table."""

    table: str
    rows: int
    oldest: dt.date | None = Field(description="First of the days that it is of.")
    newest: dt.date | None = Field(description="Last of the days that it is of.")
    bytes: int | None = Field(description="About how much room it takes, indices included.")


class PrunableTables(View):
    """What a pruning would let go at this moment."""

    tables: list[PrunableView]


def add_maintenance(
    app: FastAPI,
    storage: Storage,
    publisher: Publisher,
    is_outage: OutageTest,
    retention: Retention,
    clock: Callable[[], dt.datetime] = utc_now,
) -> None:
    """Add the routes to the application."""

    @app.get("/prune", responses=REFUSALS)
    async def prunable() -> PrunableTables:
        """What would go by the settings; nothing is changed."""
        found = await storage.prunable(limits(retention, clock()))
        return PrunableTables.model_validate({"tables": found})

    @app.post(
        "/prune",
        status_code=202,
        responses=REFUSALS | UNUSABLE_BODY,
        openapi_extra=documented(PruneBody),
    )
    async def prune(body: Annotated[PruneBody, Depends(body_of(PruneBody))]) -> PruneAccepted:
        """Ask for it to go now, and not at the next tick of the schedule."""
        request = PruneRequested(requested_by=body.requested_by, reason=body.reason)
        event = first_event(request, SOURCE, event_id=body.request_id)
        try:
            await publisher.publish([event])
        except Exception as error:
            if not is_outage(error):
                raise
            raise not_acknowledged(error, "request_id", event.id, "one pruning") from error
        return PruneAccepted(request_id=event.id)
