"""The trainer: training-shard-requested in; model-trained or training-failed out, per series.

It stores nothing: it reads history as of the shard's date, backtests, fits, and says what
came out, with the strategy of the champion so far on the same folds. Shards of one kind are
trained together, so an engine sees many series; the fleet that a series' errors are shrunk
towards is its own shard, so company does not change a result.

A shard of which every series was cancelled or has succeeded is passed over. One of which a
part has is trained whole, so the rest comes out as ever, and only the rest is said.
"""

import asyncio
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta

from events.clock import utc_now
from events.envelope import Event, derive_id, of_type
from events.errors import Refusal
from events.payloads import (
    Compared,
    FoldMetrics,
    ModelTrained,
    Payload,
    TrainingFailed,
    TrainingShardRequested,
)
from functions.forecasting.engine import Engine
from functions.forecasting.panel import Panel
from functions.forecasting.procedure import Champion, Comparison, Trained, train
from functions.forecasting.series_model import SeriesModel
from functions.forecasting.strategy import (
    BUILT_IN,
    Strategies,
    UnknownStrategy,
    days_read,
    strategy,
)
from functions.forecasting.unfit import Unfit
from functions.storage import Model, Series, Storage

SOURCE = "shelfcast/trainer"


class Trainer:
    """Trains on an engine, off the event loop. `versions` are the libraries' that it uses."""

    def __init__(
        self,
        storage: Storage,
        engine: Engine,
        versions: Mapping[str, str],
        strategies: Strategies = BUILT_IN,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._storage, self._engine, self._versions = storage, engine, dict(versions)
        self._strategies, self._clock = strategies, clock

    async def __call__(self, events: Sequence[Event[Payload]]) -> list[Event[Payload]]:
        """A result for each series of each shard that has none that stays, in order."""
        results: list[Event[Payload]] = []
        for event in of_type(events, TrainingShardRequested):
            results += await self._train(event)
        return results

    async def _train(self, event: Event[TrainingShardRequested]) -> list[Event[Payload]]:
        shard, series = event.data, _series(event.data)
        settled = await self._storage.settled_series([(shard.run_id, shard.shard)])
        wanted = {key for key in series if (shard.run_id, key) not in settled}
        if not wanted:
            return []
        try:
            chosen = strategy(shard.strategy, self._strategies)
        except UnknownStrategy as error:
            raise Refusal(f"strategy: {error}") from None
        champions = await self._storage.champions(series)
        serving = {
            key: Champion(
                model.chosen or model.strategy, SeriesModel.from_json_dict(model.parameters)
            )
            for key, model in champions.items()
        }
        names = {shard.strategy, *(champion.strategy for champion in serving.values())}
        panel = await self._history(shard, names)
        start = time.perf_counter()
        trained = await asyncio.to_thread(
            train,
            panel,
            chosen,
            shard.as_of,
            self._engine,
            horizon=shard.horizon,
            champions=serving,
            known=self._strategies,
            naive_serves=shard.policy != "always",
        )
        seconds = time.perf_counter() - start
        return [
            event.effect(
                self._outcome(shard, key, result, champions.get(key), seconds),
                SOURCE,
                self._clock,
                correlation_id=shard.run_id,
            )
            for key, result in zip(series, trained, strict=True)
            if key in wanted
        ]

    async def _history(self, shard: TrainingShardRequested, names: Collection[str]) -> Panel:
        """What training by the strategies of these names reads, or all if a series has nothing
        in that.
        """
        series = _series(shard)
        days = days_read(names, self._strategies)
        if days is not None:
            first = shard.as_of - timedelta(days=days)
            panel = await self._storage.history(series, first, shard.as_of)
            if panel.open_days().rows.all():
                return panel
        return await self._storage.history(series, None, shard.as_of)

    def _outcome(
        self,
        shard: TrainingShardRequested,
        series: Series,
        result: Trained | Unfit,
        champion: Model | None,
        seconds: float,
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
            chosen=result.chosen,
            metrics=result.metrics.as_dict() | {"coverage_before": result.coverage_before},
            folds=tuple(
                FoldMetrics(
                    first_day=fold.first_day,
                    last_day=fold.last_day,
                    metrics=fold.metrics.as_dict(),
                )
                for fold in result.folds
            ),
            comparison=tuple(_compared(each, champion) for each in result.comparison),
            notes=tuple(note[:1000] for note in result.notes),
            parameters=result.model.to_json_dict(),
            versions=self._versions,
            fit_seconds=seconds,
            policy=shard.policy,
        )


def _compared(each: Comparison, champion: Model | None) -> Compared:
    return Compared(
        strategy=each.strategy,
        model_id=champion.model_id if each.champion and champion is not None else None,
        score=each.score,
        metrics=each.metrics.as_dict(),
    )


def _series(shard: TrainingShardRequested) -> list[Series]:
    return [(ref.store, ref.product) for ref in shard.series]
