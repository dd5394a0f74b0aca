"""One function with its Kafka consumer: the content of a replica, whatever runs it.

The consumer's loop and the function's waiting share the event loop; fitting runs in a
thread or in processes, so heartbeats go on. Stopped, it finishes the batch in hand if that takes
less than the grace time; a batch it abandons is taken up by the next member of the group.
"""

import asyncio
import logging
import os
import time
from concurrent.futures import BrokenExecutor, ProcessPoolExecutor
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from aiokafka.errors import KafkaError

from events.kafka import KafkaConsumer, KafkaProducer
from events.pace import MAX_BATCH_SECONDS
from events.subscriber import Subscriber
from functions.catalog import EXPRESS, FUNCTIONS, Dependencies, Function
from infra.access import user_of
from infra.observing import observer
from infra.outages import is_outage
from infra.postgres.storage import PostgresStorage
from infra.settings import Settings

if TYPE_CHECKING:
    from functions.forecasting.engines.engine import Engine

log = logging.getLogger(__name__)

GRACE_SECONDS = 15.0  # Ray Serve kills a replica after 20
STALL_SECONDS = 120.0  # a poll takes 1 s, so an idle consumer reports every second
LAG_SECONDS = 1.0
LIBRARIES = ("shelfcast", "prophet", "numpy")


class Unhealthy(Exception):
    """The replica can't recover and has to be replaced."""


def workers_of(function: Function, settings: Settings) -> int:
    """Cores that a function keeps busy; those of the express lane are idle most of the time.

    The batched engine fits in one thread.
    """
    if not function.fits or function.process == EXPRESS:
        return 0
    if settings.engine == "batched":
        return 1
    return settings.trainer_workers or os.cpu_count() or 1


def _pool(function: Function, settings: Settings) -> ProcessPoolExecutor | None:
    """The fit processes, if stock Prophet is the engine."""
    if not function.fits or settings.engine != "prophet":
        return None
    from infra.hosts.fit_processes import process_pool, start_all

    workers = workers_of(function, settings) or 1
    pool = process_pool(workers)
    start_all(pool, workers)
    return pool


def _engine(settings: Settings, pool: ProcessPoolExecutor | None) -> "Engine":
    from functions.forecasting.engines.factory import engine

    return engine(settings.engine, pool)


class FunctionHost:
    """A running function."""

    def __init__(self, name: str, settings: Settings) -> None:
        function = FUNCTIONS[name]
        settings = settings.of(user_of(name))
        self._name = name
        self._pool = _pool(function, settings)
        self._storage = PostgresStorage(settings.database)
        self._producer = KafkaProducer(settings.kafka)
        self._consumer = KafkaConsumer(settings.kafka, function.group, function.inputs)
        dependencies = Dependencies(
            storage=self._storage,
            engine=_engine(settings, self._pool) if function.fits else None,
            versions={name: version(name) for name in LIBRARIES} | {"engine": settings.engine},
            shard_series=settings.shard_series,
            shard_rows=settings.shard_rows,
            strategies=settings.strategy_table,
            backtest=settings.backtest,
            policy=settings.promotion,
            retention=settings.retention,
        )
        self._subscriber = Subscriber(
            self._consumer,
            self._producer,
            function.build(dependencies),
            group=function.group,
            is_outage=is_outage,
            max_batch=function.max_batch,
            observer=observer(settings, [name]),
        )
        self._task = asyncio.get_running_loop().create_task(self._subscriber.run(), name=name)

    def check(self) -> None:
        """Raise Unhealthy if the consumer died or stalled, or fit processes were lost."""
        health = self._subscriber.health
        if self._task.done():
            error = None if self._task.cancelled() else self._task.exception()
            raise Unhealthy(f"{self._name}: the consumer has ended: {error!r}")
        if isinstance(health.trouble, BrokenExecutor):
            raise Unhealthy(f"{self._name}: a fitting process was killed")
        in_a_batch = health.state in ("working", "degraded")  # after an outage it is tried again
        longest = MAX_BATCH_SECONDS if in_a_batch else STALL_SECONDS
        if (silent := time.monotonic() - health.since) > longest:
            raise Unhealthy(f"{self._name}: no sign of life for {silent:.0f} s ({health.state})")

    async def health(self) -> dict[str, Any]:
        """Return state, trouble and lag; the lag is None while Kafka does not answer."""
        health = self._subscriber.health
        return {
            "state": health.state,
            "trouble": None if health.trouble is None else repr(health.trouble),
            "lag": await self._lag(),
        }

    async def _lag(self) -> int | None:
        try:
            async with asyncio.timeout(LAG_SECONDS):
                return sum((await self._consumer.lag()).values())
        except (TimeoutError, KafkaError) as error:
            log.debug("%s: lag unknown: %r", self._name, error)
            return None

    async def stop(self) -> None:
        """Finish or abandon the current batch, leave the group, close connections."""
        self._subscriber.stop()
        _, running = await asyncio.wait([self._task], timeout=GRACE_SECONDS)
        if running:
            log.warning("%s: abandons a batch; it will be delivered again", self._name)
            self._task.cancel()
            await asyncio.wait([self._task])
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)
        await self._producer.close()
        await self._storage.close()
