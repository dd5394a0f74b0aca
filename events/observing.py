"""Observe publishers and subscribers: callbacks for metrics and traces, and ids for log lines.

An observer is called after the outputs are on the log and the offsets are committed; a redelivered
batch is reported again. An observer must not raise, since an error in it would stop the work.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, Protocol

from events.envelope import Event
from events.payloads import Payload

Reason = Literal["outage", "error", "halved"]
REASONS: tuple[Reason, ...] = ("outage", "error", "halved")

_ABOUT: ContextVar[Mapping[str, str]] = ContextVar("about", default=MappingProxyType({}))


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch that a subscriber handled; times are nanoseconds since 1970 UTC."""

    group: str
    records: int
    events: Sequence[Event[Payload]]
    outputs: Sequence[Event[Payload]]
    dead_letters: int
    began_ns: int
    ended_ns: int


class Observer(Protocol):
    """Receives what publishers and subscribers did."""

    def published(self, events: Sequence[Event[Payload]], began_ns: int, ended_ns: int) -> None:
        """Events were published outside a subscriber."""

    def handled(self, batch: Batch) -> None:
        """A batch was handled and committed."""

    def retried(self, group: str, reason: Reason) -> None:
        """A step is retried: in an outage, after an error, or with the batch halved."""


class Unseen:
    """An observer that ignores everything."""

    def published(self, events: Sequence[Event[Payload]], began_ns: int, ended_ns: int) -> None:
        """Ignore events."""

    def handled(self, batch: Batch) -> None:
        """Ignore batches."""

    def retried(self, group: str, reason: Reason) -> None:
        """Ignore retries."""


UNSEEN = Unseen()


@contextmanager
def about(events: Sequence[Event[Payload]]) -> Iterator[None]:
    """Add to log lines in this block the trace, run and event ids that all events share."""
    ids = {
        "trace_id": {event.traceparent.split("-")[1] for event in events},
        "run_id": {event.correlation_id or "" for event in events},
        "event_id": {event.id for event in events},
    }
    shared = {name: next(iter(found)) for name, found in ids.items() if len(found) == 1}
    token = _ABOUT.set({name: value for name, value in shared.items() if value})
    try:
        yield
    finally:
        _ABOUT.reset(token)


def ids_in_hand() -> Mapping[str, str]:
    """Return the known ones of `trace_id`, `run_id` and `event_id` of the events in progress."""
    return _ABOUT.get()
