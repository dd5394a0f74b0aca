"""Forecast with stored models and the planned calendar."""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from datetime import date

from functions.forecasting.forecast import forecasts
from functions.forecasting.forecast.horizon import calendar_span
from functions.forecasting.model import SeriesModel
from functions.forecasting.series.calendar import Calendar
from functions.ports import SalesReader
from functions.records import DayForecast, Forecast, Model, Series, Window


async def forecast_models(
    storage: SalesReader, asked: Sequence[tuple[Model, Window]]
) -> dict[Series, Forecast]:
    """Forecast each model for its window; return the forecasts by series, without storing them."""
    together: dict[tuple[date, int], list[Model]] = defaultdict(list)
    for model, window in asked:
        together[window.first_day, window.horizon].append(model)
    found: dict[Series, Forecast] = {}
    for (start, horizon), group in together.items():
        series = [(model.store, model.product) for model in group]
        calendar = await storage.calendar(series, *calendar_span(start, horizon))
        days = await asyncio.to_thread(forecast_days, group, start, horizon, calendar)
        for model, of_model in zip(group, days, strict=True):
            found[model.store, model.product] = Forecast(
                model.store, model.product, model.model_id, of_model
            )
    return found


def forecast_days(
    models: Sequence[Model], start: date, horizon: int, calendar: Calendar, level: float = 0.95
) -> list[tuple[DayForecast, ...]]:
    """Forecast `horizon` days from `start` on with each model; the calendar has the same series."""
    fitted = [SeriesModel.from_json_dict(model.parameters) for model in models]
    made = forecasts.forecast(fitted, start, horizon, calendar, level)
    dates = made.dates.tolist()
    tables = (made.yhat.tolist(), made.lower.tolist(), made.upper.tolist())
    columns = zip(*tables, made.assumed, made.limited, made.bounded.tolist(), strict=True)
    return [tuple(map(DayForecast, dates, *of_model)) for of_model in columns]
