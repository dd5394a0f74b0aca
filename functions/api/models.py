"""The routes of models: what there is of a series, and requests for other champions.

A request is looked at before it is published, so that one for what is not there is
answered at once. What holds is what the registry finds when it reads the request.
"""

from typing import Annotated

from fastapi import Depends, FastAPI, Query

from events.envelope import first_event
from events.errors import Refusal
from events.payloads import MAX_INTEGER, Name, PromotionRequested, SeriesRef
from events.publisher import Publisher
from functions.api import model_views as views
from functions.api.body import body_of, documented
from functions.api.problems import (
    REFUSALS,
    UNKNOWN,
    UNUSABLE_BODY,
    OutageTest,
    none_yet,
    not_acknowledged,
    unprocessable,
)
from functions.api.views import Limit
from functions.ports import Storage
from functions.records import MAX_CHANGE
from functions.registry.transactions import preview

SOURCE = "shelfcast/api"


def add_models(app: FastAPI, storage: Storage, publisher: Publisher, is_outage: OutageTest) -> None:
    """Add the routes to the application."""
    _add_reads(app, storage)
    _add_requests(app, storage, publisher, is_outage)


def _add_reads(app: FastAPI, storage: Storage) -> None:
    @app.get("/models/{store}/{product}", responses=REFUSALS | UNKNOWN)
    async def models(
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

    @app.get("/models/{store}/{product}/history", responses=REFUSALS | UNKNOWN)
    async def history(
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


def _add_requests(
    app: FastAPI, storage: Storage, publisher: Publisher, is_outage: OutageTest
) -> None:
    async def ask(request: PromotionRequested, request_id: str | None) -> views.PromotionAccepted:
        event = first_event(request, SOURCE, event_id=request_id)
        series = len(await storage.promotions([event.id]))  # of a repeat; else there are none
        try:
            series = series or len(await preview(storage, request))
        except Refusal as refusal:
            raise _refused(request, refusal) from None
        try:
            await publisher.publish([event])
        except Exception as error:
            if not is_outage(error):
                raise
            raise not_acknowledged(error, "request_id", event.id, "one change") from error
        return views.PromotionAccepted(request_id=event.id, series=series)

    async def ask_one(
        store: str, product: str, request: PromotionRequested, request_id: str | None
    ) -> views.PromotionAccepted:
        if not (await storage.alias_history_page(store, product, None, 1))[0]:
            raise none_yet("model", store, product)
        return await ask(request, request_id)

    answers = REFUSALS | UNUSABLE_BODY

    @app.post(
        "/models/{store}/{product}/promote",
        status_code=202,
        responses=answers | UNKNOWN,
        openapi_extra=documented(views.PromoteBody),
    )
    async def promote(
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
        return await ask_one(store, product, request, body.request_id)

    @app.post(
        "/models/{store}/{product}/rollback",
        status_code=202,
        responses=answers | UNKNOWN,
        openapi_extra=documented(views.RollbackBody),
    )
    async def rollback(
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
        return await ask_one(store, product, request, body.request_id)

    @app.post(
        "/promotions",
        status_code=202,
        responses=answers,
        openapi_extra=documented(views.PromotionBody),
    )
    async def promotions(
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
        return await ask(request, body.request_id)


def _refused(request: PromotionRequested, refusal: Refusal) -> Exception:
    field, _, message = str(refusal).partition(": ")
    given = {
        "version": request.version,
        "model_id": request.model_id,
        "run_id": request.run_id,
        "series": request.key,
    }
    return unprocessable(field, str(given[field]), message)
