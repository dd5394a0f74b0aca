"""The routes of sales: taking back what was brought in.

A removal of a store or a product is one of each of the series it has now. What holds is what
the stream job finds when it reads the events: an import's sales that come later go too.
"""

import asyncio
import uuid
from typing import Annotated

from fastapi import Depends, FastAPI

from events.envelope import Event, derive_id, first_event
from events.payloads import SalesRemoved
from events.publisher import Publisher
from functions.api import sale_views as views
from functions.api.body import body_of, documented
from functions.api.problems import (
    REFUSALS,
    UNUSABLE_BODY,
    OutageTest,
    not_acknowledged,
    unprocessable,
)
from functions.planner.planner import unknown_series
from functions.ports import Storage
from functions.records import Extent, Series

SOURCE = "shelfcast/api"
COUNT_SECONDS = 15.0  # to count an import's sales; its scan is the longest that a route waits for


def add_sales(app: FastAPI, storage: Storage, publisher: Publisher, is_outage: OutageTest) -> None:
    """Add the routes to the application."""
    answers = REFUSALS | UNUSABLE_BODY

    @app.post(
        "/sales/removals/preview", responses=answers, openapi_extra=documented(views.RemovalBody)
    )
    async def preview(
        body: Annotated[views.RemovalBody, Depends(body_of(views.RemovalBody))],
    ) -> views.ExtentView:
        """How many days of how many series a removal would take back now."""
        _, extent = await _found(storage, body)
        return views.ExtentView.model_validate(extent)

    @app.post(
        "/sales/removals",
        status_code=202,
        responses=answers,
        openapi_extra=documented(views.RemovalBody),
    )
    async def remove(
        body: Annotated[views.RemovalBody, Depends(body_of(views.RemovalBody))],
    ) -> views.RemovalAccepted:
        """Ask for sales to be taken back. What they had overwritten does not come back."""
        series, extent = await _found(storage, body)
        request_id = body.request_id or str(uuid.uuid4())
        events = [_removal(body, request_id, each) for each in series]
        try:
            await publisher.publish(events)
        except Exception as error:
            if not is_outage(error):
                raise
            raise not_acknowledged(error, "request_id", request_id, "one removal") from error
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
    """The series to take from, or None for those of an import, and what goes; 422 for nothing."""
    if body.import_id is not None:
        async with asyncio.timeout(COUNT_SECONDS):
            extent = await storage.imported(body.import_id)
        if not extent.days:
            raise unprocessable(
                "import_id",
                body.import_id,
                "no sales are known of this import; its id is what `sales import` told, and sales "
                "of a moment ago are known once they are read",
            )
        return (None,), extent
    field = "store" if body.store else "product"
    scope = await storage.scope(body.store, body.product)
    if not scope.series:
        message = unknown_series(body.store, body.product).removeprefix(f"{field}: ")
        raise unprocessable(field, body.store or body.product or "", message)
    extent = await storage.sold(scope.series, body.first_day, body.last_day)
    if not extent.days:
        field = "first_day" if body.first_day else "last_day"
        raise unprocessable(
            field,
            str(body.first_day or body.last_day),
            f"there are no sales on these days, but from {scope.first_day} to {scope.newest_day}",
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
