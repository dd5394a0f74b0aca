"""Errors as HTTP answers: what is wrong, where, and what to do.

A 422 lists each field; any other error is one line in `detail`.
"""

from collections.abc import Callable
from typing import Any

from fastapi import HTTPException, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from events.wording import MAX_PROBLEMS, shown
from functions.api import faults, views
from functions.api.faults import RETRY_AFTER

OutageTest = Callable[[Exception], bool]
Answers = dict[int | str, dict[str, Any]]

# For the OpenAPI document.
REFUSALS: Answers = {422: {"model": views.Problems}, 503: {"model": views.Trouble}}
UNKNOWN: Answers = {404: {"model": views.Trouble}}
CONFLICT: Answers = {409: {"model": views.Trouble}}
UNUSABLE_BODY: Answers = {code: {"model": views.Trouble} for code in (413, 415)}

MAX_PROBLEMS = MAX_PROBLEMS


def unprocessable(field: str, value: str, message: str) -> HTTPException:
    """A 422 for one field."""
    return HTTPException(422, [faults.problem(field, message, value)])


def unavailable(message: str) -> HTTPException:
    """A 503 that says when to come again."""
    return HTTPException(503, message, RETRY_AFTER)


def not_acknowledged(error: Exception, field: str, request_id: str, same: str) -> HTTPException:
    """A 503 for a request that may have arrived, with how to repeat it without harm."""
    return unavailable(faults.not_acknowledged(error, field, request_id, same))


def none_yet(what: str, store: str, product: str) -> HTTPException:
    """A 404 for a series that has nothing of the kind."""
    return HTTPException(
        404,
        f"store/product: no {what} of {store}/{product} yet; ask for one with POST /retrain, "
        "or see GET /series for what there is",
    )


def gone(store: str, product: str) -> HTTPException:
    """A 404 for a series whose sales were all taken back, or are kept for no longer."""
    return HTTPException(
        404,
        f"store/product: no sales of {store}/{product} are stored any more (they were removed, or "
        "are kept for no longer), so it has no forecast; import its sales anew, then POST /retrain",
    )


async def invalid_request(_: Request, error: Exception) -> JSONResponse:
    """Each invalid field with the value it had and what it must be."""
    items: Any = error.errors() if isinstance(error, RequestValidationError) else []
    return JSONResponse({"detail": faults.told(items)}, 422)


async def no_such_path(request: Request, error: Exception) -> JSONResponse:
    """A 404 that a route gave in its own words, or one for a path without a route."""
    detail = error.detail if isinstance(error, HTTPException) else None
    detail = detail or f"path: {shown(request.url.path)} is unknown; see /docs for what there is"
    return JSONResponse({"detail": detail}, 404)


async def no_such_method(request: Request, error: Exception) -> JSONResponse:
    """A 405 that names the methods a path has."""
    headers = dict(getattr(error, "headers", None) or {})
    allowed = headers.get("Allow", "another one")
    detail = f"method: {request.method} is not taken by this path; use {allowed}"
    return JSONResponse({"detail": detail}, 405, headers)


class OutagesAre503:
    """Answers 503 when the database or the broker is away, with when to come again."""

    def __init__(self, app: ASGIApp, is_outage: OutageTest) -> None:
        self._app, self._is_outage = app, is_outage

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on; turn an outage into an answer unless one has begun."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun = False

        async def watch(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self._app(scope, receive, watch)
        except Exception as error:
            if begun or not self._is_outage(error):
                raise
            message = f"a part of the system is away, ask again later: {error!r}"
            await JSONResponse({"detail": message}, 503, RETRY_AFTER)(scope, receive, send)
