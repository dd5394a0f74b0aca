"""A small world: an engine that takes milliseconds, a database in memory, and every function."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt

from events.dead_letters import DeadLetter, waiting
from events.envelope import Event, first_event
from events.payloads import Payload, PromotionRequested, RetrainRequested, SeriesRef
from events.topics import DEAD_LETTERS, TOPICS, bulk
from functions.catalog import Dependencies
from functions.forecasting.backtest import DEFAULT, Backtest
from functions.forecasting.engines.engine import Engine
from functions.forecasting.folds import FoldForecasts, empty_folds, fold_cuts
from functions.forecasting.prophet.parameters import ProphetParameters
from functions.forecasting.series.failures import FitFailure
from functions.forecasting.series.panel import Key, Panel
from functions.forecasting.series.regressors import Design
from functions.forecasting.series.scale import Band
from functions.forecasting.strategy import BUILT_IN, ProphetStrategy, Strategies
from infra.hosts.memory import MemoryHost
from infra.memory.storage import MemoryStorage

LAST_DAY = date(2015, 7, 31)
NOON = datetime(2015, 8, 1, 12, tzinfo=UTC)
SERIES = (("1", "milk"), ("1", "rye"), ("2", "milk"), ("2", "rye"), ("3", "milk"))


class Crash(RuntimeError):
    """A bug of the engine."""


class MeanEngine:
    """Says that every day sells what the last seven days sold on average.

    It can't fit the series in `unfit`, and the whole batch crashes on one in `poison`.
    """

    def __init__(self) -> None:
        self.unfit: dict[Key, str] = {}
        self.poison: set[Key] = set()

    def walk_forward(
        self,
        panel: Panel,
        strategies: Sequence[ProphetStrategy],
        design: Design,
        blocks: npt.NDArray[np.int64],
        backtest: Backtest = DEFAULT,
    ) -> list[FoldForecasts[ProphetParameters]]:
        return [self._walk_forward(panel, blocks, backtest) for _ in strategies]

    def _walk_forward(
        self, panel: Panel, blocks: npt.NDArray[np.int64], backtest: Backtest
    ) -> FoldForecasts[ProphetParameters]:
        if bad := self.poison & set(panel.keys):
            raise Crash(f"can't fit {sorted(bad)}")
        band = empty_folds(backtest.n_splits, blocks)
        for i, cuts in enumerate(fold_cuts(panel.rows, blocks, backtest.n_splits).tolist()):
            if panel.keys[i] in self.unfit:
                continue
            units = panel.units[panel.series(i)]
            for k, cut in enumerate(cuts[:-1]):
                mean = np.full(int(blocks[i]), units[max(cut - 7, 0) : cut].mean())
                band.put((i, k, slice(len(mean))), Band(mean, mean - 1, mean + 1))
        reasons = [FitFailure(self.unfit[key]) if key in self.unfit else None for key in panel.keys]
        return FoldForecasts(band, reasons, lambda i: self._fit(panel, i), {})

    def _fit(self, panel: Panel, i: int) -> ProphetParameters:
        rows = panel.series(i)
        dates, units = panel.dates[rows], panel.units[rows]
        return ProphetParameters(
            k=0.0,
            m=float(units[-7:].mean()),
            delta=(0.0,),
            changepoints_t=(0.0,),
            beta=(0.0,),
            sigma_obs=0.5,
            y_scale=1.0,
            first_day=dates[0].item(),
            t_scale_days=(dates[-1] - dates[0]).item().days,
            rows=len(dates),
            seasonalities=(),
            changepoint_prior_scale=0.05,
            never_open_weekdays=(),
        )


class World:
    """A MemoryHost and what it stands on, with a view of what holds in the end."""

    def __init__(
        self,
        shard_series: int = 2,
        express_series: int = 0,
        strategies: Strategies = BUILT_IN,
        backtest: Backtest = DEFAULT,
        engine: Engine | None = None,
    ) -> None:
        self.storage = MemoryStorage()
        self.engine = MeanEngine()
        self.dependencies = Dependencies(
            self.storage,
            engine or self.engine,
            {"engine": "mean"},
            shard_series,
            shard_rows=1_000_000_000,
            strategies=strategies,
            backtest=backtest,
            express_series=express_series,
        )
        self.host = MemoryHost(self.dependencies)

    def sell(self, *series: Key, days: int = 30, last: date = LAST_DAY, units: float = 10) -> None:
        for key in series:
            known = self.storage.sales.setdefault(key, {})
            known |= {last - timedelta(days=n): (units + n % 7, True) for n in range(days)}

    def close(self, *series: Key) -> None:
        """Every known day of these series is a closed one, so none of them can be trained."""
        for key in series:
            self.storage.sales[key] = dict.fromkeys(self.storage.sales[key], (0.0, False))

    async def run(self, *events: Event[Payload]) -> None:
        await self.host.publish(events)
        await self.host.settle()

    def data(self, payload: type[Any]) -> list[Any]:
        """The data of all events of a type, one for each id."""
        events = {event.id: event for event in self.host.events(payload.TOPIC)}
        return [event.data for event in events.values() if isinstance(event.data, payload)]

    def letters(self) -> list[DeadLetter]:
        return waiting(self.host.log.records(DEAD_LETTERS))

    def ids(self) -> dict[str, set[str]]:
        """Ids of the events on each topic; a dead letter's is where it stood, so not here."""
        topics = {bulk(topic) for topic in TOPICS} - {DEAD_LETTERS}
        return {topic: {event.id for event in self.host.events(topic)} for topic in topics}

    def state(self) -> dict[str, Any]:
        """All that is stored, without the times at which it was."""
        storage = self.storage
        return {
            "plans": dict(storage.plans),
            "results": {
                key: (result.shard, result.state, result.model_id, result.error)
                for key, result in storage.results.items()
            },
            "models": {i: replace(m, trained_at=NOON) for i, m in storage.stored.items()},
            "aliases": dict(storage.aliases),
            "history": [replace(c, changed_at=NOON) for c in storage.history_of_aliases],
            "forecasts": {i: replace(f, published_at=NOON) for i, f in storage.published.items()},
            "served": dict(storage.windows_served),
        }


def request(run_id: str = "run", at: datetime = NOON, **fields: Any) -> Event[RetrainRequested]:
    """A request to retrain; its id is the run's."""
    data = RetrainRequested(requested_by="test", **fields)
    return first_event(data, "test", event_id=run_id, time=at)


def promotion(
    action: str, *series: Key, request_id: str = "request", at: datetime = NOON, **fields: Any
) -> Event[PromotionRequested]:
    """A request to promote or roll back."""
    refs = tuple(SeriesRef(store=store, product=product) for store, product in series)
    data = PromotionRequested(action=action, series=refs, requested_by="anna", **fields)
    return first_event(data, "test", event_id=request_id, time=at)
