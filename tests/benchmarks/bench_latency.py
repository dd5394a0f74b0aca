"""How long one series takes from retrain request to readable forecast, on an idle stack."""

import argparse
import asyncio
import time
from collections import defaultdict

import numpy as np

from events.cloudevents import decode
from events.envelope import Event
from events.kafka import read_topic
from events.payloads import ModelTrained, Payload
from infra.settings import Settings
from tests.benchmarks.report import report
from tests.benchmarks.system import client, console, ingest, running_stack, sales

SERIES, WARM_UP = 10, 5
HOPS = (  # the topic whose event ends each hop, in order
    ("request to plan", "training-shards"),
    ("plan to trained", "training-results"),
    ("trained to promoted", "model-promotions"),
    ("promoted to forecast", "forecasts"),
)


def request_once(api, store: str) -> tuple[str, float, float]:
    """Ask and wait; the run, and the times (s since 1970) of asking and of reading."""
    path = f"/forecasts/{store}/total"
    before = api.get(path).json().get("version")
    asked = time.time()
    answer = api.post("/retrain", json={"store": store, "product": "total"})
    while api.get(path).json().get("version") == before:
        time.sleep(0.002)
    return answer.json()["run_id"], asked, time.time()


async def _events(settings: Settings, topic: str) -> dict[str, Event[Payload]]:
    records = await read_topic(settings.kafka, topic)
    events = (decode(record.value, record.headers) for record in records)
    return {event.correlation_id or event.id: event for event in events}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=100)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with running_stack() as settings:
        frame = sales(SERIES, 200)
        ingest(settings, frame)
        stores = list(frame["store"].unique())
        with client(settings) as api:
            for n in range(WARM_UP):
                request_once(api, stores[n % SERIES])
            console.print(f"{options.requests} requests …")
            asked = [request_once(api, stores[n % SERIES]) for n in range(options.requests)]
        topics = {topic: asyncio.run(_events(settings, topic)) for _, topic in HOPS}
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
    result = {
        "requests": len(totals),
        **{f"p{p}_ms": float(np.percentile(totals, p) * 1000) for p in (50, 95, 99)},
        "fit_p50_ms": float(np.median(fits) * 1000),
        "else_p50_ms": float(np.median(np.subtract(totals, fits)) * 1000),
        "hops_ms": {name: float(np.median(times) * 1000) for name, times in hops.items()},
    }
    result["hops_ms"]["fitting"] = result["fit_p50_ms"]
    report("one series: request to readable forecast", result, options.json)


if __name__ == "__main__":
    main()
