"""Errors as HTTP answers: what is wrong, where, and what to do.

A 422 lists each field; any other error is one line in `detail`.
"""

from collections.abc import Callable
from typing import Any, get_args

from fastapi import HTTPException, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from events.errors import SHOWN
from events.payloads import Name, RunId
from functions.api import views

OutageTest = Callable[[Exception], bool]
Answers = dict[int | str, dict[str, Any]]

# For the OpenAPI document.
REFUSALS: Answers = {422: {"model": views.Problems}, 503: {"model": views.Trouble}}
UNKNOWN: Answers = {404: {"model": views.Trouble}}
CONFLICT: Answers = {409: {"model": views.Trouble}}
UNUSABLE_BODY: Answers = {code: {"model": views.Trouble} for code in (413, 415)}

RETRY_SECONDS = 5
MOST_PROBLEMS = 20  # shown of one request; a body can hold a hundred thousand
RETRY_AFTER = {"Retry-After": str(RETRY_SECONDS)}

# What a pattern asks for, in words.
PATTERNS: dict[str, str] = {
    get_args(Name)[1].pattern: "must have no slash, no control character and no blank at its ends",
    get_args(RunId)[1].pattern: "may have letters, digits and _ . : - only",
    views.SERIES_PATTERN: "must be store/product, as `next` gives it",
}


def unprocessable(field: str, value: str, message: str) -> HTTPException:
    """A 422 for one field."""
    problem = views.Problem(field=field, value=shown(value), message=message)
    return HTTPException(422, [problem.model_dump()])


def unavailable(message: str) -> HTTPException:
    """A 503 that says when to come again."""
    return HTTPException(503, message, RETRY_AFTER)


def not_acknowledged(error: Exception, field: str, request_id: str, same: str) -> HTTPException:
    """A 503 for a request that may have arrived, with how to repeat it without harm."""
    return unavailable(
        f"Kafka did not acknowledge the request ({error!r}); repeat it with {field} "
        f"{request_id!r}: should it have arrived after all, that is still {same}"
    )


def none_yet(what: str, store: str, product: str) -> HTTPException:
    """A 404 for a series that has nothing of the kind."""
    return HTTPException(
        404,
        f"store/product: no {what} of {store}/{product} yet; ask for one with POST /retrain, "
        "or see GET /series for what there is",
    )


def shown(value: object) -> str:
    """A value as an answer repeats it: enough to recognise it."""
    text = repr(value)
    return text if len(text) <= SHOWN else text[:SHOWN] + "…"


async def invalid_request(_: Request, error: Exception) -> JSONResponse:
    """Each invalid field with the value it had and what it must be."""
    items: Any = error.errors() if isinstance(error, RequestValidationError) else []
    problems = [
        views.Problem(
            field=_field(item),
            message=_message(item),
            value=None if item["type"] == "missing" else shown(item.get("input")),
        ).model_dump()
        for item in items[:MOST_PROBLEMS]
    ]
    return JSONResponse({"detail": problems}, 422)


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


def _field(item: dict[str, Any]) -> str:
    where = item["loc"][1:]  # after `body`, `query` or `path`
    field = ".".join(str(part) for part in where) or str(item["loc"][0])
    return field if len(field) <= SHOWN else field[:SHOWN] + "…"


def _message(item: dict[str, Any]) -> str:
    match item["type"]:
        case "extra_forbidden":
            return f"is no field here; there are {', '.join(item['ctx']['fields'])}"
        case "string_pattern_mismatch":
            return PATTERNS.get(item["ctx"]["pattern"], str(item["msg"]))
        case "json_invalid":
            return f"{item['msg']}; send one JSON object in UTF-8"
    return str(item["msg"]).removeprefix("Value error, ")


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
