"""The forecaster: model-promoted in; rows in `forecasts` and forecast-published out.

Models are immutable and forecasting is deterministic, so a redelivery writes and says
the same again. A model is forecast from the day that its promotion names, which is later
than its own as_of if it came back in place of a newer one.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import date, datetime, timedelta

from events.clock import utc_now
from events.envelope import Event, of_type
from events.errors import Refusal
from events.payloads import ForecastDay, ForecastPublished, ModelPromoted, Payload
from functions.forecasting.engine import Engine
from functions.forecasting.parameters import ProphetParameters
from functions.storage import DayForecast, Forecast, Model, Storage

SOURCE = "shelfcast/forecaster"


class Forecaster:
    """Forecasts from stored models, all of one date and horizon together."""

    def __init__(
        self, storage: Storage, engine: Engine, clock: Callable[[], datetime] = utc_now
    ) -> None:
        self._storage, self._engine, self._clock = storage, engine, clock

    async def __call__(self, events: Sequence[Event[Payload]]) -> list[Event[Payload]]:
        """The forecast of each promoted model; Refusal for a model that is not stored."""
        promoted = of_type(events, ModelPromoted)
        models = await self._storage.models([event.data.model_id for event in promoted])
        if unknown := {event.data.model_id for event in promoted} - set(models):
            raise Refusal(f"model_id: no model {', '.join(sorted(unknown))} is stored")
        starts = {(event.data.model_id, event.data.as_of) for event in promoted}
        asked = [(models[model_id], start) for model_id, start in sorted(starts)]
        forecasts = await asyncio.to_thread(self._forecast, asked)
        await self._storage.save_forecasts(list(forecasts.values()))
        return [
            event.effect(
                ForecastPublished(
                    run_id=event.data.run_id,
                    store=forecast.store,
                    product=forecast.product,
                    model_id=forecast.model_id,
                    days=tuple(ForecastDay(**asdict(day)) for day in forecast.days),
                ),
                SOURCE,
                self._clock,
            )
            for event in promoted
            for forecast in (forecasts[event.data.model_id, event.data.as_of],)
        ]

    def _forecast(self, asked: Sequence[tuple[Model, date]]) -> dict[tuple[str, date], Forecast]:
        """The forecast of each model from its day on, by both."""
        together: dict[tuple[date, int], list[Model]] = defaultdict(list)
        for model, start in asked:
            together[start, model.horizon].append(model)
        forecasts = {}
        for (start, horizon), group in together.items():
            fitted = [ProphetParameters.from_json_dict(model.parameters) for model in group]
            arrays = self._engine.forecast(fitted, start, horizon)
            days = [start + timedelta(days=step) for step in range(horizon)]
            for i, model in enumerate(group):
                columns = (arrays.yhat[i], arrays.lower[i], arrays.upper[i])
                rows = zip(days, *(column.tolist() for column in columns), strict=True)
                forecasts[model.model_id, start] = Forecast(
                    model.store,
                    model.product,
                    model.model_id,
                    tuple(DayForecast(*row) for row in rows),
                )
        return forecasts
