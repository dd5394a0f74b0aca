"""Forecasts of many series over HTTP: a page of them as JSON, or all as a stream.

A stream holds no more than BATCH series at a time. Each batch is read as it stands that moment, so
two series may be of different moments. Should the database go away in between, HTTP's last chunk
is missing: a client sees an error, never a shorter answer.
"""

import sys
from bisect import bisect_right
from collections.abc import AsyncIterator, Sequence
from typing import Annotated

from fastapi import APIRouter, Depends, Header
from fastapi.responses import Response, StreamingResponse

from functions.api import views
from functions.api.body import body_of, documented
from functions.api.forecasts import forecast_view
from functions.api.given import Everything, Given
from functions.api.media import preferred
from functions.api.problems import REFUSALS, UNACCEPTABLE, UNUSABLE_BODY
from functions.freshness import is_gone
from functions.planner.scope import resolve_scope
from functions.records import Series

JSON = "application/json"
NDJSON = "application/x-ndjson"
ARROW = "application/vnd.apache.arrow.stream"
PAGE = 100  # series of a page of JSON, unless asked otherwise
BATCH = 200  # series read at a time: some 10 ms of the database's work and of ours

Views = Sequence[views.ForecastView]

router = APIRouter(tags=["forecasts"], responses=REFUSALS)


@router.post(
    "/forecasts/query",
    response_model=views.ForecastPage,
    responses=UNUSABLE_BODY
    | UNACCEPTABLE
    | {
        200: {
            "content": {
                NDJSON: {"schema": {"type": "string", "description": "A ForecastView per line."}},
                ARROW: {"schema": {"type": "string", "format": "binary"}},
            }
        }
    },
    openapi_extra=documented(views.ForecastQuery),
)
async def query(
    given: Everything,
    body: Annotated[views.ForecastQuery, Depends(body_of(views.ForecastQuery))],
    accept: Annotated[
        str | None, Header(max_length=1000, description=f"{JSON}, {NDJSON} or {ARROW}.")
    ] = None,
) -> Response:
    """The champions' forecasts of many series, in order. A series without one is left out."""
    kind = preferred(accept, (JSON, NDJSON, ARROW))
    named = await _named(given, body)
    if kind == JSON:
        limit = body.limit or PAGE
        series = await _page(given, body, named, _start(body), limit)
        last = "/".join(series[-1]) if len(series) == limit else None
        page = views.ForecastPage(forecasts=await _read(given, series), next=last)
        return Response(page.model_dump_json(), media_type=JSON)
    batches = _batches(given, body, named)
    first = await anext(batches)  # what can be refused is, before the answer begins
    return StreamingResponse(_written(kind, _again(first, batches)), media_type=kind)


async def _named(given: Given, body: views.ForecastQuery) -> list[Series] | None:
    """The series that the query names one by one, in order; None: those of a scope."""
    if body.series is None:
        if not body.all and not await _page(given, body, None, None, 1):
            await resolve_scope(given.storage, body.store, body.product)  # known at all?
        return None
    return list((await resolve_scope(given.storage, None, None, body.series)).series)


async def _page(
    given: Given,
    body: views.ForecastQuery,
    named: Sequence[Series] | None,
    after: Series | None,
    limit: int,
) -> Sequence[Series]:
    if named is None:
        return await given.storage.served_page(body.store, body.product, after, limit)
    start = 0 if after is None else bisect_right(named, after)
    return named[start : start + limit]


async def _batches(
    given: Given, body: views.ForecastQuery, named: Sequence[Series] | None
) -> AsyncIterator[Views]:
    """At least one, which may be empty."""
    after, left = _start(body), body.limit or sys.maxsize
    while left > 0:
        size = min(BATCH, left)
        series = await _page(given, body, named, after, size)
        yield await _read(given, series)
        if len(series) < size:
            return
        after, left = series[-1], left - size


async def _read(given: Given, series: Sequence[Series]) -> Views:
    today = given.clock().date()
    found = await given.storage.forecasts(series)
    return [forecast_view(each, today) for each in found if not is_gone(each)]


async def _again(first: Views, others: AsyncIterator[Views]) -> AsyncIterator[Views]:
    yield first
    async for batch in others:
        yield batch


async def _written(kind: str, batches: AsyncIterator[Views]) -> AsyncIterator[bytes]:
    if kind == ARROW:
        from functions.api.arrow_stream import arrow

        async for chunk in arrow(batches):
            yield chunk
        return
    async for batch in batches:
        yield "".join(f"{each.model_dump_json()}\n" for each in batch).encode()


def _start(body: views.ForecastQuery) -> Series | None:
    if body.after is None:
        return None
    store, _, product = body.after.partition("/")
    return store, product
