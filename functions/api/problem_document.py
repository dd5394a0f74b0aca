"""Refusals as HTTP answers, the same for every host that takes requests (RFC 9457). Pure.

A host raises `Refused`, and turns it into `application/problem+json` in one place. Whatever the
status, the document has the same members; programs tell problems apart by `type`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from pydantic import Field

from events.errors import Refusal
from functions.api.views import View

PROBLEM_JSON = "application/problem+json"
MAX_PATH = 300  # characters that an answer repeats; those of every route, and no flood
RETRY_AFTER = {"Retry-After": "5"}  # seconds; a broker or a database that restarts takes about that


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of problem. Name and status stay; the page at /docs has its title by the name.

    One without a name says no more than its status does.
    """

    name: str
    status: int
    title: str

    @property
    def type(self) -> str:
        """The URI that names the kind, of this API whatever its host."""
        return f"/docs#{self.name}" if self.name else "about:blank"


def plain(status: int) -> Kind:
    """What a status alone says, as RFC 9457 has it."""
    return Kind("", status, HTTPStatus(status).phrase)


UNKNOWN_HOST = Kind("unknown-host", 400, "The request asks for a host that is not this API")
FOREIGN_ORIGIN = Kind("foreign-origin", 403, "A page of another site asks for a change")
NOT_FOUND = Kind("not-found", 404, "What is asked for is not there, or not yet")
UNKNOWN_PATH = Kind("unknown-path", 404, "The API has no such path")
METHOD_NOT_TAKEN = Kind("method-not-taken", 405, "The path does not take this method")
CONFLICT = Kind("conflict", 409, "The request contradicts the state of a run")
TOO_LARGE = Kind("too-large", 413, "The body is larger than a request may be")
WRONG_TYPE = Kind("wrong-content-type", 415, "The body is of another type than JSON")
INVALID = Kind("invalid-request", 422, "The request can't be used as it is")
TOO_MANY = Kind("too-many-requests", 429, "The client asks more often than it may")
FAILED = Kind("failed", 500, "The API failed, through no fault of the request")
NOT_ACKNOWLEDGED = Kind("not-acknowledged", 503, "The request may or may not have arrived")
AWAY = Kind("away", 503, "A part of the system is away")

KINDS = (
    *(UNKNOWN_HOST, FOREIGN_ORIGIN, NOT_FOUND, UNKNOWN_PATH, METHOD_NOT_TAKEN, CONFLICT),
    *(TOO_LARGE, WRONG_TYPE, INVALID, TOO_MANY, FAILED, NOT_ACKNOWLEDGED, AWAY),
)


class FieldError(View):
    """One thing that is wrong, and the next step."""

    field: str | None = Field(description="What is at fault, as days.0.date; null: no one field.")
    message: str
    value: str | None = Field(description="What stood there, as JSON has it and shortened.")
    fix: str | None = Field(description="The next step; null: the message says it.")


class Problem(View):
    """Why a request got no other answer, as RFC 9457 has it (application/problem+json)."""

    type: str = Field(description="The kind of problem, for programs; it leads to its words.")
    title: str = Field(description="The kind of problem, for people.")
    status: int
    detail: str = Field(description="What is wrong and what to do, on one line.")
    instance: str = Field(description="The path that was asked for, shortened.")
    errors: list[FieldError] = Field(description="The same, part by part; at most 20.")


class Refused(Exception):
    """A request gets no other answer than why, as one or more refusals."""

    def __init__(
        self, kind: Kind, *refusals: Refusal, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(kind, *refusals)
        self.kind, self.refusals, self.headers = kind, refusals, dict(headers or {})

    def __str__(self) -> str:
        return "; ".join(map(str, self.refusals))

    @property
    def all_headers(self) -> dict[str, str]:
        """The headers of the answer."""
        return {"Content-Type": PROBLEM_JSON, **self.headers}

    def document(self, path: str) -> dict[str, Any]:
        """The body of the answer to a request for that path."""
        problem = Problem(
            type=self.kind.type,
            title=self.kind.title,
            status=self.kind.status,
            detail=str(self),
            instance=quote(path[:MAX_PATH], errors="backslashreplace"),
            errors=list(self._errors()),
        )
        return problem.model_dump()

    def _errors(self) -> Iterator[FieldError]:
        for each in self.refusals:
            yield FieldError(
                field=each.field or None, message=each.message, value=each.value, fix=each.fix
            )
