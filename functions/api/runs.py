"""Runs over HTTP: how they go, and ending one that goes."""

from typing import Annotated
from urllib.parse import quote

from fastapi import Depends, FastAPI, HTTPException, Query

from events.envelope import Event, derive_id, first_event
from events.payloads import CancelRequested, RunId
from events.publisher import Publisher
from functions.api import views
from functions.api.body import body_of, documented
from functions.api.problems import (
    CONFLICT,
    REFUSALS,
    UNKNOWN,
    UNUSABLE_BODY,
    OutageTest,
    unavailable,
)
from functions.planner.planner import coalesced, unknown_run
from functions.ports import Storage
from functions.records import MAX_FAILURES

SOURCE = "shelfcast/api"


def add_runs(app: FastAPI, storage: Storage, publisher: Publisher, is_outage: OutageTest) -> None:
    """Add the paths of runs to the application."""

    @app.get("/runs", responses=REFUSALS)
    async def runs(limit: views.Limit = 50) -> views.Runs:
        """The newest runs."""
        return views.Runs.model_validate({"runs": await storage.runs(limit)})

    @app.get(
        "/runs/{run_id}", responses=REFUSALS | UNKNOWN, response_model_exclude_unset=True
    )  # so `more` stands only where there is more
    async def run(
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

    @app.get("/runs/{run_id}/failures", responses=REFUSALS | UNKNOWN)
    async def failures(
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

    @app.post(
        "/runs/{run_id}/cancel",
        status_code=202,
        responses=REFUSALS | UNKNOWN | CONFLICT | UNUSABLE_BODY,
        openapi_extra=documented(views.CancelBody),
    )
    async def cancel(
        run_id: RunId, body: Annotated[views.CancelBody, Depends(body_of(views.CancelBody))]
    ) -> views.Accepted:
        """Ask for a run to end: what has no result yet is not trained, what has stays."""
        if (found := await storage.run(run_id, failures=0)) is None:
            raise HTTPException(404, f"run_id: {unknown_run(run_id)}")
        if found.coalesced_into is not None:
            raise HTTPException(409, f"run_id: {coalesced(run_id, found.coalesced_into)}")
        if not found.counts.pending:
            raise HTTPException(
                409, f"run_id: {run_id!r} is {found.state} already; there is nothing to cancel"
            )
        event = _cancel_request(run_id, body)
        try:
            await publisher.publish([event])
        except Exception as error:
            if not is_outage(error):
                raise
            raise unavailable(
                f"Kafka did not acknowledge the request ({error!r}); repeat it: to cancel twice "
                "is to cancel once"
            ) from error
        return views.Accepted(run_id=run_id, url=f"/runs/{run_id}")


def _unknown(run_id: str) -> HTTPException:
    return HTTPException(
        404,
        f"run_id: {run_id!r} is unknown; a run is here once its request has been read, "
        "and GET /runs lists those that are",
    )


def _cancel_request(run_id: str, body: views.CancelBody) -> Event[CancelRequested]:
    """To cancel a run twice is the same event twice."""
    request = CancelRequested(run_id=run_id, requested_by=body.requested_by, reason=body.reason)
    event_id = derive_id(request.TYPE, run_id)
    return first_event(request, SOURCE, event_id=event_id, correlation_id=run_id)
