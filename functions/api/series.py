"""The routes of series: which there are, and what one sold."""

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Query

from events.payloads import Name
from functions.api import views
from functions.api.given import Stored
from functions.api.problem_document import NOT_FOUND, Refused
from functions.api.problems import REFUSALS, UNKNOWN
from functions.planner.scope import unknown_series

router = APIRouter(tags=["series"], responses=REFUSALS)


@router.get("/series")
async def series(
    storage: Stored,
    limit: views.Limit = 100,
    after: Annotated[
        views.After | None, Query(description="store/product of the last one seen")
    ] = None,
) -> views.SeriesPage:
    """Every series that has sales, in order."""
    start = None
    if after is not None:
        store, _, product = after.partition("/")
        start = (store, product)
    page = await storage.series_page(start, limit)
    last = f"{page[-1].store}/{page[-1].product}" if len(page) == limit else None
    return views.SeriesPage.model_validate({"series": page, "next": last})


@router.get("/series/{store}/{product}", responses=UNKNOWN)
async def history(
    storage: Stored,
    store: Name,
    product: Name,
    days: Annotated[int, Query(ge=1, le=3660, description="Calendar days.")] = 28,
    before: Annotated[
        views.Day | None, Query(description="unset: the day after the newest sale")
    ] = None,
) -> views.History:
    """What a series sold in the last days before a day."""
    if (newest := (await storage.scope(store, product)).newest_day) is None:
        raise Refused(NOT_FOUND, unknown_series(store, product))
    end = before or newest + timedelta(days=1)
    panel = await storage.history(
        [(store, product)], end - timedelta(days=days), end, drivers=False
    )
    rows = zip(panel.dates.tolist(), panel.units.tolist(), panel.is_open.tolist(), strict=True)
    return views.History(
        store=store,
        product=product,
        days=[views.SoldDay(date=day, units=units, open=is_open) for day, units, is_open in rows],
    )
