"""Forecasts under other promotions, holidays or opening days: answered, never stored."""

import datetime as dt
from dataclasses import replace
from typing import Annotated, Any

import numpy as np
from fastapi import FastAPI
from pydantic import BaseModel, ConfigDict, Field

from events.payloads import LONGEST_HORIZON, MOST_DRIVERS, Finite, Name
from functions.api import views
from functions.api.problems import none_yet, unprocessable
from functions.forecaster.outlook import forecast_days
from functions.forecasting.calendar import Calendar
from functions.forecasting.horizon import calendar_span
from functions.forecasting.series_model import SeriesModel
from functions.storage import Storage

ANSWERS: dict[int | str, dict[str, Any]] = {
    404: {"model": views.Trouble},
    422: {"model": views.Problems},
    503: {"model": views.Trouble},
}


class ChangedDay(BaseModel):
    """A day as it might be; what is left out stays as it is planned."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    date: views.Day
    open: bool | None = None
    drivers: Annotated[dict[Name, Finite], Field(max_length=MOST_DRIVERS)] = {}


class WhatIfBody(BaseModel):
    """What to change in the days ahead, and how many to forecast."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    days: Annotated[list[ChangedDay], Field(max_length=LONGEST_HORIZON)] = []
    start: views.Day | None = Field(None, description="Unset: the day the champion starts from.")
    horizon: Annotated[int, Field(ge=1, le=LONGEST_HORIZON)] | None = Field(
        None, description="Unset: the champion's."
    )
    level: Annotated[float, Field(gt=0, lt=1)] = Field(
        0.95, description="Probability that the intervals cover."
    )


class WhatIf(views.View):
    """What the champion would forecast."""

    store: str
    product: str
    model_id: str
    version: int
    strategy: str
    days: list[views.DayView]


def add_what_if(app: FastAPI, storage: Storage) -> None:
    """The path of what-if forecasts."""

    @app.post("/forecasts/{store}/{product}/what-if", responses=ANSWERS)
    async def what_if(store: Name, product: Name, body: WhatIfBody) -> WhatIf:
        """The champion's forecast, were the days ahead as the body says."""
        model = (await storage.champions([(store, product)])).get((store, product))
        if model is None:
            raise none_yet("model", store, product)
        start, horizon = body.start or model.as_of, body.horizon or model.horizon
        calendar = await storage.calendar([(store, product)], *calendar_span(start, horizon))
        known = SeriesModel.from_json_dict(model.parameters)
        calendar = _changed(calendar, body.days, start, horizon, known)
        (days,) = forecast_days([model], start, horizon, calendar, body.level)
        return WhatIf(
            store=store,
            product=product,
            model_id=model.model_id,
            version=model.version,
            strategy=model.chosen or model.strategy,
            days=[views.DayView.model_validate(day) for day in days],
        )


def _changed(
    calendar: Calendar,
    days: list[ChangedDay],
    start: dt.date,
    horizon: int,
    model: SeriesModel,
) -> Calendar:
    """The calendar of one series with those days changed. A driver that does not move the
    model, or a day that is not forecast, is a 422: it would change nothing.
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
            raise unprocessable(
                f"body.days.{i}.date",
                str(day.date),
                f"is not forecast; choose a day from {start} to {last}, or another horizon",
            )
        for name in day.drivers:
            if name not in moving:
                known = ", ".join(moving) or "none"
                raise unprocessable(
                    f"body.days.{i}.drivers.{name}",
                    name,
                    f"is no driver of this series' champion; it has: {known}",
                )
        at = (day.date - calendar.start).days
        if day.open is not None:
            changed.is_open[0, at] = np.int8(day.open)
        for name, value in day.drivers.items():
            changed.drivers[0, at, names.index(name)] = value
    return changed
