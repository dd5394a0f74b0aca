"""How fast sales get from Kafka into `daily_sales`, against COPY and merge by themselves.

`python -m tests.benchmarks.bench_ingest [--rows N] [--json]`

Starts a Kafka and a Postgres of its own. All open days of the Rossmann history (as many made-up
ones where the data are absent) are published as CloudEvents; then the job's query, warmed by
other sales before, reads them. The clock runs from the query's start to the end of its last
batch. The yardstick, taken before and after it and averaged, is asyncpg's binary COPY of the same
rows into an unlogged staging table and the job's merge of rows that need not be new, over one
connection. The job keeps every core busy and the yardstick one, so on a busy machine the ratio
tells little.
"""

import argparse
import asyncio
import datetime as dt
import gc
import json
import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import pandas as pd
from rich.console import Console
from rich.progress import track
from rich.table import Table

from events.cluster import Cluster
from events.envelope import Event, derive_id, first_event
from events.kafka import KafkaProducer
from events.payloads import SaleRecorded
from events.publisher import Publisher
from infra.kafka.topics import provision
from infra.local import jars, stack
from infra.local.java import java_home
from infra.postgres.migrate import migrate
from infra.settings import Settings
from tests.real_data import REAL_DATA, ROSSMANN

ROSSMANN_OPEN_DAYS = 844_392
WARM_UP = 500_000  # a warm job is what is measured: the JVM compiles for about as long
SENT_AT_ONCE = 20_000
KEYS = ("rows_per_s", "copy_merge_rows_per_s", "ratio")
START = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)

console = Console(stderr=True)
Sale = Event[SaleRecorded]


def history() -> pd.DataFrame:
    """The open days: Store, Date, Sales, Promo, SchoolHoliday, StateHoliday."""
    if not ROSSMANN.exists():
        console.print(f"no real data in {REAL_DATA}: using made-up sales")
        return _made_up()
    days = pd.read_csv(ROSSMANN, dtype={"StateHoliday": str})
    return days[days["Open"] == 1]


def _made_up() -> pd.DataFrame:
    number = pd.Series(range(ROSSMANN_OPEN_DAYS))
    stores = 1115
    dates = pd.Timestamp("2015-07-31") - pd.to_timedelta(number // stores, unit="D")
    return pd.DataFrame(
        {
            "Store": number % stores + 1,
            "Date": dates.dt.strftime("%Y-%m-%d"),
            "Sales": 3000 + number * 7919 % 5000,
            "Promo": number // stores % 2,
            "SchoolHoliday": 0,
            "StateHoliday": "0",
        }
    )


def sales(days: pd.DataFrame, product: str) -> Iterator[Sale]:
    """An event of each day."""
    for number, day in enumerate(days.itertuples()):
        data = SaleRecorded(
            store=str(day.Store),
            product=product,
            date=dt.date.fromisoformat(str(day.Date)),
            units=float(day.Sales),  # type: ignore[arg-type]  # itertuples knows no types
            drivers={
                "promo": float(day.Promo),  # type: ignore[arg-type]
                "school_holiday": float(day.SchoolHoliday),  # type: ignore[arg-type]
                "state_holiday": float(day.StateHoliday != "0"),
            },
        )
        yield first_event(
            data,
            "bench",
            event_id=derive_id("bench", data.subject),
            time=START + dt.timedelta(milliseconds=number),
        )


async def publish(cluster: Cluster, events: Sequence[Sale], what: str) -> None:
    """Put the events on their topic."""
    producer = KafkaProducer(cluster)
    publisher = Publisher(producer)
    try:
        starts = range(0, len(events), SENT_AT_ONCE)
        for start in track(starts, f"Publishing {what}", console=console):
            await publisher.publish(events[start : start + SENT_AT_ONCE])
    finally:
        await producer.close()


async def copy_and_merge(database: str, rows: Sequence[tuple[object, ...]]) -> float:
    """Seconds that COPY and merge take into an empty table like `daily_sales`."""
    from stream_jobs.merge import merge_statement
    from stream_jobs.tables import SALES

    connection = await asyncpg.connect(database)
    try:
        await connection.execute(
            "CREATE TABLE yardstick (LIKE daily_sales INCLUDING ALL);"
            "CREATE UNLOGGED TABLE yardstick_staging (LIKE daily_sales)"
        )
        await connection.execute("CHECKPOINT")
        begin = time.perf_counter()
        async with connection.transaction():
            await connection.copy_records_to_table(
                "yardstick_staging", records=rows, columns=SALES.schema.names
            )
            await connection.execute(merge_statement(SALES, "yardstick", "yardstick_staging"))
        seconds = time.perf_counter() - begin
        count = await connection.fetchval("SELECT count(*) FROM yardstick")
        if count != len(rows):
            raise RuntimeError(f"the yardstick merged {count} of {len(rows)} rows")
        await connection.execute("DROP TABLE yardstick, yardstick_staging")
        return seconds
    finally:
        await connection.close()


async def _empty(database: str) -> None:
    connection = await asyncpg.connect(database)
    await connection.execute("TRUNCATE daily_sales")
    await connection.execute("CHECKPOINT")
    await connection.close()


async def _count(database: str) -> int:
    connection = await asyncpg.connect(database)
    count: int = await connection.fetchval("SELECT count(*) FROM daily_sales")
    await connection.close()
    return count


@dataclass(frozen=True)
class Result:
    """What was measured: rows, and seconds of the job and of the yardstick."""

    rows: int
    job: float
    copy_merge: float

    def as_json(self) -> str:
        job, yardstick = self.rows / self.job, self.rows / self.copy_merge
        found = {"rows_per_s": round(job), "copy_merge_rows_per_s": round(yardstick)}
        return json.dumps(found | {"ratio": round(job / yardstick, 3)})

    def as_table(self) -> Table:
        table = Table(title=f"{self.rows:,} sales into daily_sales")
        for column in ("way", "seconds", "rows/s", "ratio"):
            table.add_column(column, justify="left" if column == "way" else "right")
        for way, seconds in (
            ("Kafka → Spark → Postgres", self.job),
            ("COPY and merge alone", self.copy_merge),
        ):
            rate, ratio = f"{self.rows / seconds:,.0f}", f"{self.copy_merge / seconds:.2f}"
            table.add_row(way, f"{seconds:.1f}", rate, ratio)
        return table


def measure(servers: Settings, days: pd.DataFrame) -> Result:
    """Publish, run the query over what was published, and take the yardstick around it."""
    events = list(sales(days, "all"))
    warm_up = list(sales(days[:WARM_UP], "warm-up"))
    rows = [
        (
            *(event.data.store, event.data.product, event.data.date, event.data.units),
            *(event.data.open, json.dumps(event.data.drivers), event.id, event.time, None),
        )
        for event in events
    ]
    gc.freeze()  # millions of objects that no collection during the measurement should walk
    asyncio.run(publish(servers.kafka, warm_up, "the warm-up"))
    return timed_job(servers, events, len(warm_up), rows)


def timed_job(
    servers: Settings, events: Sequence[Sale], warm_up: int, rows: Sequence[tuple[object, ...]]
) -> Result:
    """The query's time between two takes of the yardstick."""
    from stream_jobs.sales import start_query
    from stream_jobs.sales import warm_up as start_workers
    from stream_jobs.session import spark_session
    from stream_jobs.settings import JobSettings

    settings = JobSettings(
        _env_file=None,
        home=servers.home,
        database_url=servers.database_url,
        kafka_bootstrap=servers.kafka_bootstrap,
        jars=jars.folder(),
        ready_file=None,
    )
    os.environ["JAVA_HOME"] = str(java_home(servers.home))
    with console.status("Starting Spark"), spark_session("bench-ingest", settings) as spark:

        def run(expected: int) -> float:
            begin = time.perf_counter()
            query = start_query(spark, settings)
            try:
                read: dict[int, int] = {}
                while sum(read.values()) < expected:
                    if not query.isActive:
                        raise RuntimeError(f"the query ended: {query.exception()}")
                    time.sleep(0.2)
                    read |= {p["batchId"]: p["numInputRows"] for p in query.recentProgress}
                return time.perf_counter() - begin
            finally:
                query.stop()

        start_workers(spark)
        run(warm_up)
        asyncio.run(publish(servers.kafka, events, "the sales"))
        before = asyncio.run(copy_and_merge(servers.database, rows))
        asyncio.run(_empty(servers.database))
        seconds = run(len(events))
        if (count := asyncio.run(_count(servers.database))) != len(events):
            raise RuntimeError(f"{count} of {len(events)} sales arrived")
        after = asyncio.run(copy_and_merge(servers.database, rows))
    return Result(len(events), seconds, (before + after) / 2)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rows", type=int, help="only so many sales")
    parser.add_argument("--json", action="store_true", help="end with one line of JSON")
    arguments = parser.parse_args()
    days = history()[: arguments.rows]
    with (
        tempfile.TemporaryDirectory(prefix="bench-ingest-") as home,
        stack.running(Path(home), ("postgres", "kafka")) as servers,
    ):
        migrate(servers.database)
        provision(servers.kafka)
        result = measure(servers, days)
    Console().print(result.as_table())
    if arguments.json:
        print(result.as_json())


if __name__ == "__main__":
    main()
