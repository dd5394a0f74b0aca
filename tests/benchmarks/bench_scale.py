"""Time per series and memory of each process as a run grows: 1,000, 10,000, 100,000 series.

Generated series of 120 days are copied into the table (their way in through Kafka and Spark is
`bench-ingest`'s), then one run trains all of them: request published to last forecast row.
`peak_mb` is the most private memory that any one process of a kind held, `hops` the seconds
after the request at which each hop had been through with all series.

    python -m tests.benchmarks.bench_scale [--json] [--sizes 1000,10000] [--strategy NAME]
"""

import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import psutil
import psycopg

from infra.local.state import read_state
from infra.sales_io.generator import generate_sales
from infra.settings import Settings
from tests.benchmarks.report import report
from tests.benchmarks.system import client, console, options_of, running_stack, wait

KEYS = ("series",)
OF_A_SIZE = ("seconds", "ms_per_series", "succeeded", "hops", "peak_mb")
DAYS, LAST_DAY, HORIZON = 120, date(2015, 7, 31), 7
MADE = 1000  # series that are generated; more are the same sales under other names
SIZES = "1000,10000,100000"

# How far each hop is: rows that say so, of the run that is asked for.
HOPS = {
    "planned": "SELECT count(*) FROM training_results WHERE run_id = %s",
    "registered": "SELECT count(*) FROM training_results WHERE run_id = %s AND state <> 'planned'",
    "forecast": (
        "SELECT count(DISTINCT model_id) FROM forecasts JOIN model_versions USING (model_id)"
        " WHERE run_id = %s"
    ),
}


def main() -> None:
    parser = options_of(__doc__)
    parser.add_argument("--sizes", default=SIZES, help="series, comma-separated")
    parser.add_argument("--strategy", default="windowed")
    options = parser.parse_args()
    made = generate_sales(MADE, days=DAYS, until=LAST_DAY, seed=7)
    found: dict[str, Any] = {}
    for size in map(int, options.sizes.split(",")):
        with running_stack(options.home) as settings:
            _copy_in(settings, made, size)
            console.print(f"one run of {size:,} series …")
            with _memory(settings) as peaks:
                result = _one_run(settings, options.strategy)
            found[str(size)] = result | {"peak_mb": {k: round(v) for k, v in sorted(peaks.items())}}
            console.print(found[str(size)])
    report("one run, by its series", {"series": found}, options.json)


def _copy_in(settings: Settings, made: pd.DataFrame, size: int) -> None:
    """The made series, as often as the size asks for, each time under other stores' names."""
    rows = list(
        zip(
            made["store"],
            made["product"],
            made["date"].dt.date,
            made["units"],
            made["open"],
            strict=True,
        )
    )
    keys = made.groupby(["store", "product"]).ngroup().to_numpy()
    console.print(f"copying in {size:,} series …")
    with psycopg.connect(settings.database) as db:
        for first in range(0, size, MADE):
            kept = np.flatnonzero(keys < size - first)
            columns = "store, product, date, units, open, drivers, event_id, recorded_at"
            with db.cursor().copy(f"COPY daily_sales ({columns}) FROM STDIN") as copy:
                for at in kept.tolist():
                    store, product, day, units, is_open = rows[at]
                    copy.write_row(
                        (f"{first // MADE:03}-{store}", product, day, units, is_open, "{}", "made",
                         "2015-08-01T00:00:00Z")
                    )  # fmt: skip
        db.commit()
    with psycopg.connect(settings.database, autocommit=True) as db:
        db.execute("VACUUM ANALYZE daily_sales")


def _one_run(settings: Settings, strategy: str) -> dict[str, Any]:
    """Seconds from asking to the last forecast, and when each hop was through."""
    hops: dict[str, float] = {}
    with client(settings) as api, psycopg.connect(settings.database, autocommit=True) as db:
        began = time.perf_counter()
        wishes = {"all": True, "strategy": strategy, "horizon": HORIZON, "policy": "always"}
        run_id = api.post("/retrain", json=wishes).json()["run_id"]

        def through() -> bool:
            answer = api.get(f"/runs/{run_id}")
            counts = answer.json()["counts"] if answer.status_code == 200 else None
            for hop, statement in HOPS.items():
                if hop in hops:
                    continue
                if not counts or not counts["planned"]:
                    return False
                if hop == "registered" and counts["pending"]:
                    return False
                wanted = counts["planned"] if hop != "forecast" else counts["succeeded"]
                row = db.execute(statement, [run_id]).fetchone()
                if row is None or row[0] < wanted:
                    return False
                hops[hop] = round(time.perf_counter() - began, 2)
            return True

        wait(through, 0.5)
        seconds = time.perf_counter() - began
        counts = api.get(f"/runs/{run_id}").json()["counts"]
    return {
        "seconds": round(seconds, 2),
        "ms_per_series": round(1000 * seconds / counts["planned"], 3),
        "succeeded": counts["succeeded"],
        "hops": hops,
    }


@contextmanager
def _memory(settings: Settings) -> Iterator[dict[str, float]]:
    """The largest private memory (MB) seen of any process of each kind, while it lasts."""
    peaks: dict[str, float] = defaultdict(float)
    stopped = threading.Event()

    def look() -> None:
        while not stopped.wait(1.0):
            for name, record in read_state(settings.home).processes.items():
                try:
                    process = psutil.Process(record.pid)
                    family = [process, *process.children(recursive=True)]
                except psutil.NoSuchProcess:
                    continue
                for member in family:
                    _note(peaks, name, member)

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield peaks
    finally:
        stopped.set()
        thread.join()


def _note(peaks: dict[str, float], component: str, process: psutil.Process) -> None:
    try:
        memory, title = process.memory_info(), " ".join(process.cmdline()[:1])
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return
    kind = title.split(":")[-1] if title.startswith("ray::ServeReplica") else component
    peaks[kind] = max(peaks[kind], (memory.rss - memory.shared) / 1e6)


if __name__ == "__main__":
    main()
