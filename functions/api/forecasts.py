"""Forecasts over HTTP: what is served, and asking for it to be made anew."""

from datetime import date
from typing import Annotated

from fastapi import Depends, FastAPI, Response

from events.clock import utc_today
from events.envelope import first_event
from events.payloads import DEFAULT_HORIZON, ForecastRequested, Name
from events.publisher import Publisher
from functions.api import views
from functions.api.body import body_of, documented
from functions.api.problems import (
    REFUSALS,
    UNKNOWN,
    UNUSABLE_BODY,
    OutageTest,
    gone,
    none_yet,
    not_acknowledged,
    unprocessable,
)
from functions.api.unchanged import (
    UNCHANGED,
    Known,
    Wait,
    Waiting,
    entity_tag,
    is_known,
    unchanged,
)
from functions.freshness import is_gone, staleness
from functions.planner.as_of import too_late
from functions.planner.planner import too_early, unknown_named_series, unknown_series
from functions.ports import ServingStorage, Storage
from functions.records import Forecast, Scope

SOURCE = "shelfcast/api"


def add_forecasts(
    app: FastAPI, storage: ServingStorage, publisher: Publisher, is_outage: OutageTest
) -> None:
    """Add the paths of forecasts to the application."""

    waiting = Waiting(storage.changes)

    @app.get("/forecasts/{store}/{product}", responses=REFUSALS | UNKNOWN | UNCHANGED)
    async def forecast(
        store: Name, product: Name, response: Response, known: Known = None, wait: Wait = 0
    ) -> views.ForecastView:
        """The champion's forecast of the coming days, and whether it is older than it should be."""

        def is_news(found: Forecast | None) -> bool:
            view = None if found is None or is_gone(found) else _view(found)
            return view is not None and not is_known(entity_tag(view), known)

        found = await waiting.look(lambda: storage.forecast(store, product), is_news, wait)
        if found is None:
            raise none_yet("forecast", store, product)
        if is_gone(found):
            raise gone(store, product)
        view = _view(found)
        tag = entity_tag(view)
        if is_known(tag, known):
            raise unchanged(tag)
        response.headers["ETag"] = tag
        return view

    @app.post(
        "/forecasts",
        status_code=202,
        responses=REFUSALS | UNUSABLE_BODY,
        openapi_extra=documented(views.RollForwardBody),
    )
    async def roll_forward(
        body: Annotated[views.RollForwardBody, Depends(body_of(views.RollForwardBody))],
    ) -> views.ForecastsAccepted:
        """Ask for champions' forecasts to be made anew from the newest sales on, untrained."""
        scope = await known_scope(storage, body)
        if body.as_of is not None:
            scope = scope or await storage.scope(None, None)
            refuse_day(body.as_of, scope, body.horizon or DEFAULT_HORIZON)
        request = ForecastRequested(
            **{name: getattr(body, name) for name in ForecastRequested.model_fields}
        )
        event = first_event(request, SOURCE, event_id=body.request_id)
        try:
            await publisher.publish([event])
        except Exception as error:
            if not is_outage(error):
                raise
            raise not_acknowledged(error, "request_id", event.id, "one request") from error
        return views.ForecastsAccepted(request_id=event.id)


def _view(found: Forecast) -> views.ForecastView:
    stale = staleness(found, utc_today())
    return views.ForecastView.model_validate(found).model_copy(
        update={
            "stale": stale is not None,
            "stale_since": None if stale is None else stale.since,
            "stale_reason": None if stale is None else stale.reason,
        }
    )


async def known_scope(
    storage: Storage, body: views.RetrainBody | views.RollForwardBody
) -> Scope | None:
    """The series that a body names, None if it names none; 422 if it names an unknown one."""
    if body.series is not None:
        named = [(ref.store, ref.product) for ref in body.series]
        scope = await storage.scope_of(named)
        if unknown := sorted(set(named) - set(scope.series)):
            message = unknown_named_series(unknown).removeprefix("series: ")
            raise unprocessable("series", "/".join(unknown[0]), message)
        return scope
    if not (body.store or body.product):
        return None
    scope = await storage.scope(body.store, body.product)
    if not scope.series:
        field = "store" if body.store else "product"
        message = unknown_series(body.store, body.product).removeprefix(f"{field}: ")
        raise unprocessable(field, body.store or body.product or "", message)
    return scope


def refuse_day(as_of: date, scope: Scope, horizon: int) -> None:
    """422 for a first day before all sales of a scope, or too far beyond them."""
    if (problem := too_early(as_of, scope) or too_late(as_of, scope, horizon)) is not None:
        raise unprocessable("as_of", str(as_of), problem.removeprefix("as_of: "))
