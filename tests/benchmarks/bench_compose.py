"""The stack in containers: start, size, memory, and a full retrain beside the local stack's.

`up_seconds` is `docker compose up -d --wait` from nothing but the images; `first_forecast_seconds`
goes on from there to the first forecast over HTTPS, of one series whose sales come from a file.
`memory_mb` is what the engine counts for each service after the full retrain. The ratio is of the
best of ROUNDS full retrains (request to the last forecast), first in containers, then, in
the same run, on the local stack. It needs a Docker engine that answers, with the images.
"""

import json
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pandas as pd

from tests.benchmarks.report import report
from tests.benchmarks.system import client, console, ingest, options_of, running_stack, sales, wait
from tests.compose.composed import Composed
from tests.compose.engine import answers

KEYS = ("up_seconds", "first_forecast_seconds", "image_mb", "memory_mb", "retrain_ratio_to_local")
ROUNDS = 3
SERVICES = ("kafka", "postgres", "sales", "ray", "proxy")
MB = 1e6
Ask = Callable[..., httpx.Response]


def main() -> None:
    parser = options_of(__doc__)
    parser.add_argument("--series", type=int, default=1115)
    parser.add_argument("--days", type=int, default=200, help="days of history; 1000 for all")
    options = parser.parse_args()
    if not answers(os.environ):
        raise SystemExit("bench-compose: no Docker engine answers: start one")
    frame = sales(options.series, options.days)
    with tempfile.TemporaryDirectory(prefix="shelfcast-bench-") as folder:
        Path(folder).chmod(0o755)  # the user in the container is another
        result = in_containers(Composed(dict(os.environ), Path(folder)), frame, Path(folder))
    with running_stack(options.home) as settings:
        ingest(settings, frame)
        with client(settings) as api:
            local = best(api.post, api.get)
    result |= {"local_retrain_seconds": local}
    result["retrain_ratio_to_local"] = result["retrain_seconds"] / local
    report("the stack in containers", result, options.json)


def in_containers(stack: Composed, frame: pd.DataFrame, folder: Path) -> dict[str, Any]:
    """What is measured of the composed stack, which ends with it."""
    console.print("building the image …")
    stack.compose("build")
    try:
        console.print("bringing it up …")
        began = time.perf_counter()
        stack.up()
        up = time.perf_counter() - began
        first = frame[frame["store"] == frame["store"].iloc[0]]
        _import(stack, first, folder / "first.csv")
        store, product = first[["store", "product"]].iloc[0]
        wait(lambda: _has(stack, len(first)))
        with stack.https() as api:
            _retrained(api.post, api.get)
            wait(lambda: api.get(f"/forecasts/{store}/{product}").is_success, 0.05)
            forecast = time.perf_counter() - began
            console.print(f"importing {len(frame):,} sales and retraining …")
            _import(stack, frame, folder / "all.csv")
            wait(lambda: _has(stack, len(frame)))
            stack.sql("ANALYZE")
            seconds = best(api.post, api.get)
        return {
            "up_seconds": up,
            "first_forecast_seconds": forecast,
            "image_mb": _size(stack),
            "memory_mb": {name: _memory(stack, name) for name in SERVICES},
            "retrain_seconds": seconds,
        }
    finally:
        stack.down("--volumes")


def best(post: Ask, get: Ask) -> float:
    """Seconds of the best of the rounds."""
    return min(_retrained(post, get) for _ in range(ROUNDS))


def _retrained(post: Ask, get: Ask) -> float:
    began = time.perf_counter()
    wishes = {"all": True, "strategy": "windowed", "policy": "always"}
    run_id = post("/retrain", json=wishes).json()["run_id"]

    def done() -> bool:
        answer = get(f"/runs/{run_id}")
        if not answer.is_success:
            return False
        run = answer.json()
        forecasts = run["forecasts"]
        return run["state"] == "completed" and forecasts is not None and not forecasts["stale"]

    wait(done, 0.05)
    return time.perf_counter() - began


def _import(stack: Composed, frame: pd.DataFrame, file: Path) -> None:
    frame.to_csv(file, index=False)
    stack.cli("sales", "import", f"/files/{file.name}", "--missing-days", "closed")


def _has(stack: Composed, rows: int) -> bool:
    [[count]] = stack.sql("SELECT count(*) FROM daily_sales")
    return int(count) >= rows


def _size(stack: Composed) -> float:
    image = stack.docker("inspect", "--format", "{{.Image}}", stack.container("ray")).strip()
    return int(stack.docker("image", "inspect", "--format", "{{.Size}}", image)) / MB


def _memory(stack: Composed, service: str) -> float:
    """What the engine counts, without the cache of files, which goes when others need it."""
    shown = stack.docker(
        "stats", "--no-stream", "--format", "{{json .MemUsage}}", stack.container(service)
    )
    return _bytes(json.loads(shown).split("/")[0].strip()) / MB


def _bytes(shown: str) -> float:
    for unit, size in (("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1)):
        if shown.endswith(unit):
            return float(shown.removesuffix(unit)) * size
    raise ValueError(f"{shown!r} is no amount of memory as docker shows it")


if __name__ == "__main__":
    main()
