"""What can be wrong with a request, and with passing it on, whoever took it. Pure.

FastAPI's routes and the Lambda host raise the same by this.
"""

from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from events.errors import InvalidField, Refusal
from events.wording import MAX_PROBLEMS, in_words, place, shown
from functions.api.problem_document import (
    INVALID,
    METHOD_NOT_TAKEN,
    NOT_ACKNOWLEDGED,
    RETRY_AFTER,
    TOO_LARGE,
    WRONG_TYPE,
    Refused,
)

MAX_BYTES = 1_000_000
JSON_TYPE = "application/json"


def wrong_method(method: str, allowed: str) -> Refused:
    """A 405 that names the methods a path takes."""
    why = f"{method} is not taken by this path"
    refusal = Refusal("method", why, shown(method), f"use {allowed or 'another one'}")
    return Refused(METHOD_NOT_TAKEN, refusal, headers={"Allow": allowed} if allowed else {})


def check_type(kind: str) -> None:
    """A 415 for a body whose content-type is not JSON."""
    if kind.partition(";")[0].strip().lower() != JSON_TYPE:
        why = f"{kind[:80]!r} is not taken"
        raise Refused(WRONG_TYPE, Refusal("content-type", why, shown(kind), f"send {JSON_TYPE}"))


def too_large(size: str, headers: Mapping[str, str] | None = None) -> Refused:
    """A 413 for a body of that size."""
    refusal = Refusal("body", f"{size} bytes", size, f"send {MAX_BYTES:,} at most")
    return Refused(TOO_LARGE, refusal, headers=headers)


def not_acknowledged(error: Exception, again: str) -> Refused:
    """A 503 for a request that may have arrived; `again` is how to repeat it without harm."""
    why = f"Kafka did not acknowledge the request ({error!r})"
    return Refused(NOT_ACKNOWLEDGED, Refusal("", why, None, again), headers=RETRY_AFTER)


def repeat_with(field: str, request_id: str, same: str) -> str:
    """How to repeat a request that has an id."""
    return (
        f"repeat it with {field} {request_id!r}: should it have arrived after all, that is still "
        f"{same}"
    )


def invalid_body(model: type[BaseModel], error: ValidationError) -> Refused:
    """A 422 for a body that is none of that model, with the fields there are beside a wrong one."""
    items = error.errors(include_url=False)
    return _invalid((item, item["loc"], "body", _fields(model, item["loc"])) for item in items)


def invalid_parameters(items: Iterable[Mapping[str, Any]]) -> Refused:
    """A 422 for what stands in a path, a query or a header."""
    return _invalid((item, item["loc"][1:], str(item["loc"][0]), []) for item in items)


_Found = tuple[Mapping[str, Any], tuple[int | str, ...], str, list[str]]


def _invalid(found: Iterable[_Found]) -> Refused:
    return Refused(
        INVALID,
        *(
            InvalidField(
                place(where, whole),
                _message(item, fields),
                None if item["type"] == "missing" else shown(item.get("input")),
            )
            for item, where, whole, fields in islice(found, MAX_PROBLEMS)
        ),
    )


def _message(item: Mapping[str, Any], fields: list[str]) -> str:
    if item["type"] == "extra_forbidden":
        return f"is not a field here; there are {', '.join(fields)}"
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
