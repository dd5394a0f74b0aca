"""The HTTP API as a FastAPI application, whatever serves it.

It reads from storage and publishes events. It never trains, and waits for Kafka only to
acknowledge a request, for a bounded time.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection
from datetime import timedelta
from typing import Annotated, Any

from fastapi import Depends, FastAPI, HTTPException, Query, Response
from fastapi.exceptions import RequestValidationError

from events.clock import utc_today
from events.payloads import Name
from events.publisher import Publisher
from functions.api import views
from functions.api.body import body_of, documented
from functions.api.calendar import add_calendar
from functions.api.forecasts import add_forecasts, known_scope, refuse_day
from functions.api.hosts import KnownHosts
from functions.api.maintenance import add_maintenance
from functions.api.metrics import MetricsText, add_metrics
from functions.api.models import add_models
from functions.api.problems import (
    CONFLICT,
    REFUSALS,
    UNKNOWN,
    UNUSABLE_BODY,
    OutagesAre503,
    OutageTest,
    invalid_request,
    no_such_method,
    no_such_path,
    not_acknowledged,
    unprocessable,
)
from functions.api.reference import add_reference
from functions.api.retraining import retrain_event
from functions.api.runs import add_runs
from functions.api.sales import add_sales
from functions.api.trace import CallersTrace
from functions.api.what_if import add_what_if
from functions.forecasting.strategy import BUILT_IN, Strategies, UnknownStrategy, strategy
from functions.planner.as_of import default_as_of
from functions.planner.history import is_own, too_short
from functions.planner.planner import unknown_run, unknown_series
from functions.ports import ServingStorage, Storage
from functions.records import Run
from functions.retention import Retention

HEALTH_SECONDS = 3.0

HealthProbe = Callable[[], Awaitable[dict[str, dict[str, Any]]]]


def create_app(
    storage: ServingStorage,
    publisher: Publisher,
    health: HealthProbe,
    is_outage: OutageTest,
    strategies: Strategies = BUILT_IN,
    retention: Retention | None = None,
    hosts: Collection[str] | None = None,
    metrics: MetricsText | None = None,
) -> FastAPI:
    """The application. `health` tells each function's state; `is_outage` what a 503 is.

    `hosts` are the names that it is asked for by; see `functions.api.hosts`. `metrics` is what
    Prometheus is told.
    """
    app = FastAPI(
        title="Shelfcast",
        version="1",
        description="Daily demand forecasts for every product in every store.",
        docs_url=None,  # FastAPI's own page runs scripts of another host; see `reference`
        redoc_url=None,
    )
    app.add_exception_handler(RequestValidationError, invalid_request)
    app.add_exception_handler(404, no_such_path)
    app.add_exception_handler(405, no_such_method)
    app.add_middleware(CallersTrace)
    app.add_middleware(OutagesAre503, is_outage=is_outage)
    app.add_middleware(KnownHosts, hosts=hosts)  # the last one added is asked first
    _add_health(app, storage, health, is_outage)
    _add_retrain(app, storage, publisher, is_outage, strategies)
    add_runs(app, storage, publisher, is_outage)
    _add_series(app, storage)
    add_sales(app, storage, publisher, is_outage)
    add_calendar(app, storage)
    add_forecasts(app, storage, publisher, is_outage)
    add_models(app, storage, publisher, is_outage)
    add_what_if(app, storage)
    add_maintenance(app, storage, publisher, is_outage, retention or Retention())
    add_reference(app)
    if metrics is not None:
        add_metrics(app, metrics)
    return app


def _add_health(app: FastAPI, storage: Storage, health: HealthProbe, is_outage: OutageTest) -> None:
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


def _add_retrain(
    app: FastAPI,
    storage: Storage,
    publisher: Publisher,
    is_outage: OutageTest,
    strategies: Strategies,
) -> None:
    @app.post(
        "/retrain",
        status_code=202,
        responses=REFUSALS | CONFLICT | UNUSABLE_BODY,
        openapi_extra=documented(views.RetrainBody),
    )
    async def retrain(
        body: Annotated[views.RetrainBody, Depends(body_of(views.RetrainBody))], response: Response
    ) -> views.Accepted:
        """Ask for models to be retrained; the answer says where to watch the run."""
        try:
            strategy(body.strategy, strategies)
        except UnknownStrategy as error:
            raise unprocessable("strategy", body.strategy, str(error)) from None
        await _refuse_what_means_nothing(storage, body, strategies)
        if body.run_id is not None and (known := await storage.run(body.run_id, 0)) is not None:
            await _refuse_another_run(storage, known, body)
        event = retrain_event(body)
        try:
            await publisher.publish([event])
        except Exception as error:
            if not is_outage(error):
                raise
            raise not_acknowledged(error, "run_id", event.id, "one run") from error
        url = f"/runs/{event.id}"
        response.headers["Location"] = url
        return views.Accepted(run_id=event.id, url=url)


async def _refuse_what_means_nothing(
    storage: Storage, body: views.RetrainBody, strategies: Strategies
) -> None:
    """422 if the body names what is not known, a day before or beyond what it can be, or a strategy
    that needs more days than there are.
    """
    scope = await known_scope(storage, body)
    dated = body.as_of is not None
    if scope is None and (dated or is_own(body.strategy, strategies)):
        scope = await storage.scope(None, None)
    if scope is not None:
        if body.as_of is not None:
            refuse_day(body.as_of, scope, body.horizon)
        as_of = body.as_of or default_as_of(scope, utc_today())
        if (problem := too_short(body.strategy, strategies, scope, as_of)) is not None:
            raise unprocessable("strategy", body.strategy, problem.removeprefix("strategy: "))
    if body.failed_in is not None and await storage.run(body.failed_in, 0) is None:
        raise unprocessable("failed_in", body.failed_in, unknown_run(body.failed_in))


async def _refuse_another_run(storage: Storage, known: Run, body: views.RetrainBody) -> None:
    """409 if a run that is planned already is asked for again with other wishes."""
    named = body.series is not None
    if known.named != named:
        raise _another(known, "its series named one by one" if known.named else "none named")
    if body.series is not None and not await _has_series(storage, known, body):
        raise _another(known, "other series")
    wishes = {"store", "product", "strategy", "horizon", "failed_in", "older_than_days"}
    wishes |= {name for name in ("as_of", "policy") if getattr(body, name) is not None}
    for field in sorted(wishes):
        if (was := getattr(known, field)) != (asked := getattr(body, field)):
            raise _another(known, f"{field} {_word(was)}, not {_word(asked)}")


async def _has_series(storage: Storage, known: Run, body: views.RetrainBody) -> bool:
    """Whether the run is of the series that the body names, or of some where it left out others."""
    plan = await storage.plan(known.coalesced_into or known.run_id)
    asked = {(each.store, each.product) for each in body.series or ()}
    planned = {series for shard in (plan.shards if plan else ()) for series in shard}
    narrowed = body.failed_in is not None or body.older_than_days is not None
    return planned <= asked if narrowed else planned == asked


def _another(known: Run, with_what: str) -> HTTPException:
    return HTTPException(
        409,
        f"run_id: {known.run_id!r} is a run with {with_what}; choose another run_id or leave it "
        "out",
    )


def _word(value: object) -> str:
    return "unset" if value is None else repr(str(value))


def _add_series(app: FastAPI, storage: Storage) -> None:
    @app.get("/series", responses=REFUSALS)
    async def series(
        limit: views.Limit = 100,
        after: Annotated[
            views.After | None, Query(description="store/product of the last one seen")
        ] = None,
    ) -> views.SeriesPage:
        """Every series that has sales, in order."""
        start = None
        if after is not None:
            store, _, product = after.partition("/")
            start = (store, product)
        page = await storage.series_page(start, limit)
        last = f"{page[-1].store}/{page[-1].product}" if len(page) == limit else None
        return views.SeriesPage.model_validate({"series": page, "next": last})

    @app.get("/series/{store}/{product}", responses=REFUSALS | UNKNOWN)
    async def history(
        store: Name,
        product: Name,
        days: Annotated[int, Query(ge=1, le=3660, description="Calendar days.")] = 28,
        before: Annotated[
            views.Day | None, Query(description="unset: the day after the newest sale")
        ] = None,
    ) -> views.History:
        """What a series sold in the last days before a day."""
        if (newest := (await storage.scope(store, product)).newest_day) is None:
            raise HTTPException(404, unknown_series(store, product))
        end = before or newest + timedelta(days=1)
        panel = await storage.history(
            [(store, product)], end - timedelta(days=days), end, drivers=False
        )
        rows = zip(panel.dates.tolist(), panel.units.tolist(), panel.is_open.tolist(), strict=True)
        return views.History(
            store=store,
            product=product,
            days=[
                views.SoldDay(date=day, units=units, open=is_open) for day, units, is_open in rows
            ],
        )
