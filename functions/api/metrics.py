"""What Prometheus asks of the API."""

from collections.abc import Awaitable, Callable

from fastapi import FastAPI, Response

MetricsText = Callable[[], Awaitable[bytes]]
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def add_metrics(app: FastAPI, metrics: MetricsText) -> None:
    """Add the path; it is for a program of its own, and stands in no document of the API."""

    @app.get("/metrics", include_in_schema=False)
    async def told() -> Response:
        return Response(await metrics(), media_type=CONTENT_TYPE)
