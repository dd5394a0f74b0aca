"""What a real Prometheus and a collector of traces see of the running stack."""

import signal
import socket
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.e2e.system import System, wait
from tests.e2e.traces import Collector
from tests.prometheus import metrics, of_broker, panels, program, rules

CONFIG = """
global: {{scrape_interval: 5s, scrape_timeout: 5s}}
scrape_configs:
  - job_name: shelfcast-api
    static_configs: [{{targets: ["127.0.0.1:{port}"]}}]
"""

EXPRESS_HOPS = ("trainer", "registry", "forecaster")


class Prometheus:
    """A running Prometheus."""

    def __init__(self, port: int) -> None:
        self._url = f"http://127.0.0.1:{port}/api/v1"

    def query(self, query: str) -> list[dict]:
        """What it answers; empty while it does not."""
        try:
            answer = httpx.get(f"{self._url}/query", params={"query": query}, timeout=30)
        except httpx.TransportError:
            return []
        assert answer.status_code in (200, 503), answer.text
        return answer.json()["data"]["result"] if answer.status_code == 200 else []


@pytest.fixture
def prometheus(system: System, tmp_path: Path) -> Iterator[Prometheus]:
    binary = program("prometheus")
    config = tmp_path / "prometheus.yml"
    config.write_text(CONFIG.format(port=system.settings.http_port))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with (tmp_path / "log").open("w") as log:
        server = subprocess.Popen(
            [
                binary,
                f"--config.file={config}",
                f"--storage.tsdb.path={tmp_path / 'data'}",
                f"--web.listen-address=127.0.0.1:{port}",
            ],
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            yield Prometheus(port)
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait()


def test_every_panel_and_every_rule_has_data_in_a_real_prometheus(
    system: System, prometheus: Prometheus
):
    system.ended(system.retrain(system.shop(series=2)))
    wait(lambda: bool(prometheus.query('up{job="shelfcast-api"} == 1')))
    for _, query in panels():
        if of_broker(query):
            continue  # only compose's broker is asked for those: tests/compose
        wait(lambda asked=query: bool(prometheus.query(asked)))
    for rule in rules():
        prometheus.query(rule["expr"])
        for name in metrics(rule["expr"]):
            wait(lambda asked=name: bool(prometheus.query(asked)))
    assert not prometheus.query("shelfcast_part_up == 0")
    [stored] = prometheus.query('sum(shelfcast_events_in_total{function="sales"})')
    assert float(stored["value"][1]) >= 120
    [late] = prometheus.query("sum(shelfcast_ingestion_delay_seconds_count)")
    assert float(late["value"][1]) >= 1


def test_one_retrain_is_one_trace_from_the_request_to_the_forecasts(
    system: System, collector: Collector
):
    store = system.shop(series=2)
    trace_id = uuid.uuid4().hex
    answer = httpx.post(
        f"http://127.0.0.1:{system.settings.http_port}/retrain",
        json={"store": store},
        headers={"traceparent": f"00-{trace_id}-00f067aa0ba902b7-01"},
        timeout=30,
    )
    system.ended(answer.json()["run_id"])
    published = "publish shelfcast.forecast.published.v1"

    def is_whole() -> bool:
        """Processes export on their own, each in its time."""
        spans = collector.trace(trace_id)
        parents = {span.parent_span_id.hex() for span in spans.values() if span.parent_span_id}
        names = [span.name for span in spans.values()]
        return names.count(published) == 2 and parents <= set(spans)

    wait(is_whole)
    spans = collector.trace(trace_id)

    def way(span_id: str) -> list[str]:
        span = spans[span_id]
        return [*(way(span.parent_span_id.hex()) if span.parent_span_id else []), span.name]

    ways = [way(span_id) for span_id, span in spans.items() if span.name == published]
    for each in ways:
        assert each[0] == "publish shelfcast.retrain.requested.v1"
        hops = [name.split()[0] for name in each if not name.startswith("publish")]
        # Of a whole store only the planner knows how few series it has.
        assert hops == ["shelfcast-planner", *(f"shelfcast-express-{n}" for n in EXPRESS_HOPS)]
    wait(lambda: any(span.name == "sales batch" for span in collector.spans))
