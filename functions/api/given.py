"""What routes are given to work with: each asks for a part by its type, and none makes one.

Dependencies are coroutines, since FastAPI hands plain functions to a thread.
"""

import datetime as dt
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, Any, cast

from fastapi import Depends, FastAPI, Request

from functions.api.problems import OutageTest
from functions.api.publishing import Requests
from functions.api.unchanged import Waiting
from functions.forecasting.strategy import Strategies
from functions.retention import Retention
from functions.storage import ServingStorage

HealthProbe = Callable[[], Awaitable[dict[str, dict[str, Any]]]]


@dataclass(frozen=True, slots=True)
class Given:
    """Everything outside of the routes of one application."""

    storage: ServingStorage
    requests: Requests
    health: HealthProbe
    is_outage: OutageTest
    strategies: Strategies
    retention: Retention
    clock: Callable[[], dt.datetime]
    waiting: Waiting


def give(app: FastAPI, given: Given) -> None:
    """Let the routes of the application have these."""
    app.state.given = given


async def _given(request: Request) -> Given:
    return cast(Given, request.app.state.given)


Everything = Annotated[Given, Depends(_given)]


async def _storage(given: Everything) -> ServingStorage:
    return given.storage


async def _requests(given: Everything) -> Requests:
    return given.requests


async def _strategies(given: Everything) -> Strategies:
    return given.strategies


async def _today(given: Everything) -> dt.date:
    return given.clock().date()


Stored = Annotated[ServingStorage, Depends(_storage)]
Asking = Annotated[Requests, Depends(_requests)]
KnownStrategies = Annotated[Strategies, Depends(_strategies)]
Today = Annotated[dt.date, Depends(_today)]
