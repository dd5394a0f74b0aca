"""The forecaster: forecast-shard-requested in; what is served, and forecast-published, out.

It forecasts the champions that there are when it gets to it, from the day that was asked for
last: so whatever order events come in, and whichever lane, in the end the newest champion
forecasts the newest days. Models are immutable and forecasting is deterministic, so a
redelivery writes and says the same again.
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
Served = tuple[Forecast, str]  # a forecast, and the run that made its model


class ForecasterStorage(SalesReader, Models, Forecasts, Protocol):
    """What the forecaster asks of the database."""


class Forecaster:
    """Forecasts from stored models, all of one date and horizon together."""

    def __init__(self, storage: ForecasterStorage, clock: Callable[[], datetime] = utc_now) -> None:
        self._storage, self._clock = storage, clock

    async def __call__(self, events: Sequence[Event[Payload]]) -> list[Event[Payload]]:
        """The forecast of each series that has a champion, for each event that asks for it."""
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
        """Forecast and serve until nothing has changed meanwhile."""
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
    """Of each series what was asked for last."""
    return {
        (ref.store, ref.product): shard.data
        for shard in sorted(shards, key=lambda shard: _age(shard.data))
        for ref in shard.data.series
    }


def _age(asked: Asked) -> tuple[datetime, str]:
    """Later is newer; what asks for no days of its own is older than what does."""
    return asked.requested_at or datetime.min.replace(tzinfo=UTC), asked.request_id


def _later(asked: Asked, served: Window | None, horizon: int) -> Window | None:
    """The days to serve; `horizon` is the model's own. None if none were ever asked for."""
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
