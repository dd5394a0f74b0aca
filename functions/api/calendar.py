"""The route of calendars: a look at plans before they are published."""

from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import Field

from events.payloads import MAX_DRIVERS, Name
from functions.api.body import body_of, documented
from functions.api.given import Stored
from functions.api.plan_check import KnownSeries, Unreached, unknown_drivers
from functions.api.problems import REFUSALS, UNUSABLE_BODY
from functions.api.views import Body, View

MAX_SCOPES = 1000  # in one request; more are asked about in several


class PlannedScope(Body):
    """Whom plans are for."""

    store: Name | None = Field(None, description="Only this store; unset: every store.")
    product: Name | None = Field(None, description="Only this product; unset: every product.")


class PlansBody(Body):
    """Plans as far as they can be checked: for whom they are, and the drivers that each names."""

    scopes: Annotated[tuple[PlannedScope, ...], Field(min_length=1, max_length=MAX_SCOPES)]
    drivers: Annotated[tuple[Name, ...], Field(max_length=MAX_DRIVERS)] = ()


class UnreachedView(View):
    """Whom a plan is for, though there are no sales of it; and the nearest that there are of."""

    store: str | None
    product: str | None
    nearest_store: str | None
    nearest_product: str | None


class UnknownDriverView(View):
    """A driver that none of the series concerned ever had; for the first of so many scopes."""

    name: str
    store: str | None
    product: str | None
    scopes: int
    nearest: str | None
    known: list[str] = Field(description="Drivers that these series have, the first 20.")


class PlanCheck(View):
    """What a plan would not reach."""

    series: int = Field(description="Series with sales; of none there is nothing to tell.")
    unreached: list[UnreachedView]
    unknown_drivers: list[UnknownDriverView]


router = APIRouter(tags=["calendar"], responses=REFUSALS)


@router.post("/calendar/check", responses=UNUSABLE_BODY, openapi_extra=documented(PlansBody))
async def check(
    storage: Stored, body: Annotated[PlansBody, Depends(body_of(PlansBody))]
) -> PlanCheck:
    """Whether plans reach series with sales, and drivers that these have had."""
    scopes = [(each.store, each.product) for each in body.scopes]
    known = KnownSeries((await storage.scope(None, None)).series)
    missed: list[Unreached] = known.unreached(scopes) if known.all else []
    concerned = list(dict.fromkeys(s for scope in scopes for s in known.reached(scope)))
    had = await storage.drivers_had(concerned, body.drivers) if body.drivers else {}
    unknown = unknown_drivers(scopes, body.drivers, known, had) if body.drivers else []
    return PlanCheck.model_validate(
        {"series": len(known.all), "unreached": missed, "unknown_drivers": unknown}
    )
