"""Reading a request's body: at most so much of it, as JSON, strictly by its model.

Pydantic reads the bytes itself, so `"12"` is not a number, a timestamp is not a day, and bytes
that are no UTF-8 or no JSON are told as such.
"""

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from fastapi import Request
from pydantic import BaseModel, ValidationError

from functions.api import faults
from functions.api.faults import JSON_TYPE, MAX_BYTES

Body = TypeVar("Body", bound=BaseModel)
# The rest of a body that is too large is left unread, so the connection is of no more use.
CLOSE = {"Connection": "close"}


def documented(model: type[BaseModel]) -> dict[str, Any]:
    """A body's part of the OpenAPI document."""
    content = {JSON_TYPE: {"schema": _without_references(model.model_json_schema())}}
    return {"requestBody": {"required": True, "content": content}}


def _without_references(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema with its definitions in their places: it stands inside another document."""
    definitions = schema.pop("$defs", {})

    def inlined(part: Any) -> Any:
        if isinstance(part, list):
            return [inlined(each) for each in part]
        if not isinstance(part, dict):
            return part
        if "$ref" in part:
            return inlined(definitions[part["$ref"].rpartition("/")[2]])
        return {name: inlined(each) for name, each in part.items()}

    found: dict[str, Any] = inlined(schema)
    return found


def body_of(model: type[Body]) -> Callable[[Request], Awaitable[Body]]:
    """What reads a body of that model; 413, 415 or 422 for one that can't be it."""

    async def read(request: Request) -> Body:
        return await _read(request, model)

    return read


async def _read(request: Request, model: type[Body]) -> Body:
    # Also keeps other sites' pages out: a browser asks before it sends JSON across sites.
    faults.check_type(request.headers.get("content-type", ""))
    try:
        return model.model_validate_json(await _at_most(request, MAX_BYTES))
    except ValidationError as error:
        raise faults.invalid_body(model, error) from None


async def _at_most(request: Request, most: int) -> bytes:
    """The body; 413 as soon as it is known to be larger, whatever is still to come."""
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > most:
        raise faults.too_large(f"{int(declared):,}", CLOSE)
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > most:
            raise faults.too_large(f"more than {most:,}", CLOSE)
    return bytes(body)
