"""Whatever goes wrong in a request, as its answer: one handler, and one kind of document."""

from collections.abc import Callable
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from events.errors import Refusal
from events.wording import shown
from functions.api import faults, problem_document
from functions.api.problem_document import RETRY_AFTER, Kind, Problem, Refused

OutageTest = Callable[[Exception], bool]
Answers = dict[int | str, dict[str, Any]]


def _answers(*kinds: Kind) -> Answers:
    return {kind.status: {"model": Problem, "description": f"{kind.title}."} for kind in kinds}


# For the OpenAPI document.
REFUSALS = _answers(problem_document.INVALID, problem_document.AWAY)
UNKNOWN = _answers(problem_document.NOT_FOUND)
CONFLICT = _answers(problem_document.CONFLICT)
UNUSABLE_BODY = _answers(problem_document.TOO_LARGE, problem_document.WRONG_TYPE)
OTHERWISE: Answers = {"default": {"model": Problem, "description": "Any other refusal."}}


def not_found(field: str, message: str, value: str, fix: str) -> Refused:
    """A 404 for what is not there, or not yet."""
    return Refused(problem_document.NOT_FOUND, Refusal(field, message, shown(value), fix))


def conflict(message: str, run_id: str, fix: str | None = None) -> Refused:
    """A 409 for a run that is not as the request has it."""
    return Refused(problem_document.CONFLICT, Refusal("run_id", message, shown(run_id), fix))


def none_yet(what: str, store: str, product: str) -> Refused:
    """A 404 for a series that has nothing of the kind."""
    return not_found(
        "store/product",
        f"no {what} of {store}/{product} yet",
        f"{store}/{product}",
        "ask for one with POST /retrain, or see GET /series for what there is",
    )


def gone(store: str, product: str) -> Refused:
    """A 404 for a series whose sales were all taken back, or are kept for no longer."""
    return not_found(
        "store/product",
        f"no sales of {store}/{product} are stored any more (they were removed, or are kept for no "
        "longer), so it has no forecast",
        f"{store}/{product}",
        "import its sales anew, then POST /retrain",
    )


def answer(found: Refused, path: str) -> Response:
    """The answer to a request for that path."""
    return JSONResponse(found.document(path), found.kind.status, found.all_headers)


def add_problems(app: FastAPI) -> None:
    """Register the handler for all that can be raised; outages come by `OutagesAre503`."""
    for kind in (Refused, Refusal, RequestValidationError, HTTPException, Exception):
        app.add_exception_handler(kind, _handle)


async def _handle(request: Request, error: Exception) -> Response:
    if isinstance(error, HTTPException) and error.status_code < 400:
        return Response(status_code=error.status_code, headers=error.headers)  # a 304
    return answer(_refused(request, error), request.url.path)


def _refused(request: Request, error: Exception) -> Refused:
    match error:
        case Refused():
            return error
        case Refusal():  # what a planner or a registry refuses, this request asked for
            return Refused(problem_document.INVALID, error)
        case RequestValidationError():
            return faults.invalid_parameters(error.errors())
        case HTTPException(status_code=404):  # by the router: routes raise `Refused`
            path = shown(request.url.path)
            unknown = Refusal("path", f"{path} is unknown", path, "see /docs for what there is")
            return Refused(problem_document.UNKNOWN_PATH, unknown)
        case HTTPException(status_code=405):
            return faults.wrong_method(request.method, (error.headers or {}).get("Allow", ""))
        case HTTPException():
            status = error.status_code
            kind = problem_document.TOO_MANY if status == 429 else problem_document.plain(status)
            return Refused(kind, Refusal("", error.detail), headers=error.headers)
    return Refused(
        problem_document.FAILED,
        Refusal("", "the API failed on this request", None, "see its log, or report the request"),
    )


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
            away = Refusal("", f"a part of the system is away ({error!r})", None, "ask again later")
            found = Refused(problem_document.AWAY, away, headers=RETRY_AFTER)
            await answer(found, scope["path"])(scope, receive, send)
