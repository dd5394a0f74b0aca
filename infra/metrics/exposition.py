"""The counts of a machine as Prometheus reads them, on a port of their own or elsewhere."""

import errno
import logging
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from prometheus_client import CollectorRegistry, generate_latest, start_http_server
from prometheus_client.metrics_core import Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from infra.metrics.catalog import COUNTED
from infra.metrics.counts import Counts

log = logging.getLogger(__name__)

TRY_PORT_EVERY = 15.0  # seconds; as often as Prometheus asks


class Summed(Collector):
    """What all processes of a folder have counted, with the catalogue's words."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def collect(self) -> Iterator[Metric]:
        """Read every slot."""
        collector = MultiProcessCollector(CollectorRegistry(), str(self._folder))  # type: ignore[no-untyped-call]  # it has no types
        for metric in collector.collect():  # type: ignore[no-untyped-call]  # nor this
            known = COUNTED.get(metric.name) or COUNTED.get(f"{metric.name}_total")
            if known is not None:  # libraries, such as stamina, count into the same files
                metric.documentation = known.help
                yield metric


def text(counted: Counts) -> bytes:
    """The counts of the machine, in Prometheus's text format."""
    return generate_latest(counted.registry())


def serve(counted: Counts, host: str, port: int) -> None:
    """Serve the counts of the machine, by one of its processes: who has the port.

    Another takes it over when that one ends.
    """
    threading.Thread(
        target=_hold_port, args=(counted, host, port), name="metrics", daemon=True
    ).start()


def _hold_port(counted: Counts, host: str, port: int) -> None:
    while True:
        try:
            start_http_server(port, host, counted.registry())
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                log.error(
                    "SHELFCAST_METRICS_PORT %d on %s: no metrics from here: %s", port, host, error
                )
                return
        else:
            log.info("metrics on http://%s:%d/metrics", host, port)
            return
        time.sleep(TRY_PORT_EVERY)
