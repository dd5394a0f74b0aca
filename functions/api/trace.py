"""Events that a request causes belong to the caller's trace, if it names one (W3C traceparent)."""

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from events.envelope import within_trace


class CallersTrace:
    """Carries the header `traceparent` to where events are made."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on within the caller's trace."""
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        with within_trace(Headers(scope=scope).get("traceparent")):
            return await self._app(scope, receive, send)
