"""Forecasts over HTTP: what is served, and asking for it to be made anew."""

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Depends, Response

from events.envelope import first_event
from events.payloads import DEFAULT_HORIZON, ForecastRequested, Name
from functions.api import views
from functions.api.body import body_of, documented
from functions.api.faults import repeat_with
from functions.api.given import Asking, Everything, Stored
from functions.api.problems import REFUSALS, UNKNOWN, UNUSABLE_BODY, gone, none_yet
from functions.api.unchanged import UNCHANGED, Known, Wait, entity_tag, is_known, unchanged
from functions.freshness import is_gone, staleness
from functions.planner.as_of import check_as_of
from functions.planner.scope import resolve_scope
from functions.records import Forecast

SOURCE = "shelfcast/api"

router = APIRouter(tags=["forecasts"], responses=REFUSALS)


@router.get("/forecasts/{store}/{product}", responses=UNKNOWN | UNCHANGED)
async def forecast(
    given: Everything,
    store: Name,
    product: Name,
    response: Response,
    known: Known = None,
    wait: Wait = 0,
) -> views.ForecastView:
    """The champion's forecast of the coming days, and whether it is older than it should be."""
    storage, today = given.storage, given.clock().date()

    def is_news(found: Forecast | None) -> bool:
        view = None if found is None or is_gone(found) else forecast_view(found, today)
        return view is not None and not is_known(entity_tag(view), known)

    found = await given.waiting.look(lambda: storage.forecast(store, product), is_news, wait)
    if found is None:
        raise none_yet("forecast", store, product)
    if is_gone(found):
        raise gone(store, product)
    view = forecast_view(found, today)
    tag = entity_tag(view)
    if is_known(tag, known):
        raise unchanged(tag)
    response.headers["ETag"] = tag
    return view


@router.post(
    "/forecasts",
    status_code=202,
    responses=UNUSABLE_BODY,
    openapi_extra=documented(views.RollForwardBody),
)
async def roll_forward(
    storage: Stored,
    requests: Asking,
    body: Annotated[views.RollForwardBody, Depends(body_of(views.RollForwardBody))],
) -> views.ForecastsAccepted:
    """Ask for champions' forecasts to be made anew from the newest sales on, untrained."""
    if not body.all or body.as_of is not None:
        scope = await resolve_scope(storage, body.store, body.product, body.series)
        if body.as_of is not None:
            check_as_of(body.as_of, scope, body.horizon or DEFAULT_HORIZON)
    request = ForecastRequested(
        **{name: getattr(body, name) for name in ForecastRequested.model_fields}
    )
    event = first_event(request, SOURCE, event_id=body.request_id)
    await requests.publish([event], repeat_with("request_id", event.id, "one request"))
    return views.ForecastsAccepted(request_id=event.id)


def forecast_view(found: Forecast, today: date) -> views.ForecastView:
    """A forecast as it is answered on that day."""
    stale = staleness(found, today)
    return views.ForecastView.model_validate(found).model_copy(
        update={
            "stale": stale is not None,
            "stale_since": None if stale is None else stale.since,
            "stale_reason": None if stale is None else stale.reason,
        }
    )
