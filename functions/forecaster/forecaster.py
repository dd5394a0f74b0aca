"""The forecaster: forecast-shard-requested in; served forecasts and forecast-published out.

It forecasts with the current champion from the day that was asked for last. So for any order of
events on either lane, the newest champion finally forecasts the newest days. Models are immutable
and forecasting is deterministic, so a redelivery stores and publishes the same again.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Protocol

from events.clock import utc_now
from events.envelope import Event, of_type
from events.pace import paced
from events.payloads import ForecastDay, ForecastPublished, ForecastShardRequested, Payload
from functions.forecaster.forecast_models import forecast_models
from functions.ports import Forecasts, Models, SalesReader
from functions.records import Forecast, Series, Window

SOURCE = "shelfcast/forecaster"
TOGETHER = 1000  # series; their models and forecasts are in memory at once

Asked = ForecastShardRequested
Served = tuple[Forecast, str]  # a forecast, and the run id of its model


class ForecasterStorage(SalesReader, Models, Forecasts, Protocol):
    """The ports that the forecaster uses."""


class Forecaster:
    """Forecast with stored models, batched by first day and horizon."""

    def __init__(self, storage: ForecasterStorage, clock: Callable[[], datetime] = utc_now) -> None:
        self._storage, self._clock = storage, clock

    async def __call__(self, events: Sequence[Event[Payload]]) -> list[Event[Payload]]:
        """Return, for each event, the forecast of each of its series that has a champion."""
        shards = of_type(events, ForecastShardRequested)
        asked = _newest(shards)
        series = sorted(asked)
        served: dict[Series, Served] = {}
        for at in range(0, len(series), TOGETHER):
            served |= await self._serve({key: asked[key] for key in series[at : at + TOGETHER]})
        return [
            event.effect(_published(*served[key]), SOURCE, self._clock)
            async for event in paced(shards)
            for ref in event.data.series
            if (key := (ref.store, ref.product)) in served
        ]

    async def _serve(self, asked: Mapping[Series, Asked]) -> dict[Series, Served]:
        """Forecast and serve; repeat for the series whose champion or days changed meanwhile."""
        left, served = dict(asked), {}
        while left:
            known = await self._storage.served(list(left))
            models = await self._storage.champions(list(left))
            windows = {
                key: window
                for key in models
                if (window := _later(left[key], known.get(key), models[key].horizon)) is not None
            }
            forecasts = await forecast_models(
                self._storage, [(models[key], windows[key]) for key in windows]
            )
            overtaken = await self._storage.serve(
                [(forecasts[key], windows[key]) for key in windows]
            )
            for key in windows.keys() - overtaken:
                served[key] = forecasts[key], models[key].run_id
            left = {key: left[key] for key in overtaken}
        return served


def _newest(shards: Sequence[Event[Asked]]) -> dict[Series, Asked]:
    """Return the latest request of each series."""
    return {
        (ref.store, ref.product): shard.data
        for shard in sorted(shards, key=lambda shard: _age(shard.data))
        for ref in shard.data.series
    }


def _age(asked: Asked) -> tuple[datetime, str]:
    """Return the sort key by age; a request without days is older than any with days."""
    return asked.requested_at or datetime.min.replace(tzinfo=UTC), asked.request_id


def _later(asked: Asked, served: Window | None, horizon: int) -> Window | None:
    """Return the days to serve, None if none were ever asked for; `horizon` is the model's."""
    if asked.as_of is None or asked.requested_at is None:
        return served
    days = asked.horizon or (served.horizon if served is not None else horizon)
    window = Window(asked.as_of, days, asked.requested_at, asked.request_id)
    return served if served is not None and served.age > window.age else window


def _published(forecast: Forecast, run_id: str) -> ForecastPublished:
    return ForecastPublished(
        run_id=run_id,
        store=forecast.store,
        product=forecast.product,
        model_id=forecast.model_id,
        days=tuple(
            ForecastDay(
                date=day.date,
                yhat=day.yhat,
                yhat_lower=day.yhat_lower,
                yhat_upper=day.yhat_upper,
                assumed=day.assumed,
                limited=day.limited,
                bounded=day.bounded,
            )
            for day in forecast.days
        ),
    )
