"""The forecaster: model-promoted in; rows in `forecasts` and forecast-published out.

Models are immutable and forecasting is deterministic, so a redelivery writes and says
the same again. A model is forecast from the day that its promotion names, which is later
than its own as_of if it came back in place of a newer one.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import datetime

from events.clock import utc_now
from events.envelope import Event, of_type
from events.errors import Refusal
from events.payloads import ForecastDay, ForecastPublished, ModelPromoted, Payload
from functions.forecaster.outlook import forecast_models
from functions.storage import Storage

SOURCE = "shelfcast/forecaster"


class Forecaster:
    """Forecasts from stored models, all of one date and horizon together."""

    def __init__(self, storage: Storage, clock: Callable[[], datetime] = utc_now) -> None:
        self._storage, self._clock = storage, clock

    async def __call__(self, events: Sequence[Event[Payload]]) -> list[Event[Payload]]:
        """The forecast of each promoted model; Refusal for a model that is not stored."""
        promoted = of_type(events, ModelPromoted)
        models = await self._storage.models([event.data.model_id for event in promoted])
        if unknown := {event.data.model_id for event in promoted} - set(models):
            raise Refusal(f"model_id: no model {', '.join(sorted(unknown))} is stored")
        asked = sorted({(event.data.model_id, event.data.as_of) for event in promoted})
        forecasts = await forecast_models(
            self._storage, [(models[model_id], start) for model_id, start in asked]
        )
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
