"""HTTP in a Lambda: the request and response formats of API Gateway and function URLs.

Payload format 2.0 is that of function URLs and HTTP APIs, 1.0 that of REST APIs.
"""

import base64
import binascii
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from events.envelope import is_traceparent

AWS_TRACE = re.compile(r"Root=1-([0-9a-f]{8})-([0-9a-f]{24})(?:.*;Parent=([0-9a-f]{16}))?")


class NoRequest(ValueError):
    """An event that is not an HTTP request in either format."""


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """A request; the names of its headers are in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


def request_of(event: Mapping[str, Any]) -> HttpRequest:
    """Parse the request of an event; NoRequest says what is missing."""
    context = event.get("requestContext") or {}
    method = (context.get("http") or {}).get("method") or event.get("httpMethod")
    if not isinstance(method, str):
        raise NoRequest(
            "requestContext.http.method: is missing, so this is no HTTP request; invoke the "
            "function by its URL, or with an event of API Gateway's payload format 1.0 or 2.0"
        )
    headers = {str(k).lower(): str(v) for k, v in (event.get("headers") or {}).items()}
    path = str(event.get("rawPath") or event.get("path") or "/")
    text = event.get("body") or ""
    if event.get("isBase64Encoded"):
        try:
            return HttpRequest(method, path, headers, base64.b64decode(text, validate=True))
        except binascii.Error as error:
            raise NoRequest(f"body: isBase64Encoded is true, but it is not ({error})") from None
    return HttpRequest(method, path, headers, text.encode())


def answer(status: int, said: Mapping[str, Any], headers: Mapping[str, str]) -> dict[str, Any]:
    """Return a response that is valid in both formats."""
    return {
        "statusCode": status,
        "headers": {"Content-Type": "application/json", **headers},
        "body": json.dumps(said, ensure_ascii=False),
        "isBase64Encoded": False,
    }


def trace_of_request(headers: Mapping[str, str]) -> str | None:
    """Return the caller's traceparent from W3C's or AWS's header; None without one."""
    if is_traceparent(given := headers.get("traceparent")):
        return given
    return trace_of_aws(headers.get("x-amzn-trace-id"))


def trace_of_aws(header: str | None) -> str | None:
    """Convert AWS's trace header to a traceparent: the same 128 bits in another format."""
    if header is None or (found := AWS_TRACE.search(header)) is None:
        return None
    traceparent = f"00-{found[1]}{found[2]}-{found[3] or found[2][:16]}-01"
    return traceparent if is_traceparent(traceparent) else None
