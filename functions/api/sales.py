"""The routes of sales: taking back what was brought in.

A removal of a store or a product is one of each of the series it has now. What holds is what
the stream job finds when it reads the events: an import's sales that come later go too.
"""

import asyncio
import uuid
from typing import Annotated

from fastapi import APIRouter, Depends

from events.envelope import Event, derive_id, first_event
from events.errors import InvalidField
from events.payloads import SalesRemoved
from events.wording import shown
from functions.api import sale_views as views
from functions.api.body import body_of, documented
from functions.api.faults import repeat_with
from functions.api.given import Asking, Stored
from functions.api.problems import REFUSALS, UNUSABLE_BODY
from functions.planner.scope import resolve_scope
from functions.ports import Storage
from functions.records import Extent, Series

SOURCE = "shelfcast/api"
COUNT_SECONDS = 15.0  # to count an import's sales; its scan is the longest that a route waits for


router = APIRouter(tags=["sales"], responses=REFUSALS)


@router.post(
    "/sales/removals/preview", responses=UNUSABLE_BODY, openapi_extra=documented(views.RemovalBody)
)
async def preview(
    storage: Stored,
    body: Annotated[views.RemovalBody, Depends(body_of(views.RemovalBody))],
) -> views.ExtentView:
    """How many days of how many series a removal would take back now."""
    _, extent = await _found(storage, body)
    return views.ExtentView.model_validate(extent)


@router.post(
    "/sales/removals",
    status_code=202,
    responses=UNUSABLE_BODY,
    openapi_extra=documented(views.RemovalBody),
)
async def remove(
    storage: Stored,
    requests: Asking,
    body: Annotated[views.RemovalBody, Depends(body_of(views.RemovalBody))],
) -> views.RemovalAccepted:
    """Ask for sales to be taken back. What they had overwritten does not come back."""
    series, extent = await _found(storage, body)
    request_id = body.request_id or str(uuid.uuid4())
    events = [_removal(body, request_id, each) for each in series]
    await requests.publish(events, repeat_with("request_id", request_id, "one removal"))
    return views.RemovalAccepted(
        request_id=request_id,
        series=extent.series,
        days=extent.days,
        first_day=extent.first_day,
        last_day=extent.last_day,
    )


async def _found(
    storage: Storage, body: views.RemovalBody
) -> tuple[tuple[Series | None, ...], Extent]:
    """The series to take from, or None for those of an import, and what goes; Refusal for
    nothing."""
    if body.import_id is not None:
        async with asyncio.timeout(COUNT_SECONDS):
            extent = await storage.imported(body.import_id)
        if not extent.days:
            raise InvalidField(
                "import_id",
                "no sales are known of this import",
                shown(body.import_id),
                "its id is what `sales import` told, and sales of a moment ago are known once they "
                "are read",
            )
        return (None,), extent
    scope = await resolve_scope(storage, body.store, body.product)
    extent = await storage.sold(scope.series, body.first_day, body.last_day)
    if not extent.days:
        raise InvalidField(
            "first_day" if body.first_day else "last_day",
            "there are no sales on these days",
            shown(str(body.first_day or body.last_day)),
            f"choose days from {scope.first_day} to {scope.newest_day}",
        )
    return scope.series, extent


def _removal(
    body: views.RemovalBody, request_id: str, series: Series | None
) -> Event[SalesRemoved]:
    store, product = series or (None, None)
    data = SalesRemoved(
        store=store,
        product=product,
        first_day=body.first_day,
        last_day=body.last_day,
        import_id=body.import_id,
        requested_by=body.requested_by,
        reason=body.reason,
    )
    event_id = derive_id(data.TYPE, request_id, data.key)
    return first_event(data, SOURCE, event_id=event_id, correlation_id=request_id)
