"""How long one series takes from retrain request to readable forecast.

On an idle stack, and with `--busy N` once more while full runs of N series go on, one
after the other. Two figures of the same machine go with it: `floor_ms` is what the same hops take
with functions that do nothing, and `stock_seconds` what stock Prophet takes for the job of one of
these series (five folds, last fit, forecast), without any system around it.
"""

import asyncio
import itertools
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from events.cloudevents import decode
from events.envelope import Event
from events.kafka import read_topic
from events.payloads import ModelTrained, Payload
from events.topics import lanes
from functions.api.unchanged import MAX_WAIT
from infra.sales_io.generator import generate_sales
from infra.settings import Settings
from tests.benchmarks.bench_retrain import WINDOW_DAYS, stock
from tests.benchmarks.floor import floor_seconds
from tests.benchmarks.report import report
from tests.benchmarks.system import (
    client,
    console,
    ingest,
    options_of,
    running_stack,
    sales,
    wait,
)

KEYS = (
    *("requests", "p50_ms", "p95_ms", "p99_ms", "max_ms", "fit_p50_ms", "else_p50_ms", "hops_ms"),
    *("floor_ms", "stock_seconds", "ratio_to_stock"),
)
SERIES, WARM_UP = 10, 5
STOCK_JOBS = 3
BUSY_DAYS = 130  # of history of each series in the full run
LAST_DAY = date(2015, 7, 31)
HOPS = (  # the topic whose event ends each hop, in order
    ("request to plan", "training-shards"),
    ("plan to trained", "training-results"),
    ("trained to promoted", "model-promotions"),
    ("promoted to forecast", "forecasts"),
)


def request_once(api, series: tuple[str, str]) -> tuple[str, float, float]:
    """Ask and wait; the run, and the times (s since 1970) of asking and of reading."""
    store, product = series
    path = f"/forecasts/{store}/{product}"
    known = api.get(path)
    before = known.json().get("version")
    asked = time.time()
    wishes = {"store": store, "product": product, "policy": "always"}
    run_id = api.post("/retrain", json=wishes).json()["run_id"]
    while True:
        headers = {"If-None-Match": known.headers["ETag"]} if before is not None else {}
        answer = api.get(path, params={"wait": MAX_WAIT}, headers=headers)
        if answer.status_code == 200:
            known = answer
            if answer.json()["version"] != before:
                return run_id, asked, time.time()


class FullRuns:
    """Full runs one after the other, while it lasts."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._stopped = threading.Event()
        self.spans: list[tuple[float, float]] = []

    @contextmanager
    def going(self) -> Iterator[None]:
        """Yields once the first run is under way."""
        began = threading.Event()
        thread = threading.Thread(target=self._go, args=[began])
        thread.start()
        began.wait()
        try:
            yield
        finally:
            self._stopped.set()
            thread.join()

    def _go(self, began: threading.Event) -> None:
        with client(self._settings) as api:
            while not self._stopped.is_set():
                start = time.time()
                run_id = api.post("/retrain", json={"all": True}).json()["run_id"]
                wait(lambda: _done(api, run_id) > 0)  # noqa: B023  # waited for at once
                began.set()
                wait(lambda: _done(api, run_id) == 1 or self._stopped.is_set())  # noqa: B023
                if not self._stopped.is_set():
                    self.spans.append((start, time.time()))
                elif _done(api, run_id) < 1:
                    api.post(f"/runs/{run_id}/cancel", json={"requested_by": "benchmark"})


def _done(api, run_id: str) -> float:
    answer = api.get(f"/runs/{run_id}")
    if answer.status_code != 200:
        return 0.0
    counts = answer.json()["counts"]
    return 1 - counts["pending"] / counts["planned"]


async def _events(settings: Settings, topic: str) -> dict[str, Event[Payload]]:
    records = [r for lane in lanes(topic) for r in await read_topic(settings.kafka, lane)]
    events = (decode(record.value, record.headers) for record in records)
    return {event.correlation_id or event.id: event for event in events}


def main() -> None:
    parser = options_of(__doc__)
    parser.add_argument("--requests", type=int, default=100)
    parser.add_argument("--busy", type=int, metavar="N", help="series of the full runs beside it")
    options = parser.parse_args()
    with running_stack(options.home) as settings:
        if options.busy:
            frame = generate_sales(options.busy, days=BUSY_DAYS, until=LAST_DAY, seed=7)
        else:
            frame = sales(SERIES, 200)
        ingest(settings, frame)
        days = frame.groupby(["store", "product"], as_index=False).size()
        keys = days[days["size"] >= days["size"].max()][["store", "product"]].head(SERIES)
        series = itertools.cycle(keys.itertuples(index=False, name=None))
        with client(settings) as api:
            for _ in range(WARM_UP):
                request_once(api, next(series))
            console.print(f"{options.requests} requests on an idle stack …")
            idle = [request_once(api, next(series)) for _ in range(options.requests)]
            busy = []
            runs = FullRuns(settings)
            if options.busy:
                console.print(f"{options.requests} requests beside {options.busy:,} series …")
                with runs.going():
                    busy = [request_once(api, next(series)) for _ in range(options.requests)]
        floor = asyncio.run(floor_seconds(settings.kafka, options.requests))
        topics = {topic: asyncio.run(_events(settings, topic)) for _, topic in HOPS}
    result = _measured(idle, topics)
    of_stock = stock_seconds(frame[frame["open"]].merge(keys.head(STOCK_JOBS)))
    result["floor_ms"] = float(np.median(floor) * 1000)
    result["stock_seconds"] = of_stock
    result["ratio_to_stock"] = result["p50_ms"] / 1000 / of_stock
    if busy:
        result["busy"] = _measured(busy, topics)
        result["busy"]["full_runs_s"] = [end - start for start, end in runs.spans]
    report("one series: request to readable forecast", result, options.json)


def stock_seconds(days: pd.DataFrame) -> float:
    """Seconds of stock Prophet for the job of one series, by its open days in the newest four
    months, as `bench_retrain` has it: the mean over the series of `days`.

    Of 166 rows instead of these 97 it takes a third: from 100 rows on Prophet fits by L-BFGS.
    """
    days = days[days["date"] > days["date"].max() - pd.Timedelta(days=WINDOW_DAYS)]
    histories = [
        rows.rename(columns={"date": "ds", "units": "y"})[["ds", "y"]]
        for _, rows in days.groupby(["store", "product"])
    ]
    stock(histories[0])  # imports, caches
    began = time.perf_counter()
    for history in histories:
        stock(history)
    return (time.perf_counter() - began) / len(histories)


def _measured(
    asked: list[tuple[str, float, float]], topics: dict[str, dict[str, Event[Payload]]]
) -> dict[str, Any]:
    totals, fits, hops = [], [], defaultdict(list)
    for run_id, start, end in asked:
        at = start
        for name, topic in HOPS:
            event = topics[topic][run_id]
            hops[name].append(event.time.timestamp() - at)
            at = event.time.timestamp()
            if isinstance(event.data, ModelTrained):
                fits.append(event.data.fit_seconds)
        hops["forecast to read"].append(end - at)
        totals.append(end - start)
    hops["plan to trained"] = list(np.subtract(hops["plan to trained"], fits))
    return {
        "requests": len(totals),
        **{f"p{p}_ms": float(np.percentile(totals, p) * 1000) for p in (50, 95, 99)},
        "max_ms": max(totals) * 1000,
        "fit_p50_ms": float(np.median(fits) * 1000),
        "else_p50_ms": float(np.median(np.subtract(totals, fits)) * 1000),
        "hops_ms": {
            **{name: float(np.median(times) * 1000) for name, times in hops.items()},
            "fitting": float(np.median(fits) * 1000),
        },
    }


if __name__ == "__main__":
    main()
