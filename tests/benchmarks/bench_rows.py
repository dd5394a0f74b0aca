"""What each operation on the database costs as series grow: per row, per series or per call.

A Postgres of its own holds two databases, one of a hundredth of the series of the other, each with
sales, a champion and a served forecast of every series (`tests.benchmarks.rows`). Functions and
storage do in both what they do in a run of all: no Kafka, no Spark, no Ray. `growth` is what it
costs in the large one over the small one: 1 for what does not mind, 100 for a call that reads
every series.

    python -m tests.benchmarks.bench_rows [--json] [--series 1000000] [--days 28]
"""

import argparse
import asyncio
import multiprocessing
import resource
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

import asyncpg
import pyarrow as pa

from events.envelope import Event, derive_id, first_event
from events.payloads import (
    MAX_SCOPES,
    CalendarChanged,
    DeadLettered,
    ForecastRequested,
    ForecastShardRequested,
    ModelTrained,
    Payload,
    RetrainRequested,
    ScopeRef,
    SeriesRef,
)
from functions.forecaster import Forecaster
from functions.planner import Planner
from functions.refresher import Refresher
from functions.registry import Registry
from functions.retention import Retention, limits
from infra.local import stack
from infra.postgres import watching
from infra.postgres.migrate import migrate
from infra.postgres.storage import PostgresStorage
from infra.settings import Settings
from stream_jobs.merge import MergedTable
from stream_jobs.sink import CHUNK
from stream_jobs.tables import SALES
from tests.benchmarks.report import report
from tests.benchmarks.rows import AS_OF, HORIZON, LAST_DAY, NOW, WEEK, fill, series, trained
from tests.benchmarks.system import console

KEYS = ("series", "sizes", "growth", "bytes", "planner_mb")
RUN = "week-1"  # the run of all that is planned, and then goes on
BATCH, BATCHES, WRITERS = 500, 4, 4  # results that a registry takes at once
CALLS = 200  # of what is asked of one series
LATER = NOW + timedelta(days=7)

Costs = dict[str, float]


class Measured:
    """Costs of one database, by name; the unit ends the name."""

    def __init__(self, url: str, count: int, models: Sequence[Event[ModelTrained]]) -> None:
        self.url, self.count, self.models = url, count, models
        self.storage, self.costs = PostgresStorage(url), Costs()
        self.planner_mb = 0.0

    async def everything(self) -> None:
        """In the order in which a week does it."""
        await self.sales()
        await self.plan()
        await self.history()
        self.results()
        await self.progress()
        await self.calendar()
        await self.serving()
        await self.metrics()
        await self.pruning()
        await self.storage.close()

    @contextmanager
    def timed(self, name: str, per: float) -> Iterator[None]:
        """What it takes, per so many."""
        unit = {"us": 1e6, "ms": 1e3, "s": 1.0}[name.split("_per_")[0].rpartition("_")[2]]
        began = time.perf_counter()
        yield
        self.costs[name] = (time.perf_counter() - began) * unit / per
        console.print(f"  {name}: {self.costs[name]:,.3f}")

    async def sales(self) -> None:
        """The next day of all series as it comes, each chunk spread over all of them; then a chunk
        of corrections.
        """
        table = MergedTable(SALES, self.url)
        chunks = -(-self.count // CHUNK)
        parts = [range(at, self.count, chunks) for at in range(chunks)]
        for name, hour, some in (
            ("copy_us_per_row", 22, parts),
            ("merge_us_per_row", 23, parts[:1]),
        ):
            sold = [_sold(part, hour) for part in some]
            with self.timed(name, sum(map(len, some))):
                refused = [await asyncio.to_thread(table.merge, each) for each in sold]
            if any(refused):
                raise RuntimeError(f"sales were to be merged: {refused}")
        table.close()

    async def plan(self) -> None:
        """Who is there, and a run of all of them."""
        with self.timed("scope_us_per_series", self.count):
            await self.storage.scope(None, None)
        before = _peak_mb()
        planner = Planner(
            self.storage, Settings().shard_series, Settings().shard_rows, clock=lambda: LATER
        )
        asked = RetrainRequested(requested_by="benchmark", as_of=AS_OF, policy="always")
        with self.timed("plan_us_per_series", self.count):
            shards = await planner([first_event(asked, "benchmark", event_id=RUN, time=LATER)])
        if not shards:
            raise RuntimeError("a run was to be planned")
        self.planner_mb = _peak_mb() - before
        roll = ForecastRequested(requested_by="benchmark")
        refresher = Refresher(self.storage, clock=lambda: LATER)
        with self.timed("roll_forward_us_per_series", self.count):
            await refresher([first_event(roll, "benchmark", time=LATER)])

    async def history(self) -> None:
        """What a shard reads, and one series alone."""
        shard = self._shard()
        await self.storage.history(shard[:1], None, AS_OF)
        with self.timed("history_ms_per_series", len(shard)):
            await self.storage.history(shard, None, AS_OF)
        await self._calls("history_of_one_ms", lambda one: self.storage.history([one], None, AS_OF))

    def results(self) -> None:
        """Results through the registry, from one writer and from several at once."""
        batch = max(min(BATCH, self.count // (BATCHES * (1 + WRITERS))), 1)
        own = batch * BATCHES
        for writers, first in ((1, 0), (WRITERS, own)):
            parts = [range(first + w, first + own * writers, writers) for w in range(writers)]
            context = multiprocessing.get_context("spawn")
            barrier = context.Barrier(writers)
            with ProcessPoolExecutor(writers, context, _ready, (barrier,)) as pool:
                spans = list(
                    pool.map(
                        register,
                        *zip(*((self.url, self.models, p, batch) for p in parts), strict=True),
                    )
                )
            took = max(end for _, end in spans) - min(start for start, _ in spans)
            name = f"results_of_{writers}_writers_ms_per_batch"
            self.costs[name] = took * 1e3 * batch / (own * writers)
            console.print(f"  {name}: {self.costs[name]:,.3f}")

    async def progress(self) -> None:
        """A run that goes on, one that has ended, and a shard of the first that is given up."""
        with self.timed("run_in_progress_ms", 1):
            run = await self.storage.run(RUN)
        if run is None or run.counts.planned != self.count:
            raise RuntimeError(f"a run of {self.count} series was to go on: {run}")
        with self.timed("run_that_ended_ms", 1):
            await self.storage.run(WEEK)
        with self.timed("runs_ms", 1):
            await self.storage.runs(50)
        number = (self.count - 1) // Settings().shard_series
        letter = DeadLettered(
            letter_id="letter",
            topic="training-shards",
            original_key=f"{RUN}/{number}",
            error="Refusal",
            message="killed its process",
        )
        await self._event("given_up_shard_ms", Registry(self.storage), letter)

    async def calendar(self) -> None:
        """Whose forecasts a change of the calendar concerns."""
        days = {"first_day": LAST_DAY + timedelta(days=3), "last_day": LAST_DAY + timedelta(days=3)}
        some = [ScopeRef(store=s, product=p) for s, p in self._some(min(MAX_SCOPES, self.count))]
        for name, scopes in (
            ("calendar_of_series_ms", some),
            ("calendar_of_a_store_ms", [ScopeRef(store=series(0)[0])]),
            ("calendar_of_a_product_ms", [ScopeRef(product=series(0)[1])]),
        ):
            changed = CalendarChanged(change_id=name, scopes=tuple(scopes), **days)
            await self._event(name, Refresher(self.storage, clock=lambda: LATER), changed)

    async def serving(self) -> None:
        """A forecast asked for, and a shard of forecasts that is made and served."""
        await self._calls("forecast_ms", lambda one: self.storage.forecast(*one))
        shard = self._shard()
        asked = ForecastShardRequested(
            request_id="roll",
            series=tuple(SeriesRef(store=store, product=product) for store, product in shard),
            as_of=AS_OF + timedelta(days=1),
            horizon=HORIZON,
            requested_at=LATER,
        )
        with self.timed("serve_ms_per_series", len(shard)):
            await Forecaster(self.storage)([first_event(asked, "benchmark", time=LATER)])
        with self.timed("page_of_1000_series_ms", 1):
            await self.storage.series_page(series(self.count // 2), 1000)

    async def metrics(self) -> None:
        """What Prometheus asks."""
        connection = await asyncpg.connect(self.url)
        for name, statement, values in (
            ("freshness_s", watching.FRESHNESS, (AS_OF,)),
            ("champions_s", watching.CHAMPIONS, ()),
            ("runs_going_s", watching.RUNS, ()),
        ):
            with self.timed(name, 1):
                await connection.fetchrow(statement, *values)
        await connection.close()

    async def pruning(self) -> None:
        """Nights in which nothing goes."""
        to = limits(Retention(), LATER)
        with self.timed("prune_step_of_500_series_ms", 1):
            await self.storage.prune("forecasts", to, None, 10_000)
        with self.timed("overdue_runs_s", 1):
            await self.storage.overdue_runs(LATER + timedelta(days=365), LATER, "given up")
        with self.timed("prune_dry_run_s", 1):
            await self.storage.prunable(to)

    def _shard(self) -> list[tuple[str, str]]:
        """A hundred series that follow each other, as planned ones do."""
        first = self.count // 2
        return [series(n) for n in range(first, min(first + 100, self.count))]

    def _some(self, most: int) -> list[tuple[str, str]]:
        """Series that lie apart."""
        most = min(most, self.count)
        return [series(n * self.count // most) for n in range(most)]

    async def _calls(self, name: str, ask: Callable[[tuple[str, str]], Awaitable[Any]]) -> None:
        asked = self._some(CALLS)
        await ask(asked[0])
        with self.timed(name, len(asked)):
            for one in asked:
                await ask(one)

    async def _event(self, name: str, function: Any, data: Payload) -> None:
        with self.timed(name, 1):
            await function([first_event(data, "benchmark", event_id=name, time=LATER)])


def _sold(numbers: Sequence[int], hour: int) -> pa.Table:
    """The next day of these series, as the Spark job has it."""
    stores, products = zip(*map(series, numbers), strict=True)
    day = LAST_DAY + timedelta(days=1)
    values: dict[str, Sequence[Any]] = {
        "store": stores,
        "product": products,
        "date": [day] * len(numbers),
        "units": [12.0] * len(numbers),
        "open": [True] * len(numbers),
        "drivers": [{"promo": 1, "school_holiday": 0}] * len(numbers),
        "event_id": [derive_id("sold", str(n), str(hour)) for n in numbers],
        "recorded_at": [NOW + timedelta(hours=hour)] * len(numbers),
        "import_id": [None] * len(numbers),
    }
    return pa.table({name: SALES.column(name, values[name]) for name in SALES.schema.names})


_barrier: Barrier | None = None


def _ready(barrier: Barrier) -> None:
    global _barrier
    _barrier = barrier


def register(
    url: str, models: Sequence[Event[ModelTrained]], numbers: Sequence[int], batch: int
) -> tuple[float, float]:
    """Results of these series through a registry of its own; when it began and ended."""
    events = [_result(models, n) for n in numbers]

    async def go() -> tuple[float, float]:
        storage = PostgresStorage(url)
        await storage.ping()
        if _barrier is not None:
            _barrier.wait()
        began = time.perf_counter()
        for at in range(0, len(events), batch):
            await Registry(storage)(events[at : at + batch])
        ended = time.perf_counter()
        await storage.close()
        return began, ended

    return asyncio.run(go())


def _result(models: Sequence[Event[ModelTrained]], n: int) -> Event[ModelTrained]:
    store, product = series(n)
    like = models[n % len(models)]
    model_id = derive_id("model", RUN, store, product)
    of_n = {"run_id": RUN, "store": store, "product": product, "model_id": model_id}
    data = like.data.model_copy(update={**of_n, "policy": "always"})
    return replace(like, id=derive_id("result", model_id), data=data, time=LATER)


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


async def _bytes(connection: Any) -> dict[str, float]:
    """Bytes a row, indices included, of each table that series fill."""
    rows = await connection.fetch(
        "SELECT relname, pg_total_relation_size(oid) / reltuples AS bytes FROM pg_class"
        " WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND reltuples > 20"
        " ORDER BY relname"
    )
    return {row["relname"]: row["bytes"] for row in rows}


async def measure(url: str, count: int, days: int) -> dict[str, Any]:
    """Both databases."""
    models = await trained()
    sizes = (max(count // 100, BATCHES * (1 + WRITERS)), count)
    costs: dict[str, Costs] = {}
    for size in sizes:
        of_size = url.rpartition("/")[0] + f"/rows_{size}"
        admin = await asyncpg.connect(url)
        await admin.execute(f"CREATE DATABASE rows_{size}")
        await admin.close()
        await asyncio.to_thread(migrate, of_size)
        console.print(f"filling in {size:,} series of {days} days …")
        began = time.perf_counter()
        connection, storage = await asyncpg.connect(of_size), PostgresStorage(of_size)
        await fill(connection, storage, size, days, models)
        await storage.close()
        console.print(f"in {time.perf_counter() - began:,.0f} s")
        weights = await _bytes(connection)
        await connection.close()
        measured = Measured(of_size, size, models)
        await measured.everything()
        costs[str(size)] = measured.costs
    small, large = costs.values()
    return {
        "series": list(sizes),
        "sizes": costs,
        "growth": {name: large[name] / small[name] for name in large},
        "bytes": weights,
        "planner_mb": measured.planner_mb,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--series", type=int, default=1_000_000, help="2,000 is quick")
    parser.add_argument("--days", type=int, default=28, help="of sales of each series")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="shelfcast-bench-") as folder,
        stack.running(Path(folder), ("postgres",)) as settings,
    ):
        result = asyncio.run(measure(settings.database, options.series, options.days))
    report("what operations cost as series grow", result, options.json)


if __name__ == "__main__":
    main()
