"""Forecasts under other promotions, holidays or opening days: answered, never stored."""

import datetime as dt
import math
from dataclasses import replace
from typing import Annotated

import numpy as np
from fastapi import APIRouter, Depends
from pydantic import Field

from events.errors import InvalidField
from events.payloads import MAX_HORIZON, Drivers, ForecastDay, Name
from events.wording import shown
from functions.api import views
from functions.api.body import body_of, documented
from functions.api.given import Stored
from functions.api.problems import REFUSALS, UNKNOWN, UNUSABLE_BODY, gone, none_yet
from functions.forecaster.forecast_models import forecast_days
from functions.forecasting.forecast.components import components_of
from functions.forecasting.forecast.horizon import calendar_span
from functions.forecasting.model import SeriesModel
from functions.forecasting.series.calendar import Calendar
from functions.freshness import is_gone
from functions.records import DayForecast, Forecast, Model


class ChangedDay(views.Body):
    """A day as it might be; what is left out stays as it is planned."""

    date: views.Day
    open: bool | None = None
    drivers: Drivers = Field({}, description="Values by name.")


class WhatIfBody(views.Body):
    """What to change in the days ahead, and how many to forecast."""

    days: Annotated[list[ChangedDay], Field(max_length=MAX_HORIZON)] = Field(
        [], description="Days that would be otherwise; none: the forecast as planned."
    )
    start: views.Day | None = Field(None, description="Unset: where its forecast starts.")
    horizon: Annotated[int, Field(ge=1, le=MAX_HORIZON)] | None = Field(
        None, description="Days to forecast; unset: the champion's."
    )
    level: Annotated[float, Field(gt=0, lt=1)] = Field(
        0.95, description="Probability that the intervals cover."
    )


class Components(views.View):
    """What one member of the model makes its forecast of: parts that add up, day by day."""

    scale: str = Field(description="linear: units; log: log(1 + units), where 0.1 is about 10 %")
    parts: dict[str, list[float]] = Field(
        description="trend, yearly, weekly, each driver, and the calendar's terms"
    )


class WhatIf(views.View):
    """What the champion would forecast, with intervals of that level."""

    store: str
    product: str
    model_id: str
    version: int
    strategy: str
    level: float
    days: tuple[ForecastDay, ...]
    components: list[Components] = Field(
        description="Of each fitted member; the forecast is the mean of all members."
    )


router = APIRouter(tags=["forecasts"], responses=REFUSALS)


@router.post(
    "/forecasts/{store}/{product}/what-if",
    responses=UNKNOWN | UNUSABLE_BODY,
    openapi_extra=documented(WhatIfBody),
)
async def what_if(
    storage: Stored,
    store: Name,
    product: Name,
    body: Annotated[WhatIfBody, Depends(body_of(WhatIfBody))],
) -> WhatIf:
    """The champion's forecast, were the days ahead as the body says."""
    model = (await storage.champions([(store, product)])).get((store, product))
    if model is None:
        raise none_yet("model", store, product)
    served = await storage.forecast(store, product)
    if served is not None and is_gone(served):
        raise gone(store, product)
    start = body.start or _start(served, model)
    horizon = body.horizon or model.horizon
    calendar = await storage.calendar([(store, product)], *calendar_span(start, horizon))
    known = SeriesModel.from_json_dict(model.parameters)
    calendar = _changed(calendar, body.days, start, horizon, known)
    with np.errstate(over="ignore", invalid="ignore"):
        (days,) = forecast_days([model], start, horizon, calendar, body.level)
    _check_sense(days, body.days)
    return WhatIf(
        store=store,
        product=product,
        model_id=model.model_id,
        version=model.version,
        strategy=model.chosen or model.strategy,
        level=body.level,
        days=tuple(ForecastDay.model_validate(day) for day in days),
        components=[
            Components(
                scale=member.scale,
                parts={name: part.tolist() for name, part in parts.items()},
            )
            for member, parts in components_of(known, start, horizon, calendar)
        ],
    )


def _start(served: Forecast | None, model: Model) -> dt.date:
    """Where the champion's forecast starts: later than its as_of for one that came back."""
    if served is None or served.model_id != model.model_id:
        return model.as_of
    return served.days[0].date


def _check_sense(days: tuple[DayForecast, ...], changed: list[ChangedDay]) -> None:
    """Refusal if a driver is so far from all that was seen that no number comes out."""
    for day in days:
        if not all(math.isfinite(n) for n in (day.yhat, day.yhat_lower, day.yhat_upper)):
            values = {name: value for each in changed for name, value in each.drivers.items()}
            raise InvalidField(
                "days",
                f"is beyond what the model can tell of {day.date}",
                shown(str(values)),
                "give drivers values like those they had",
            )


def _changed(
    calendar: Calendar,
    days: list[ChangedDay],
    start: dt.date,
    horizon: int,
    model: SeriesModel,
) -> Calendar:
    """The calendar of one series with those days changed. A driver that does not move the
    model, or a day that is not forecast, is a Refusal: it would change nothing.
    """
    moving = sorted(model.drivers)
    named = {name for day in days for name in day.drivers}
    names = tuple(sorted({*calendar.driver_names, *named}))
    changed = replace(
        calendar,
        is_open=calendar.is_open.copy(),
        driver_names=names,
        drivers=calendar.drivers_named(names),
    )
    for i, day in enumerate(days):
        if not start <= day.date < start + dt.timedelta(days=horizon):
            last = start + dt.timedelta(days=horizon - 1)
            raise InvalidField(
                f"days.{i}.date",
                "is not forecast",
                shown(str(day.date)),
                f"choose a day from {start} to {last}, or another horizon",
            )
        for name in day.drivers:
            if name not in moving:
                known = ", ".join(moving) or "none"
                raise InvalidField(
                    f"days.{i}.drivers.{name}",
                    "is not a driver of this series' champion",
                    shown(name),
                    f"it has: {known}",
                )
        at = (day.date - calendar.start).days
        if day.open is not None:
            changed.is_open[0, at] = np.int8(day.open)
        for name, value in day.drivers.items():
            changed.drivers[0, at, names.index(name)] = value
    return changed
