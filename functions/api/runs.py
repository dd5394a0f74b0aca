"""Runs over HTTP: how they go, and ending one that goes."""

from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Depends, Query

from events.envelope import Event, derive_id, first_event
from events.payloads import CancelRequested, RunId
from functions.api import views
from functions.api.body import body_of, documented
from functions.api.given import Asking, Stored
from functions.api.problem_document import CONFLICT as CONFLICTING
from functions.api.problem_document import NOT_FOUND, Refused
from functions.api.problems import (
    CONFLICT,
    REFUSALS,
    UNKNOWN,
    UNUSABLE_BODY,
    conflict,
    not_found,
)
from functions.planner.planner import coalesced, unknown_run
from functions.records import MAX_FAILURES

SOURCE = "shelfcast/api"


router = APIRouter(tags=["runs"], responses=REFUSALS)


@router.get("/runs")
async def runs(storage: Stored, limit: views.Limit = 50) -> views.Runs:
    """The newest runs."""
    return views.Runs.model_validate({"runs": await storage.runs(limit)})


@router.get(
    "/runs/{run_id}", responses=UNKNOWN, response_model_exclude_unset=True
)  # so `more` stands only where there is more
async def run(
    storage: Stored,
    run_id: RunId,
    failures: Annotated[
        int, Query(ge=0, le=MAX_FAILURES, description="How many of its failures to tell.")
    ] = MAX_FAILURES,
) -> views.RunDetail:
    """One run: its progress, and why series failed."""
    if (found := await storage.run(run_id, failures)) is None:
        raise _unknown(run_id)
    detail = views.RunDetail.model_validate(found)
    if len(found.failures) < found.counts.failed:
        last = [f"{each.store}/{each.product}" for each in found.failures[-1:]]
        after = f"?after={quote(last[0], safe='')}" if last else ""
        detail.more = f"/runs/{run_id}/failures{after}"
    return detail


@router.get("/runs/{run_id}/failures", responses=UNKNOWN)
async def failures(
    storage: Stored,
    run_id: RunId,
    limit: views.Limit = 1000,
    after: Annotated[
        views.After | None, Query(description="store/product of the last one seen")
    ] = None,
) -> views.Failures:
    """Series of a run that could not be trained, and why, in order."""
    start = None
    if after is not None:
        store, _, product = after.partition("/")
        start = (store, product)
    page = await storage.failures(run_id, start, limit)
    if not page and await storage.run(run_id, failures=0) is None:
        raise _unknown(run_id)
    last = f"{page[-1].store}/{page[-1].product}" if len(page) == limit else None
    return views.Failures.model_validate({"failures": page, "next": last})


@router.post(
    "/runs/{run_id}/cancel",
    status_code=202,
    responses=UNKNOWN | CONFLICT | UNUSABLE_BODY,
    openapi_extra=documented(views.CancelBody),
)
async def cancel(
    storage: Stored,
    requests: Asking,
    run_id: RunId,
    body: Annotated[views.CancelBody, Depends(body_of(views.CancelBody))],
) -> views.Accepted:
    """Ask for a run to end: what has no result yet is not trained, what has stays."""
    if (found := await storage.run(run_id, failures=0)) is None:
        raise Refused(NOT_FOUND, unknown_run("run_id", run_id))
    if found.coalesced_into is not None:
        raise Refused(CONFLICTING, coalesced(run_id, found.coalesced_into))
    if not found.counts.pending:
        why = f"{run_id!r} is {found.state} already"
        raise conflict(why, run_id, "there is nothing to cancel")
    again = "repeat it: to cancel twice is to cancel once"
    await requests.publish([_cancel_request(run_id, body)], again)
    return views.Accepted(run_id=run_id, url=f"/runs/{run_id}")


def _unknown(run_id: str) -> Refused:
    return not_found(
        "run_id",
        f"{run_id!r} is unknown",
        run_id,
        "a run is here once its request has been read, and GET /runs lists those that are",
    )


def _cancel_request(run_id: str, body: views.CancelBody) -> Event[CancelRequested]:
    """To cancel a run twice is the same event twice."""
    request = CancelRequested(run_id=run_id, requested_by=body.requested_by, reason=body.reason)
    event_id = derive_id(request.TYPE, run_id)
    return first_event(request, SOURCE, event_id=event_id, correlation_id=run_id)
