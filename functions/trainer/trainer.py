"""The trainer: training-shard-requested in; model-trained or training-failed out, per series.

It stores nothing: it reads history as of the shard's date, backtests, fits, and says what
came out, with the strategy of the champion so far on the same folds. Shards of one kind are
trained together, so an engine sees many series; the fleet that a series' errors are shrunk
towards is its own shard, so company does not change a result.

A shard that kills the process it is trained in, or outlasts it, would come again for ever. So each
delivery is counted in the database before it is trained, and once it came back, with results or
with an error, the count is taken back: after `MAX_DELIVERIES` that never did the shard is refused.
What an ordinary end of the process cuts short has come back too; after `MAX_BATCH_SECONDS` of
its own training an end is taken for the consequence of the shard itself. A delivery that comes
while another living process trains the shard, as after a rebalance, counts for nothing.

A shard of which every series was cancelled or has succeeded is passed over. One of which a
part has is trained whole, so the rest comes out as ever, and only the rest is said.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from concurrent.futures import BrokenExecutor
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Protocol

from events.clock import utc_now
from events.envelope import Event, derive_id, of_type
from events.errors import Refusal, TooLarge
from events.names import as_one_line
from events.pace import MAX_BATCH_SECONDS
from events.payloads import (
    Compared,
    Finding,
    FoldMetrics,
    ModelTrained,
    Payload,
    TrainingFailed,
    TrainingShardRequested,
)
from events.publisher import to_record
from events.wording import shown
from functions.forecasting import findings
from functions.forecasting.backtest import DEFAULT, Backtest
from functions.forecasting.engines.engine import Engine
from functions.forecasting.model import SeriesModel
from functions.forecasting.series.failures import FitFailure
from functions.forecasting.series.panel import Panel
from functions.forecasting.strategy import BUILT_IN, Strategies, days_read
from functions.forecasting.training.train import train
from functions.forecasting.training.trained import Champion, Comparison, Trained
from functions.known_strategy import known_strategy
from functions.ports import Deliveries, Models, SalesReader
from functions.records import Model, Series

SOURCE = "shelfcast/trainer"

# A process may be killed for another's memory, twice in a row at that; not three times.
MAX_DELIVERIES = 3


class TrainerStorage(SalesReader, Deliveries, Models, Protocol):
    """What the trainer asks of the database."""


class Trainer:
    """Trains on an engine, off the event loop. `versions` are the libraries' that it uses."""

    def __init__(
        self,
        storage: TrainerStorage,
        engine: Engine,
        versions: Mapping[str, str],
        strategies: Strategies = BUILT_IN,
        backtest: Backtest = DEFAULT,
        clock: Callable[[], datetime] = utc_now,
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        self._storage, self._engine, self._versions = storage, engine, dict(versions)
        self._strategies, self._backtest = strategies, backtest
        self._clock, self._seconds = clock, seconds
        self._out: set[tuple[str, int]] = set()  # counted, and not come back

    async def __call__(self, events: Sequence[Event[Payload]]) -> list[Event[Payload]]:
        """A result for each series of each shard that has none that stays, in order."""
        results: list[Event[Payload]] = []
        for event in of_type(events, TrainingShardRequested):
            results += await self._train(event)
        return results

    @asynccontextmanager
    async def _counted(self, shard: TrainingShardRequested) -> AsyncIterator[None]:
        """Count a delivery of the shard that begins now; Refusal, without a further look at it,
        for one that was delivered too often and never came back.
        """
        place, start = (shard.run_id, shard.shard), self._seconds()
        async with self._storage.in_hand(*place) as alone:
            if alone:
                await self._count(shard, place)
            try:
                yield
            except BrokenExecutor:  # of the processes that fit, this delivery killed one
                raise
            except asyncio.CancelledError:
                if self._seconds() - start < MAX_BATCH_SECONDS:
                    await self._came_back(place)
                raise
            except Exception:  # any error that the process outlived: it came back, and goes on up
                await self._came_back(place)
                raise
            await self._came_back(place)

    async def _count(self, shard: TrainingShardRequested, place: tuple[str, int]) -> None:
        if place not in self._out:  # in an outage the same delivery is tried again
            deliveries = await self._storage.hand_over(*place, self._clock())
            if deliveries > MAX_DELIVERIES:
                raise Refusal(
                    "shard",
                    f"shard {shard.shard} of run {shard.run_id}, of {len(shard.series)} series, "
                    f"was delivered {MAX_DELIVERIES} times and never came back: training it kills "
                    "its process or outlasts it",
                    shown(shard.shard),
                    "retrain its series in smaller shards or with fewer drivers, or replay this "
                    "letter to try again",
                )
            self._out.add(place)

    async def _came_back(self, place: tuple[str, int]) -> None:
        await self._storage.came_back(*place)
        self._out.discard(place)

    async def _train(self, event: Event[TrainingShardRequested]) -> list[Event[Payload]]:
        """The results of one shard."""
        shard = event.data
        settled = await self._storage.settled_series([(shard.run_id, shard.shard)])
        wanted = {key for key in _series(shard) if (shard.run_id, key) not in settled}
        if not wanted:
            return []
        async with self._counted(shard):
            return await self._trained(event, wanted)

    async def _trained(
        self, event: Event[TrainingShardRequested], wanted: Collection[Series]
    ) -> list[Event[Payload]]:
        """The results of the wanted series of a shard, which is trained whole."""
        shard, series = event.data, _series(event.data)
        chosen = known_strategy(shard.strategy, self._strategies)
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
            backtest=self._backtest,
        )
        seconds = time.perf_counter() - start
        return [
            self._result(event, key, self._outcome(shard, key, result, champions.get(key), seconds))
            for key, result in zip(series, trained, strict=True)
            if key in wanted
        ]

    def _result(
        self, event: Event[TrainingShardRequested], series: Series, outcome: Payload
    ) -> Event[Payload]:
        """The event of an outcome, or of the series' failure if it is too large to be sent."""
        run_id = event.data.run_id
        result = event.effect(outcome, SOURCE, self._clock, correlation_id=run_id)
        try:
            to_record(result)
        except TooLarge as error:
            store, product = series
            reason = f"its model can't be sent; fewer drivers make it smaller: {error}"
            failure = TrainingFailed(
                run_id=run_id, store=store, product=product, reason=reason[:1000]
            )
            return event.effect(failure, SOURCE, self._clock, correlation_id=run_id)
        return result

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
        result: Trained | FitFailure,
        champion: Model | None,
        seconds: float,
    ) -> Payload:
        store, product = series
        if isinstance(result, FitFailure):
            return TrainingFailed(
                run_id=shard.run_id,
                store=store,
                product=product,
                reason=as_one_line(result.reason),
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
            findings=tuple(map(_finding, result.findings)),
            parameters=result.model.to_json_dict(),
            versions=self._versions,
            fit_seconds=seconds,
            policy=shard.policy,
        )


def _finding(found: findings.Finding) -> Finding:
    """As an event has it: texts of one line each, which came from anywhere."""
    values = {
        name: as_one_line(value)
        if isinstance(value, str)
        else tuple(map(as_one_line, value))
        if isinstance(value, list)
        else value
        for name, value in found.values.items()
    }
    return Finding(code=found.code, values=values)


def _compared(each: Comparison, champion: Model | None) -> Compared:
    return Compared(
        strategy=each.strategy,
        model_id=champion.model_id if each.champion and champion is not None else None,
        score=each.score,
        metrics=each.metrics.as_dict(),
        weight=each.weight,
    )


def _series(shard: TrainingShardRequested) -> list[Series]:
    return [(ref.store, ref.product) for ref in shard.series]
