"""What can be seen of publishers and subscribers at work: told to an observer, who counts or
traces, and to the log lines written meanwhile, which carry the ids of what is in hand.

An observer is told once the log has the outputs and the offsets are committed; a batch that is
delivered again is told again. It may not raise: what it has to say is nobody's work.
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
    """What one delivery was; times in nanoseconds since 1970 UTC."""

    group: str
    records: int
    events: Sequence[Event[Payload]]
    outputs: Sequence[Event[Payload]]
    dead_letters: int
    began_ns: int
    ended_ns: int


class Observer(Protocol):
    """Who is told."""

    def published(self, events: Sequence[Event[Payload]], began_ns: int, ended_ns: int) -> None:
        """The log has events that no function of a subscriber made."""

    def handled(self, batch: Batch) -> None:
        """A batch is done."""

    def retried(self, group: str, reason: Reason) -> None:
        """Something is tried again: in an outage, after an error, or in halves."""


class Unseen:
    """Tells nobody."""

    def published(self, events: Sequence[Event[Payload]], began_ns: int, ended_ns: int) -> None:
        """Not told."""

    def handled(self, batch: Batch) -> None:
        """Not told."""

    def retried(self, group: str, reason: Reason) -> None:
        """Not told."""


UNSEEN = Unseen()


@contextmanager
def about(events: Sequence[Event[Payload]]) -> Iterator[None]:
    """Log lines written in here carry the trace, run and event that all of the events share."""
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
    """`trace_id`, `run_id` and `event_id`, those that are known here."""
    return _ABOUT.get()
