"""Forecasts of stored models with what the calendar knows of the days ahead."""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from datetime import date

from functions.forecasting import forecasts
from functions.forecasting.calendar import Calendar
from functions.forecasting.horizon import calendar_span
from functions.forecasting.series_model import SeriesModel
from functions.storage import DayForecast, Forecast, Model, Storage


async def forecast_models(
    storage: Storage, asked: Sequence[tuple[Model, date]]
) -> dict[tuple[str, date], Forecast]:
    """The forecast of each model from its day on, by id and day. Nothing is stored."""
    together: dict[tuple[date, int], list[Model]] = defaultdict(list)
    for model, start in asked:
        together[start, model.horizon].append(model)
    found: dict[tuple[str, date], Forecast] = {}
    for (start, horizon), group in together.items():
        series = [(model.store, model.product) for model in group]
        calendar = await storage.calendar(series, *calendar_span(start, horizon))
        days = await asyncio.to_thread(forecast_days, group, start, horizon, calendar)
        for model, of_model in zip(group, days, strict=True):
            found[model.model_id, start] = Forecast(
                model.store, model.product, model.model_id, of_model
            )
    return found


def forecast_days(
    models: Sequence[Model], start: date, horizon: int, calendar: Calendar, level: float = 0.95
) -> list[tuple[DayForecast, ...]]:
    """The `horizon` days from `start` on of each model; the calendar is of the same series."""
    fitted = [SeriesModel.from_json_dict(model.parameters) for model in models]
    made = forecasts.forecast(fitted, start, horizon, calendar, level)
    dates = made.dates.tolist()
    return [
        tuple(map(DayForecast, dates, *columns, made.assumed[i], made.bounded[i].tolist()))
        for i, columns in enumerate(
            zip(made.yhat.tolist(), made.lower.tolist(), made.upper.tolist(), strict=True)
        )
    ]
