"""What is wrong with a request, in the words of every host that takes requests. Pure.

FastAPI's answers (`problems`, `body`) and the Lambda host's say the same by this.
"""

from collections.abc import Iterable
from itertools import islice
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from events.wording import MAX_PROBLEMS, in_words, place, shown
from functions.api.views import Problem

MAX_BYTES = 1_000_000
JSON_TYPE = "application/json"
RETRY_SECONDS = 5
RETRY_AFTER = {"Retry-After": str(RETRY_SECONDS)}


def wrong_type(kind: str) -> str | None:
    """Why a body with that content-type is a 415; None if it is not."""
    if kind.partition(";")[0].strip().lower() == JSON_TYPE:
        return None
    return f"content-type: {kind[:80]!r} is not taken; send {JSON_TYPE}"


def too_large(size: str) -> str:
    """Why a body of that size is a 413."""
    return f"body: {size} bytes; send {MAX_BYTES:,} at most"


def not_acknowledged(error: Exception, field: str, request_id: str, same: str) -> str:
    """Why there is a 503 for a request that may have arrived, and how to repeat it without harm."""
    return (
        f"Kafka did not acknowledge the request ({error!r}); repeat it with {field} "
        f"{request_id!r}: should it have arrived after all, that is still {same}"
    )


def of_body(model: type[BaseModel], error: ValidationError) -> list[Any]:
    """The errors of a body, each with its place and the fields that there are beside it."""
    return [
        item
        | {
            "loc": ("body", *item["loc"]),
            "ctx": item.get("ctx", {}) | {"fields": _fields(model, item["loc"])},
        }
        for item in error.errors(include_url=False)
    ]


def told(items: Iterable[Any]) -> list[dict[str, Any]]:
    """What a 422 lists of such errors: each field with the value it had and what it must be."""
    return [
        Problem(
            field=_field(item),
            message=_message(item),
            value=None if item["type"] == "missing" else shown(item.get("input")),
        ).model_dump()
        for item in islice(items, MAX_PROBLEMS)
    ]


def problem(field: str, message: str, value: object) -> dict[str, Any]:
    """One field of a 422."""
    return Problem(field=field, message=message, value=shown(value)).model_dump()


def _field(item: dict[str, Any]) -> str:
    where = item["loc"][1:]  # after `body`, `query` or `path`
    return place(where, str(item["loc"][0]))


def _message(item: dict[str, Any]) -> str:
    if item["type"] == "extra_forbidden":
        return f"is not a field here; there are {', '.join(item['ctx']['fields'])}"
    return in_words(item)


def _fields(model: type[BaseModel], where: tuple[int | str, ...]) -> list[str]:
    """The fields there are beside the one at that place of a body."""
    for part in where[:-1]:
        if isinstance(part, str) and part in model.model_fields:
            model = _model_in(model.model_fields[part].annotation) or model
    return list(model.model_fields)


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """The first model that a type speaks of."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    found = (_model_in(part) for part in get_args(annotation))
    return next((each for each in found if each is not None), None)
