"""Requests per second of GET /forecasts/… against an endpoint that does nothing.

Both are on the same Ray Serve; blocks of the two alternate, and the median block counts.
"""

import http.client
import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from infra.settings import Settings
from tests.benchmarks.bench_latency import request_once
from tests.benchmarks.report import report
from tests.benchmarks.system import client, console, ingest, options_of, running_stack, sales

KEYS = ("noop_per_s", "forecast_per_s", "ratio")
CONNECTIONS, BLOCKS = 4, 9


def _ask(port: int, path: str, requests: int, _: int) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port)
    for _ in range(requests):
        connection.request("GET", path)
        answer = connection.getresponse()
        answer.read()
        if answer.status != 200:
            raise RuntimeError(f"{path}: {answer.status}")
    connection.close()


def requests_per_second(settings: Settings, path: str, requests: int) -> float:
    """One block: some connections, each asking one request after the other."""
    each = requests // CONNECTIONS
    began = time.perf_counter()
    with ThreadPoolExecutor(CONNECTIONS) as threads:
        list(threads.map(partial(_ask, settings.http_port or 0, path, each), range(CONNECTIONS)))
    return each * CONNECTIONS / (time.perf_counter() - began)


def main() -> None:
    parser = options_of(__doc__)
    parser.add_argument("--requests", type=int, default=1000, help="in each block")
    options = parser.parse_args()
    with running_stack(options.home) as settings:
        frame = sales(1, 200)
        ingest(settings, frame)
        store = frame["store"].iloc[0]
        with client(settings) as api:
            request_once(api, (store, "total"))
        paths = {"noop": "/healthz", "forecast": f"/forecasts/{store}/total"}
        blocks: dict[str, list[float]] = {name: [] for name in paths}
        console.print(f"{BLOCKS} blocks of {options.requests} requests each …")
        for n in range(BLOCKS + 1):
            for name, path in paths.items():
                rate = requests_per_second(settings, path, options.requests)
                if n:  # the first warms up
                    blocks[name].append(rate)
    medians = {f"{name}_per_s": statistics.median(rates) for name, rates in blocks.items()}
    result = {**medians, "ratio": medians["forecast_per_s"] / medians["noop_per_s"]}
    report("GET /forecasts/… against a no-op endpoint", result, options.json)


if __name__ == "__main__":
    main()
