"""The trainer: training-shard-requested in; model-trained or training-failed out, per series.

It stores nothing: it reads history as of the shard's date, fits, and says what came out.
Shards of the same date and strategy are fitted together, so an engine sees many series.
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import date, datetime, timedelta

from events.clock import utc_now
from events.envelope import Event, derive_id, of_type
from events.errors import Refusal
from events.payloads import ModelTrained, Payload, TrainingFailed, TrainingShardRequested
from functions.forecasting.engine import Engine
from functions.forecasting.procedure import Trained, train
from functions.forecasting.strategy import Strategy, UnknownStrategy, strategy
from functions.forecasting.unfit import Unfit
from functions.storage import Series, Storage

SOURCE = "shelfcast/trainer"


class Trainer:
    """Trains on an engine, off the event loop. `versions` are the libraries' that it uses."""

    def __init__(
        self,
        storage: Storage,
        engine: Engine,
        versions: Mapping[str, str],
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._storage, self._engine, self._versions = storage, engine, dict(versions)
        self._clock = clock

    async def __call__(self, events: Sequence[Event[Payload]]) -> list[Event[Payload]]:
        """A result for each series of each shard, in order."""
        shards = of_type(events, TrainingShardRequested)
        together: dict[tuple[str, date], set[Series]] = defaultdict(set)
        for event in shards:
            together[event.data.strategy, event.data.as_of].update(_series(event.data))
        results: dict[tuple[str, date, Series], tuple[Trained | Unfit, float]] = {}
        for (name, as_of), series in together.items():
            trained, seconds = await self._train(name, as_of, sorted(series))
            for key, result in zip(sorted(series), trained, strict=True):
                results[name, as_of, key] = result, seconds
        return [
            event.effect(
                self._outcome(
                    event.data, key, *results[event.data.strategy, event.data.as_of, key]
                ),
                SOURCE,
                self._clock,
                correlation_id=event.data.run_id,
            )
            for event in shards
            for key in _series(event.data)
        ]

    async def _train(
        self, name: str, as_of: date, series: list[Series]
    ) -> tuple[list[Trained | Unfit], float]:
        """A result for each series, in order, and the seconds that fitting took."""
        chosen = _strategy(name)
        first = None if chosen.window_days is None else as_of - timedelta(days=chosen.window_days)
        panel = await self._storage.history(series, first, as_of)
        start = time.perf_counter()
        results = await asyncio.to_thread(train, panel, chosen, as_of, self._engine)
        return results, time.perf_counter() - start

    def _outcome(
        self, shard: TrainingShardRequested, series: Series, result: Trained | Unfit, seconds: float
    ) -> Payload:
        store, product = series
        if isinstance(result, Unfit):
            return TrainingFailed(
                run_id=shard.run_id, store=store, product=product, reason=result.reason[:1000]
            )
        return ModelTrained(
            run_id=shard.run_id,
            store=store,
            product=product,
            model_id=derive_id("model", shard.run_id, store, product),
            strategy=shard.strategy,
            as_of=shard.as_of,
            horizon=shard.horizon,
            first_day=result.first_day,
            data_through=result.data_through,
            rows=result.rows,
            metrics=asdict(result.metrics),
            parameters=result.parameters.to_json_dict(),
            versions=self._versions,
            fit_seconds=seconds,
        )


def _strategy(name: str) -> Strategy:
    try:
        return strategy(name)
    except UnknownStrategy as error:
        raise Refusal(f"strategy: {error}") from None


def _series(shard: TrainingShardRequested) -> list[Series]:
    return [(ref.store, ref.product) for ref in shard.series]
