"""The API over memory, as tests ask it: with a shop to sell in and parts that can be away."""

import asyncio
import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx
from fastapi import FastAPI

from events.cloudevents import decode
from events.envelope import Event, first_event
from events.memory import MemoryLog
from events.payloads import (
    Compared,
    Finding,
    FoldMetrics,
    ModelTrained,
    PromotionRequested,
    RetrainRequested,
    TrainingFailed,
)
from events.publisher import Publisher
from events.topics import lanes
from functions.api import create_app
from functions.changes import Changes
from functions.forecasting.strategy import ProphetStrategy, table
from functions.planner import Planner
from functions.records import DayForecast, Forecast, Window
from functions.registry.transactions import change_champions, record_results
from infra.memory.storage import MemoryStorage
from infra.outages import is_outage

LAST_DAY = date(2015, 7, 31)
HEALTHY = {"planner": {"state": "idle", "trouble": None, "lag": 0}}


class AwayStorage:
    """A database that refuses every connection."""

    def __init__(self) -> None:
        self.changes = Changes()

    def __getattr__(self, verb: str) -> Any:
        async def refuse(*_: object) -> None:
            raise ConnectionRefusedError(111, "Connect call failed ('db', 5432)")

        return refuse


PATIENT = ProphetStrategy(name="patient", min_open_days=400)  # one of a shop's own


class Shop:
    """An API, the storage and the log behind it, and what happens around it."""

    def __init__(self) -> None:
        self.storage = MemoryStorage()
        self.log = MemoryLog()
        self.functions: dict[str, dict[str, Any]] = dict(HEALTHY)

    def app(self, storage: Any = None) -> FastAPI:
        used = (storage or self.storage, self.publisher(), self.health, is_outage)
        return create_app(*used, strategies=table([PATIENT]))

    def publisher(self) -> Publisher:
        """Of requests, into the log."""
        return Publisher(self.log.producer())

    async def health(self) -> dict[str, dict[str, Any]]:
        """What the functions are set to say."""
        return self.functions

    def sell(self, store: str, product: str, days: int = 60) -> None:
        """Units 1, 2, … up to LAST_DAY; closed on Sundays."""
        dates = [LAST_DAY - timedelta(days=days - 1 - n) for n in range(days)]
        self.storage.sales[store, product] = {
            day: (0.0 if day.weekday() == 6 else float(n + 1), day.weekday() != 6)
            for n, day in enumerate(dates)
        }

    def requests(self) -> list[Event[RetrainRequested]]:
        """The published requests."""
        records = [r for topic in lanes("retrain-requests") for r in self.log.records(topic)]
        return [decode(record.value, record.headers) for record in records]

    def promotions(self) -> list[Event[PromotionRequested]]:
        """The published requests for other champions."""
        records = self.log.records("promotion-requests")
        return [decode(record.value, record.headers) for record in records]

    async def promote(self) -> None:
        """What the registry does with every request for other champions."""
        for event in self.promotions():
            await change_champions(self.storage, event, LAST_DAY)

    async def plan(self) -> None:
        """What the planner does with every request."""
        await Planner(self.storage, 16, 100_000)(self.requests())

    async def train(
        self,
        run_id: str,
        series: Sequence[tuple[str, str]],
        failure: str = "",
        **changes: object,
    ) -> None:
        """Series of a planned run get their result: a forecast, or the reason of a failure."""
        now = datetime.now(UTC)
        if failure:
            failed = [
                first_event(
                    TrainingFailed(run_id=run_id, store=store, product=product, reason=failure),
                    "test",
                    time=now,
                )
                for store, product in series
            ]
            await record_results(self.storage, [], failed)
            return
        run = self.storage.plans[run_id]
        trained = [
            first_event(
                ModelTrained(
                    run_id=run_id,
                    store=store,
                    product=product,
                    model_id=re.sub(r"[^\w.:-]", "-", f"{run_id}:{store}:{product}"),
                    strategy=run.strategy,
                    as_of=run.as_of,
                    horizon=run.horizon,
                    first_day=run.as_of - timedelta(days=60),
                    data_through=run.as_of - timedelta(days=1),
                    rows=52,
                    chosen="windowed",
                    metrics={"rmse": 431.26, "mape": 0.0812, "mae": 322.9, "medae": None},
                    folds=(
                        FoldMetrics(
                            first_day=run.as_of - timedelta(days=7),
                            last_day=run.as_of - timedelta(days=1),
                            metrics={"wape": 0.07},
                        ),
                    ),
                    parameters={"k": 0.1},
                    versions={"prophet": "1.5"},
                ).model_copy(update=changes),
                "test",
                time=now,
            )
            for store, product in series
        ]
        await record_results(self.storage, trained, [])
        champions = set(self.storage.aliases.values())
        window = Window(run.as_of, run.horizon, run.requested_at, run.run_id)
        made = [_forecast(event.data) for event in trained if event.data.model_id in champions]
        await self.storage.serve([(forecast, window) for forecast in made])


def loses_to(model_id: str) -> dict[str, object]:
    """What a model says of itself that loses to the champion of that id."""
    return {
        "comparison": (
            Compared(strategy="naive", score=1.0, metrics={"wape": 0.1}),
            Compared(strategy="windowed", score=0.9, metrics={"wape": 0.09}),
            Compared(strategy="full", model_id=model_id, score=0.8, metrics={"wape": 0.08}),
        ),
        "findings": (Finding(code="drivers-unused", values={"names": ("promo",)}),),
    }


def _forecast(model: ModelTrained) -> Forecast:
    dates = [model.as_of + timedelta(days=n) for n in range(model.horizon)]
    days = [
        DayForecast(day, *((0.0, 0.0, 0.0) if day.weekday() == 6 else (55.25, 40.5, 1234.5)))
        for day in dates
    ]
    days[2] = replace(days[2], assumed=("promo",), limited=("price",), bounded=True)
    return Forecast(model.store, model.product, model.model_id, tuple(days))


class InProcess(httpx.BaseTransport):
    """A transport of the blocking client into an application."""

    def __init__(self, app: FastAPI) -> None:
        self._transport = httpx.ASGITransport(app)
        self.asked: list[httpx.Request] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)

        async def ask() -> httpx.Response:
            answer = await self._transport.handle_async_request(request)
            content = await answer.aread()
            return httpx.Response(answer.status_code, headers=answer.headers, content=content)

        return asyncio.run(ask())
