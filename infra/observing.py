"""Observers of a process: metric counts, and a tracer if tracing is on."""

from collections.abc import Sequence
from dataclasses import dataclass

from events.envelope import Event
from events.observing import Batch, Observer, Reason
from events.payloads import Payload
from infra import tracing
from infra.metrics.counts import counts
from infra.settings import Settings


@dataclass(frozen=True)
class Several:
    """Forward each call to several observers."""

    observers: tuple[Observer, ...]

    def published(self, events: Sequence[Event[Payload]], began_ns: int, ended_ns: int) -> None:
        """Tell each."""
        for each in self.observers:
            each.published(events, began_ns, ended_ns)

    def handled(self, batch: Batch) -> None:
        """Tell each."""
        for each in self.observers:
            each.handled(batch)

    def retried(self, group: str, reason: Reason) -> None:
        """Tell each."""
        for each in self.observers:
            each.retried(group, reason)


_SERVED: set[int] = set()


def observer(settings: Settings, functions: Sequence[str]) -> Observer:
    """Return the observer of this process, which runs these functions."""
    counted = counts(settings.home)
    for name in functions:
        counted.begin(name)
    if settings.metrics_port and settings.metrics_port not in _SERVED:
        from infra.metrics.exposition import serve

        _SERVED.add(settings.metrics_port)
        serve(counted, settings.metrics_host, settings.metrics_port)
    tracer = tracing.from_environment()
    return counted if tracer is None else Several((counted, tracer))
