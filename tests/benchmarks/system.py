"""A whole stack for a benchmark, with sales that came in as events, and how to wait for it."""

import argparse
import asyncio
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import httpx
import pandas as pd
import psycopg
from rich.console import Console

from events.clock import utc_now
from events.kafka import KafkaProducer
from infra.local import stack
from infra.sales_io.publishing.event_records import encode_sales
from infra.settings import STACK_ENV, Settings
from tests.real_data import ROSSMANN

CHUNK = 20_000
console = Console(stderr=True)


def options_of(description: str) -> argparse.ArgumentParser:
    """What every benchmark that needs a stack can be told."""
    parser = argparse.ArgumentParser(description=description.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="end with one line of JSON")
    parser.add_argument(
        "--home",
        type=Path,
        help="measure the stack that runs there, whatever it holds; unset: a new one",
    )
    return parser


@contextmanager
def running_stack(home: Path | None = None) -> Iterator[Settings]:
    """The stack that runs in `home`; else a new one in a temporary folder, ended afterwards."""
    if home is not None:
        found = Settings(_env_file=home / STACK_ENV)
        yield found.model_copy(update={"home": home})
        return
    with tempfile.TemporaryDirectory(prefix="shelfcast-bench-") as folder:
        console.print("starting a stack …")
        with stack.running(Path(folder), stack.EVERYTHING) as settings:
            yield settings


def sales(series: int, days: int) -> pd.DataFrame:
    """The last days of the real Rossmann sales where they are, else generated ones.

    Columns store, product, date, units, open, promo.
    """
    if not ROSSMANN.exists():
        from datetime import date

        from infra.sales_io.generator import generate_sales

        return generate_sales(series, days=days, until=date(2015, 7, 31), seed=7)
    raw = pd.read_csv(ROSSMANN, parse_dates=["Date"], dtype={"StateHoliday": str})
    raw = raw[raw["Date"] > raw["Date"].max() - pd.Timedelta(days=days)]
    stores = sorted(raw["Store"].unique())[:series]
    raw = raw[raw["Store"].isin(stores)].sort_values(["Store", "Date"])
    return pd.DataFrame(
        {
            "store": raw["Store"].astype(str),
            "product": "total",
            "date": raw["Date"],
            "units": raw["Sales"].astype(float),
            "open": raw["Open"].astype(bool),
            "promo": raw["Promo"].astype(float),
        }
    ).reset_index(drop=True)


def ingest(settings: Settings, frame: pd.DataFrame) -> None:
    """Publish sales as events and wait until all are persisted."""
    recorded_at = utc_now()

    async def publish() -> None:
        producer = KafkaProducer(settings.kafka)
        try:
            for start in range(0, len(frame), CHUNK):
                part = frame.iloc[start : start + CHUNK]
                await producer.send(encode_sales(part, "benchmark", recorded_at))
        finally:
            await producer.close()

    console.print(f"publishing {len(frame):,} sales …")
    asyncio.run(publish())
    with psycopg.connect(settings.database, autocommit=True) as connection:
        wait(lambda: _count(connection, recorded_at) == len(frame))
        connection.execute("ANALYZE")


def _count(connection: psycopg.Connection, recorded_at: datetime) -> int:
    count = "SELECT count(*) FROM daily_sales WHERE recorded_at = %s"
    row = connection.execute(count, [recorded_at]).fetchone()
    return 0 if row is None else int(row[0])


def client(settings: Settings) -> httpx.Client:
    """A client of the stack's API."""
    return httpx.Client(base_url=f"http://127.0.0.1:{settings.http_port}", timeout=60)


def wait(until: Callable[[], bool], every: float = 0.2, patience: float = 3600.0) -> None:
    """Until it holds; TimeoutError when it does not in time."""
    deadline = time.monotonic() + patience
    while not until():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not so within {patience:.0f} s")
        time.sleep(every)
