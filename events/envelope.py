"""An event: its data and the attributes that say where it came from.

Ids are derived, never drawn: an effect's id is a UUIDv5 of its cause's id, its type and
its subject, so a function that runs again on the same input says the same again. The
W3C trace follows from the ids in the same way.
"""

import hashlib
import re
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeGuard, TypeVar, cast

from events.clock import utc_now
from events.payloads import Lane, Payload

NAMESPACE = uuid.UUID("6f2a3c1e-54c4-5d0b-9c27-5b8d2a3f7e10")
TRACEPARENT = re.compile(
    r"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}"
)
_WITHIN: ContextVar[str | None] = ContextVar("within", default=None)
P = TypeVar("P", bound=Payload, covariant=True)
Q = TypeVar("Q", bound=Payload)


def derive_id(*parts: str) -> str:
    """The UUIDv5 of the parts: the same parts always give the same id."""
    return str(uuid.uuid5(NAMESPACE, "\x1f".join(parts)))


@dataclass(frozen=True, slots=True)
class Event(Generic[P]):
    """One event. `correlation_id` is the run it belongs to, `causation_id` the event before it.

    `lane` says which of a topic's lanes it travels on, and with it all that it causes. One that
    is `replayed` was a dead letter: what failed of it is to be tried again.
    """

    id: str
    source: str
    time: datetime
    data: P
    traceparent: str
    causation_id: str | None = None
    correlation_id: str | None = None
    lane: Lane = "bulk"
    replayed: bool = False

    def effect(
        self,
        data: Q,
        source: str,
        clock: Callable[[], datetime] = utc_now,
        *,
        event_id: str | None = None,
        correlation_id: str | None = None,
        lane: Lane | None = None,
    ) -> "Event[Q]":
        """What this event caused, in its trace, run and lane; the id is derived unless given."""
        effect_id = event_id or derive_id(self.id, data.TYPE, data.subject)
        return Event(
            id=effect_id,
            source=source,
            time=clock(),
            data=data,
            traceparent=trace_of(effect_id, self.traceparent),
            causation_id=self.id,
            correlation_id=correlation_id or self.correlation_id,
            lane=lane or self.lane,
        )


def of_type(events: Iterable["Event[Payload]"], payload: type[Q]) -> "list[Event[Q]]":
    """The events whose data are of one type."""
    return [cast("Event[Q]", event) for event in events if isinstance(event.data, payload)]


def first_event(
    data: Q,
    source: str,
    *,
    event_id: str | None = None,
    time: datetime | None = None,
    traceparent: str | None = None,
    correlation_id: str | None = None,
) -> Event[Q]:
    """An event without a cause of ours; it starts a trace unless the caller is in one, by
    `traceparent` or by `within_trace`.
    """
    event_id = event_id or str(uuid.uuid4())
    traceparent = traceparent or _WITHIN.get()
    return Event(
        id=event_id,
        source=source,
        time=time or utc_now(),
        data=data,
        traceparent=trace_of(event_id, traceparent),
        correlation_id=correlation_id,
        lane=data.lane,
    )


def trace_of(event_id: str, within: str | None = None) -> str:
    """The traceparent of an event (W3C, version 00, sampled): its span is the event itself.

    It stays in the trace of `within`, a traceparent; without a valid one it starts its own.
    """
    trace_id = within.split("-")[1] if is_traceparent(within) else _digest(event_id, 16)
    return f"00-{trace_id}-{_digest(event_id, 8)}-01"


@contextmanager
def within_trace(traceparent: str | None) -> Iterator[None]:
    """First events made in here belong to the caller's trace, if that is a W3C traceparent."""
    token = _WITHIN.set(traceparent if is_traceparent(traceparent) else None)
    try:
        yield
    finally:
        _WITHIN.reset(token)


def span_of(*parts: str) -> str:
    """The span id that follows from the parts; that of one event follows from its id."""
    return _digest("\x1f".join(parts), 8)


def is_traceparent(text: str | None) -> TypeGuard[str]:
    """Whether the text is a W3C traceparent."""
    return text is not None and TRACEPARENT.fullmatch(text) is not None


def _digest(text: str, size: int) -> str:
    return hashlib.blake2b(text.encode(), digest_size=size).hexdigest()
