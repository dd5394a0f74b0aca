"""The HTTP API as a FastAPI application, whatever serves it.

It reads from storage and publishes events. It never trains, and waits for Kafka only to
acknowledge a request, for a bounded time.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated, Any

from fastapi import FastAPI, HTTPException, Query, Response
from fastapi.exceptions import RequestValidationError

from events.envelope import first_event
from events.payloads import RetrainRequested
from events.publisher import Publisher
from functions.api import views
from functions.api.problems import OutagesAre503, invalid_request, unprocessable
from functions.forecasting.strategy import UnknownStrategy, strategy
from functions.planner.planner import unknown_series
from functions.storage import Storage

SOURCE = "shelfcast/api"
HEALTH_SECONDS = 3.0

HealthProbe = Callable[[], Awaitable[dict[str, dict[str, Any]]]]
Limit = Annotated[int, Query(ge=1, le=1000)]


def create_app(
    storage: Storage,
    publisher: Publisher,
    health: HealthProbe,
    is_outage: Callable[[Exception], bool],
) -> FastAPI:
    """The application. `health` tells each function's state; `is_outage` what a 503 is."""
    app = FastAPI(
        title="Shelfcast",
        version="1",
        description="Daily demand forecasts for every product in every store.",
        responses={422: {"model": views.Problems}},
    )
    app.add_exception_handler(RequestValidationError, invalid_request)
    app.add_middleware(OutagesAre503, is_outage=is_outage)
    _add_health(app, storage, health, is_outage)
    _add_runs(app, storage, publisher)
    _add_series(app, storage)
    return app


def _add_health(
    app: FastAPI, storage: Storage, health: HealthProbe, is_outage: Callable[[Exception], bool]
) -> None:
    @app.get("/healthz")
    async def healthz() -> dict[str, str]:
        """Whether this process answers."""
        return {"status": "ok"}

    @app.get("/readyz", responses={503: {"model": views.Readiness}})
    async def readyz(response: Response) -> views.Readiness:
        """Whether the database answers and every function works."""
        database = "ok"
        try:
            async with asyncio.timeout(HEALTH_SECONDS):
                await storage.ping()
        except Exception as error:
            if not is_outage(error):
                raise
            database = repr(error)
        functions = {
            name: views.FunctionHealth.model_validate(state)
            for name, state in (await health()).items()
        }
        working = all(f.state in ("idle", "working") for f in functions.values())
        ready = database == "ok" and working
        response.status_code = 200 if ready else 503
        return views.Readiness(ready=ready, database=database, functions=functions)


def _add_runs(app: FastAPI, storage: Storage, publisher: Publisher) -> None:
    @app.post("/retrain", status_code=202)
    async def retrain(body: views.RetrainBody, response: Response) -> views.Accepted:
        """Ask for models to be retrained; the answer says where to watch the run."""
        try:
            strategy(body.strategy)
        except UnknownStrategy as error:
            raise unprocessable("strategy", body.strategy, str(error)) from None
        if not body.all and not (await storage.scope(body.store, body.product)).series:
            field = "store" if body.store else "product"
            message = unknown_series(body.store, body.product).removeprefix(f"{field}: ")
            raise unprocessable(field, body.store or body.product or "", message)
        request = RetrainRequested.model_validate(body.model_dump(exclude={"all", "run_id"}))
        event = first_event(request, SOURCE, event_id=body.run_id)
        await publisher.publish([event])
        url = f"/runs/{event.id}"
        response.headers["Location"] = url
        return views.Accepted(run_id=event.id, url=url)

    @app.get("/runs")
    async def runs(limit: Limit = 50) -> views.Runs:
        """The newest runs."""
        return views.Runs.model_validate({"runs": await storage.runs(limit)})

    @app.get("/runs/{run_id}")
    async def run(run_id: str) -> views.RunDetail:
        """One run: its progress, and why series failed."""
        if (found := await storage.run(run_id)) is None:
            raise HTTPException(
                404, f"run {run_id!r} is unknown; a run is here once its request has been read"
            )
        return views.RunDetail.model_validate(found)


def _add_series(app: FastAPI, storage: Storage) -> None:
    @app.get("/series")
    async def series(
        limit: Limit = 100,
        after: Annotated[
            str | None, Query(description="store/product of the last one seen")
        ] = None,
    ) -> views.SeriesPage:
        """Every series that has sales, in order."""
        start = None
        if after is not None:
            store, _, product = after.partition("/")
            if not product:
                raise unprocessable("after", after, "must be store/product, as `next` gives it")
            start = (store, product)
        page = await storage.series_page(start, limit)
        last = f"{page[-1].store}/{page[-1].product}" if len(page) == limit else None
        return views.SeriesPage.model_validate({"series": page, "next": last})

    @app.get("/forecasts/{store}/{product}")
    async def forecast(store: str, product: str) -> views.ForecastView:
        """The champion's forecast of the coming days."""
        if (found := await storage.forecast(store, product)) is None:
            raise HTTPException(
                404, f"no forecast of {store}/{product} yet; ask for one with POST /retrain"
            )
        return views.ForecastView.model_validate(found)

    @app.get("/models/{store}/{product}")
    async def models(store: str, product: str) -> views.Models:
        """Every model version of a series, with its aliases."""
        if not (found := await storage.versions(store, product)):
            raise HTTPException(
                404, f"no model of {store}/{product} yet; ask for one with POST /retrain"
            )
        return views.Models.model_validate({"store": store, "product": product, "models": found})
