"""The HTTP API as a FastAPI application, whatever serves it.

It reads from storage and publishes events. It never trains, and waits for Kafka only to
acknowledge a request, for a bounded time.
"""

import datetime as dt
from collections.abc import Callable, Collection
from typing import Any

from fastapi import FastAPI

from events.clock import utc_now
from events.publisher import Publisher
from functions.api import (
    calendar,
    forecasts,
    maintenance,
    models,
    retrain,
    runs,
    sales,
    series,
    what_if,
)
from functions.api import (
    health as of_health,
)
from functions.api.given import Given, HealthProbe, give
from functions.api.hosts import KnownHosts
from functions.api.metrics import MetricsText, add_metrics
from functions.api.problem_document import PROBLEM_JSON, Problem
from functions.api.problems import OTHERWISE, OutagesAre503, OutageTest, add_problems
from functions.api.publishing import Requests
from functions.api.reference import add_reference
from functions.api.trace import CallersTrace
from functions.api.unchanged import Waiting
from functions.forecasting.strategy import BUILT_IN, Strategies
from functions.ports import ServingStorage
from functions.retention import Retention

# In the order in which the reference lists them.
ROUTERS = (
    *(of_health.router, retrain.router, runs.router, series.router, sales.router),
    *(calendar.router, forecasts.router, models.router, what_if.router, maintenance.router),
)


class Application(FastAPI):
    """FastAPI, whose document says that problems are `application/problem+json`."""

    def openapi(self) -> dict[str, Any]:
        """The OpenAPI document, made once."""
        if self.openapi_schema is None:
            _as_problems(super().openapi())
        return super().openapi()


def _as_problems(document: dict[str, Any]) -> None:
    """Give each answer that is a problem its type: FastAPI writes every model as plain JSON."""
    of_problem = {"schema": {"$ref": f"#/components/schemas/{Problem.__name__}"}}
    operations = [one for methods in document["paths"].values() for one in methods.values()]
    for answer in (answer for one in operations for answer in one["responses"].values()):
        if answer.get("content") == {"application/json": of_problem}:
            answer["content"] = {PROBLEM_JSON: of_problem}


def create_app(
    storage: ServingStorage,
    publisher: Publisher,
    health: HealthProbe,
    is_outage: OutageTest,
    strategies: Strategies = BUILT_IN,
    retention: Retention | None = None,
    hosts: Collection[str] | None = None,
    metrics: MetricsText | None = None,
    clock: Callable[[], dt.datetime] = utc_now,
) -> FastAPI:
    """The application. `health` tells each function's state; `is_outage` what a 503 is.

    `hosts` are the names that it is asked for by; see `functions.api.hosts`. `metrics` is what
    Prometheus is told.
    """
    app = Application(
        title="Shelfcast",
        version="1",
        description="Daily demand forecasts for every product in every store.",
        docs_url=None,  # FastAPI's own page runs scripts of another host; see `reference`
        redoc_url=None,
    )
    give(
        app,
        Given(
            storage=storage,
            requests=Requests(publisher, is_outage),
            health=health,
            is_outage=is_outage,
            strategies=strategies,
            retention=retention or Retention(),
            clock=clock,
            waiting=Waiting(storage.changes),
        ),
    )
    add_problems(app)
    app.add_middleware(CallersTrace)
    app.add_middleware(OutagesAre503, is_outage=is_outage)
    app.add_middleware(KnownHosts, hosts=hosts)  # the last one added is asked first
    for router in ROUTERS:
        app.include_router(router, responses=OTHERWISE)
    add_reference(app)
    if metrics is not None:
        add_metrics(app, metrics)
    return app
