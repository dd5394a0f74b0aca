"""The routes of models: what there is of a series, and requests for other champions.

A request is looked at before it is published, so that one for what is not there is
answered at once. What holds is what the registry finds when it reads the request.
"""

from typing import Annotated

from fastapi import APIRouter, Depends, Query

from events.envelope import first_event
from events.payloads import MAX_INTEGER, Name, PromotionRequested, SeriesRef
from functions.api import model_views as views
from functions.api.body import body_of, documented
from functions.api.faults import repeat_with
from functions.api.given import Everything, Given, Stored
from functions.api.problems import REFUSALS, UNKNOWN, UNUSABLE_BODY, none_yet
from functions.api.views import Limit
from functions.records import MAX_CHANGE
from functions.registry.transactions import preview

SOURCE = "shelfcast/api"


router = APIRouter(tags=["models"], responses=REFUSALS)


@router.get("/models/{store}/{product}", responses=UNKNOWN)
async def models(
    storage: Stored,
    store: Name,
    product: Name,
    limit: Limit = 100,
    before: Annotated[
        int | None, Query(ge=1, le=MAX_INTEGER, description="Only versions before this one.")
    ] = None,
) -> views.Models:
    """Model versions of a series, newest first, with their aliases and verdicts."""
    found = await storage.versions_page(store, product, before, limit)
    if not found and before is None:
        raise none_yet("model", store, product)
    older = found[-1].version if len(found) == limit else None
    return views.Models.model_validate(
        {"store": store, "product": product, "models": found, "next": older}
    )


@router.get("/models/{store}/{product}/history", responses=UNKNOWN)
async def history(
    storage: Stored,
    store: Name,
    product: Name,
    limit: Limit = 100,
    before: Annotated[
        int | None, Query(ge=1, le=MAX_CHANGE, description="`next` of the page before.")
    ] = None,
) -> views.AliasHistory:
    """Changes of champion and challenger, newest first: who, when, why, from, to."""
    found, older = await storage.alias_history_page(store, product, before, limit)
    if not found and before is None:
        raise none_yet("model", store, product)
    return views.AliasHistory.model_validate(
        {"store": store, "product": product, "changes": found, "next": older}
    )


@router.post(
    "/models/{store}/{product}/promote",
    status_code=202,
    responses=UNKNOWN | UNUSABLE_BODY,
    openapi_extra=documented(views.PromoteBody),
)
async def promote(
    given: Everything,
    store: Name,
    product: Name,
    body: Annotated[views.PromoteBody, Depends(body_of(views.PromoteBody))],
) -> views.PromotionAccepted:
    """Ask for a model, or else the challenger, to become champion of its series."""
    request = PromotionRequested(
        action="promote",
        series=(SeriesRef(store=store, product=product),),
        version=body.version,
        model_id=body.model_id,
        requested_by=body.requested_by,
        reason=body.reason,
    )
    return await _ask_one(given, store, product, request, body.request_id)


@router.post(
    "/models/{store}/{product}/rollback",
    status_code=202,
    responses=UNKNOWN | UNUSABLE_BODY,
    openapi_extra=documented(views.RollbackBody),
)
async def rollback(
    given: Everything,
    store: Name,
    product: Name,
    body: Annotated[views.RollbackBody, Depends(body_of(views.RollbackBody))],
) -> views.PromotionAccepted:
    """Ask for the champion before; a second time for the one that was rolled back."""
    request = PromotionRequested(
        action="rollback",
        series=(SeriesRef(store=store, product=product),),
        requested_by=body.requested_by,
        reason=body.reason,
    )
    return await _ask_one(given, store, product, request, body.request_id)


@router.post(
    "/promotions",
    status_code=202,
    responses=UNUSABLE_BODY,
    openapi_extra=documented(views.PromotionBody),
)
async def promotions(
    given: Everything,
    body: Annotated[views.PromotionBody, Depends(body_of(views.PromotionBody))],
) -> views.PromotionAccepted:
    """Ask for other champions of many series: those named, or those of a run."""
    pairs = (name.split("/") for name in body.series)
    request = PromotionRequested(
        action=body.action,
        series=tuple(SeriesRef(store=store, product=product) for store, product in pairs),
        run_id=body.run_id,
        requested_by=body.requested_by,
        reason=body.reason,
    )
    return await _ask(given, request, body.request_id)


async def _ask_one(
    given: Given, store: str, product: str, request: PromotionRequested, request_id: str | None
) -> views.PromotionAccepted:
    if not (await given.storage.alias_history_page(store, product, None, 1))[0]:
        raise none_yet("model", store, product)
    return await _ask(given, request, request_id)


async def _ask(
    given: Given, request: PromotionRequested, request_id: str | None
) -> views.PromotionAccepted:
    """Publish the request; the registry's Refusal for what is not there."""
    event = first_event(request, SOURCE, event_id=request_id)
    series = len(await given.storage.promotions([event.id]))  # of a repeat; else there are none
    series = series or len(await preview(given.storage, request))
    await given.requests.publish([event], repeat_with("request_id", event.id, "one change"))
    return views.PromotionAccepted(request_id=event.id, series=series)
