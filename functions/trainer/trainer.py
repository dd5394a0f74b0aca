"""The trainer: training-shard-requested in; model-trained or training-failed out, per series.

It stores no results: it reads the history before the shard's as_of, backtests the strategy and
the champion's strategy on the same folds, fits, and publishes the result. A shard is trained as a
whole, and a series' errors are shrunk towards its own shard, so other shards do not change a
result.

A shard that kills its process, or outlasts it, would be redelivered for ever. So each delivery
is counted in the database before the training, and the count is reset when the training returns,
with results or an error. After `MAX_DELIVERIES` that did not return the shard is refused. A
delivery cut short by an ordinary stop of the process has returned too, unless it trained for
`MAX_BATCH_SECONDS`: then the stop is attributed to the shard. A delivery is not counted while
another living process trains the shard, as after a rebalance.

A shard is skipped if each of its series succeeded or was cancelled. If only some did, the whole
shard is trained, so the results of the others are the same, and only those are published.
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

# A process may be killed for memory that another one uses, even twice in a row; not three times.
MAX_DELIVERIES = 3


class TrainerStorage(SalesReader, Deliveries, Models, Protocol):
    """The ports that the trainer uses."""


class Trainer:
    """Train shards on an engine in a thread; `versions` are those of the libraries used."""

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
        self._out: set[tuple[str, int]] = set()  # counted deliveries that have not returned

    async def __call__(self, events: Sequence[Event[Payload]]) -> list[Event[Payload]]:
        """Return, in order, a result for each series not yet cancelled or successful."""
        results: list[Event[Payload]] = []
        for event in of_type(events, TrainingShardRequested):
            results += await self._train(event)
        return results

    @asynccontextmanager
    async def _counted(self, shard: TrainingShardRequested) -> AsyncIterator[None]:
        """Count this delivery of the shard until the block ends. Raise Refusal before training if
        it was delivered too often without returning.
        """
        place, start = (shard.run_id, shard.shard), self._seconds()
        async with self._storage.in_hand(*place) as alone:
            if alone:
                await self._count(shard, place)
            try:
                yield
            except BrokenExecutor:  # this delivery killed a fitting process: it stays counted
                raise
            except asyncio.CancelledError:
                if self._seconds() - start < MAX_BATCH_SECONDS:
                    await self._came_back(place)
                raise
            except Exception:  # the process survived the error: the delivery returned
                await self._came_back(place)
                raise
            await self._came_back(place)

    async def _count(self, shard: TrainingShardRequested, place: tuple[str, int]) -> None:
        if place not in self._out:  # a delivery retried in an outage is counted once
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
        """Return the results of one shard."""
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
        """Train the whole shard; return the results of the wanted series."""
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
        """Return the event of an outcome, or a failure if the event is too large to publish."""
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
        """Read the days that these strategies use, or the whole history if a series has no open
        day among them.
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
    """Convert a finding to its event form, with each text on one line."""
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
