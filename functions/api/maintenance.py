"""What is kept, over HTTP: what would go, and asking for it to go now."""

import datetime as dt
from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import Field

from events.envelope import first_event
from events.payloads import PruneRequested
from functions.api.body import body_of, documented
from functions.api.faults import repeat_with
from functions.api.given import Asking, Everything
from functions.api.problems import REFUSALS, UNUSABLE_BODY
from functions.api.views import Repeatable, View
from functions.retention import limits

SOURCE = "shelfcast/api"


class PruneBody(Repeatable):
    """Who wants what is kept for no longer to go now, and why."""


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


router = APIRouter(tags=["maintenance"], responses=REFUSALS)


@router.get("/prune")
async def prunable(given: Everything) -> PrunableTables:
    """What would go by the settings; nothing is changed."""
    found = await given.storage.prunable(limits(given.retention, given.clock()))
    return PrunableTables.model_validate({"tables": found})


@router.post(
    "/prune", status_code=202, responses=UNUSABLE_BODY, openapi_extra=documented(PruneBody)
)
async def prune(
    requests: Asking, body: Annotated[PruneBody, Depends(body_of(PruneBody))]
) -> PruneAccepted:
    """Ask for it to go now, and not at the next tick of the schedule."""
    request = PruneRequested(requested_by=body.requested_by, reason=body.reason)
    event = first_event(request, SOURCE, event_id=body.request_id)
    await requests.publish([event], repeat_with("request_id", event.id, "one pruning"))
    return PruneAccepted(request_id=event.id)
