"""Errors as HTTP answers: what is wrong, where, and what to do."""

from collections.abc import Callable
from typing import Any

from fastapi import HTTPException, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from events.errors import SHOWN
from functions.api.views import Problem

RETRY_SECONDS = 5


def unprocessable(field: str, value: str, message: str) -> HTTPException:
    """A 422 for one field."""
    return HTTPException(422, [Problem(field=field, value=value, message=message).model_dump()])


async def invalid_request(_: Request, error: Exception) -> JSONResponse:
    """Each invalid field with the value it had and what it must be."""
    items: Any = error.errors() if isinstance(error, RequestValidationError) else []
    problems = [
        Problem(
            field=_field(item),
            message=item["msg"].removeprefix("Value error, "),
            value=None if item["type"] == "missing" else repr(item.get("input"))[:SHOWN],
        ).model_dump()
        for item in items
    ]
    return JSONResponse({"detail": problems}, 422)


def _field(item: dict[str, Any]) -> str:
    where = item["loc"][1:]  # after `body`, `query` or `path`
    if not where or item["type"] == "json_invalid":
        return str(item["loc"][0])
    return ".".join(str(part) for part in where)


class OutagesAre503:
    """Answers 503 when the database or the broker is away, with when to come again."""

    def __init__(self, app: ASGIApp, is_outage: Callable[[Exception], bool]) -> None:
        self._app, self._is_outage = app, is_outage

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on; turn an outage into an answer unless one has begun."""
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
            answer = JSONResponse(
                {"detail": f"a part of the system is away, ask again later: {error!r}"},
                503,
                {"Retry-After": str(RETRY_SECONDS)},
            )
            await answer(scope, receive, send)
