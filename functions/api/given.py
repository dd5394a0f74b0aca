"""What routes are given to work with: each asks for a part by its type, and none makes one.

Dependencies are coroutines, since FastAPI hands plain functions to a thread. None depends on
another: each one is a call more in every request.
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
from functions.ports import ServingStorage
from functions.retention import Retention

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


def _given(request: Request) -> Given:
    return cast(Given, request.app.state.given)


async def _everything(request: Request) -> Given:
    return _given(request)


async def _storage(request: Request) -> ServingStorage:
    return _given(request).storage


async def _requests(request: Request) -> Requests:
    return _given(request).requests


async def _strategies(request: Request) -> Strategies:
    return _given(request).strategies


async def _today(request: Request) -> dt.date:
    return _given(request).clock().date()


Everything = Annotated[Given, Depends(_everything)]
Stored = Annotated[ServingStorage, Depends(_storage)]
Asking = Annotated[Requests, Depends(_requests)]
KnownStrategies = Annotated[Strategies, Depends(_strategies)]
Today = Annotated[dt.date, Depends(_today)]
