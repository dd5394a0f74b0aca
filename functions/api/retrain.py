"""The route that asks for models to be retrained.

What the planner would refuse is refused at once, by the planner's own rules.
"""

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Depends, Response

from functions.api import views
from functions.api.body import body_of, documented
from functions.api.faults import repeat_with
from functions.api.given import Asking, KnownStrategies, Stored, Today
from functions.api.problem_document import Refused
from functions.api.problems import CONFLICT, REFUSALS, UNUSABLE_BODY, conflict
from functions.api.retraining import retrain_event
from functions.forecasting.strategy import Strategies
from functions.known_strategy import known_strategy
from functions.planner.as_of import check_as_of, default_as_of
from functions.planner.history import is_own, too_short
from functions.planner.planner import unknown_run
from functions.planner.scope import resolve_scope
from functions.ports import Storage
from functions.records import Run

router = APIRouter(tags=["runs"], responses=REFUSALS)


@router.post(
    "/retrain",
    status_code=202,
    responses=CONFLICT | UNUSABLE_BODY,
    openapi_extra=documented(views.RetrainBody),
)
async def retrain(
    storage: Stored,
    requests: Asking,
    strategies: KnownStrategies,
    today: Today,
    body: Annotated[views.RetrainBody, Depends(body_of(views.RetrainBody))],
    response: Response,
) -> views.Accepted:
    """Ask for models to be retrained; the answer says where to watch the run."""
    known_strategy(body.strategy, strategies)
    await _check_sense(storage, body, strategies, today)
    if body.run_id is not None and (known := await storage.run(body.run_id, 0)) is not None:
        await _refuse_another_run(storage, known, body)
    event = retrain_event(body)
    await requests.publish([event], repeat_with("run_id", event.id, "one run"))
    url = f"/runs/{event.id}"
    response.headers["Location"] = url
    return views.Accepted(run_id=event.id, url=url)


async def _check_sense(
    storage: Storage, body: views.RetrainBody, strategies: Strategies, today: date
) -> None:
    """Refusal if the body names what is not known, a day before or beyond what it can be, or a
    strategy that needs more days than there are.

    A request for all with nothing to check asks no database, so it is taken while that is away.
    """
    named = any(each is not None for each in (body.store, body.product, body.series))
    if named or body.as_of is not None or is_own(body.strategy, strategies):
        scope = await resolve_scope(storage, body.store, body.product, body.series)
        if body.as_of is not None:
            check_as_of(body.as_of, scope, body.horizon)
        as_of = body.as_of or default_as_of(scope, today)
        if (refusal := too_short(body.strategy, strategies, scope, as_of)) is not None:
            raise refusal
    if body.failed_in is not None and await storage.run(body.failed_in, 0) is None:
        raise unknown_run("failed_in", body.failed_in)


async def _refuse_another_run(storage: Storage, known: Run, body: views.RetrainBody) -> None:
    """409 if a run that is planned already is asked for again with other parameters."""
    named = body.series is not None
    if known.named != named:
        raise _another(known, "its series named one by one" if known.named else "none named")
    if body.series is not None and not await _has_series(storage, known, body):
        raise _another(known, "other series")
    fields = {"store", "product", "strategy", "horizon", "failed_in", "older_than_days"}
    fields |= {name for name in ("as_of", "policy") if getattr(body, name) is not None}
    for field in sorted(fields):
        if (was := getattr(known, field)) != (asked := getattr(body, field)):
            raise _another(known, f"{field} {_word(was)}, not {_word(asked)}")


async def _has_series(storage: Storage, known: Run, body: views.RetrainBody) -> bool:
    """Whether the run is of the series that the body names, or of some where it left out others."""
    plan = await storage.plan(known.coalesced_into or known.run_id)
    asked = {(each.store, each.product) for each in body.series or ()}
    planned = {series for shard in (plan.shards if plan else ()) for series in shard}
    narrowed = body.failed_in is not None or body.older_than_days is not None
    return planned <= asked if narrowed else planned == asked


def _another(known: Run, with_what: str) -> Refused:
    return conflict(
        f"{known.run_id!r} is a run with {with_what}",
        known.run_id,
        "choose another run_id or leave it out",
    )


def _word(value: object) -> str:
    return "unset" if value is None else repr(str(value))
