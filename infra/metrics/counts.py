"""The counters of this process, stored beside those of the machine's other processes.

Whoever reads gets the sum of all of them, from any of them: the API, or the one that has the port
of SHELFCAST_METRICS_PORT. A replica has no address of its own, and no series.
"""

import functools
import logging
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from events.envelope import Event, of_type
from events.observing import REASONS, Batch, Reason
from events.payloads import ModelTrained, Payload
from infra.metrics import slots
from infra.metrics.catalog import COUNTED

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry, Counter, Histogram

log = logging.getLogger(__name__)

FOLDER = "metrics"  # in the state folder


def name_of(group: str) -> str:
    """The function of a consumer group, as `function` labels have it."""
    return group.removeprefix("shelfcast-")


class Counts:
    """An observer that counts. See `infra.metrics.catalog.COUNTED` for what each is."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        if folder is not None:
            try:
                slot = slots.take(folder)
            except OSError as error:
                log.warning("%s: counting for this process alone: %s", folder, error)
                self._folder = None
            else:
                # prometheus-client decides by it how to keep values, when it is first imported.
                os.environ[slots.VARIABLE] = str(folder)
        from prometheus_client import CollectorRegistry, values
        from prometheus_client.values import MultiProcessValue, MutexValue

        shared = self._folder is not None
        values.ValueClass = (
            MultiProcessValue(lambda: slot)  # type: ignore[no-untyped-call]  # it has no types
            if shared
            else MutexValue
        )
        self._own = CollectorRegistry()
        self._events_in = self._counter("shelfcast_events_in_total")
        self._events_out = self._counter("shelfcast_events_out_total")
        self._seconds = self._histogram("shelfcast_batch_seconds")
        self._retries = self._counter("shelfcast_retries_total")
        self._dead_letters = self._counter("shelfcast_dead_letters_total")
        self._wape = self._histogram("shelfcast_backtest_wape_ratio")
        self._delay = self._histogram("shelfcast_ingestion_delay_seconds")

    def _counter(self, name: str) -> "Counter":
        from prometheus_client import Counter

        metric = COUNTED[name]
        return Counter(name, metric.help, metric.labels, registry=self._own)

    def _histogram(self, name: str) -> "Histogram":
        from prometheus_client import Histogram

        metric = COUNTED[name]
        return Histogram(
            name, metric.help, metric.labels, buckets=metric.buckets, registry=self._own
        )

    def begin(self, function: str) -> None:
        """Set unused counters of a function to 0: Prometheus sees no rise from a missing value."""
        for each in (self._events_in, self._events_out, self._dead_letters):
            each.labels(function)
        self._seconds.labels(function)
        for reason in REASONS:
            self._retries.labels(function, reason)

    def published(self, events: Sequence[Event[Payload]], began_ns: int, ended_ns: int) -> None:
        """Not counted: no function made them."""

    def handled(self, batch: Batch) -> None:
        """Count a batch."""
        self.batch(
            name_of(batch.group),
            batch.records,
            len(batch.outputs),
            batch.dead_letters,
            (batch.ended_ns - batch.began_ns) / 1e9,
        )
        for trained in of_type(batch.outputs, ModelTrained):
            if (wape := trained.data.metrics.get("wape")) is not None:
                self._wape.observe(wape)

    def batch(
        self, function: str, records: int, outputs: int, dead_letters: int, seconds: float
    ) -> None:
        """Count what a function did with some records."""
        self._events_in.labels(function).inc(records)
        self._events_out.labels(function).inc(outputs)
        self._dead_letters.labels(function).inc(dead_letters)
        self._seconds.labels(function).observe(seconds)

    def retried(self, group: str, reason: Reason) -> None:
        """Count a retry."""
        self._retries.labels(name_of(group), reason).inc()

    def came_late(self, seconds: float) -> None:
        """Count how long the slowest event of a batch took to its row."""
        self._delay.observe(seconds)

    def registry(self) -> "CollectorRegistry":
        """What all processes of this machine have counted, to be read."""
        if self._folder is None:
            return self._own
        from prometheus_client import CollectorRegistry

        from infra.metrics.exposition import Summed

        registry = CollectorRegistry()
        registry.register(Summed(self._folder))
        return registry


@functools.cache
def counts(home: Path) -> Counts:
    """The counts of this process, beside those of all that share the state folder."""
    return Counts(home.absolute() / FOLDER)
