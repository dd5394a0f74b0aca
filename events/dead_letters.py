"""Dead letters: what could not be handled, kept as it came, with the reason.

A dead letter has the original value and headers, and `dl_…` headers beside them. Its key
is an id derived from where the original stood, so the same failure met twice is one dead
letter, and a tombstone of the same key says that it was replayed.
"""

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from events.clock import utc_now
from events.cloudevents import REPLAYED_FROM
from events.envelope import Event, derive_id, first_event
from events.errors import Unreadable
from events.log import Headers, Received, Record
from events.names import is_run_id
from events.payloads import CancelRequested, DeadLettered, Payload, RetrainRequested
from events.topics import DEAD_LETTERS, bulk

log = logging.getLogger(__name__)

PREFIX = "dl_"
LONGEST_MESSAGE = 1000  # characters; a message may quote what it complains about


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One dead letter. `group` is the consumer group that gave up."""

    id: str
    group: str
    topic: str
    partition: int
    offset: int
    error: str
    message: str
    attempts: int
    time: datetime
    key: bytes | None
    value: bytes | None
    headers: Headers

    def header(self, name: str) -> str | None:
        """A header of the original, as text; bytes that are no UTF-8 are shown as \\x…."""
        found = dict(self.headers).get(name)
        return None if found is None else found.decode(errors="backslashreplace")

    def original(self) -> Record:
        """The record to send again, marked as a replay."""
        headers = [*self.headers, (REPLAYED_FROM, self.id.encode())]
        return Record(self.topic, self.key, self.value, headers)

    def tombstone(self) -> Record:
        """The record that says: replayed."""
        return Record(DEAD_LETTERS, self.id.encode(), None)


def dead_letter(record: Received, group: str, error: Exception, attempts: int) -> Record:
    """The dead letter of a record that a group could not handle."""
    return dead_letter_record(record, group, type(error).__name__, str(error), attempts)


def dead_letter_record(
    record: Received, group: str, error: str, message: str, attempts: int
) -> Record:
    """The same, for an error that is known by its class's name."""
    notes: dict[str, Any] = {
        "group": group,
        "topic": record.topic,
        "partition": record.partition,
        "offset": record.offset,
        "error": error,
        "message": message[:LONGEST_MESSAGE],
        "attempts": attempts,
        "time": utc_now().isoformat(),
    }
    headers = [(name, value or b"") for name, value in record.headers if name != REPLAYED_FROM]
    headers += [
        (PREFIX + name, str(value).encode(errors="backslashreplace"))
        for name, value in notes.items()
    ]
    if record.key is not None:
        headers.append((PREFIX + "key", record.key))
    if record.value is None:
        headers.append((PREFIX + "null", b"true"))
    letter_id = derive_id(
        "dead-letter", group, record.topic, str(record.partition), str(record.offset)
    )
    return Record(DEAD_LETTERS, letter_id.encode(), record.value or b"", headers)


def read(record: Received) -> DeadLetter | None:
    """The dead letter in a record; None for a tombstone. Unreadable if it is neither."""
    if record.value is None:
        return None
    notes = {n.removeprefix(PREFIX): v or b"" for n, v in record.headers if n.startswith(PREFIX)}
    try:
        return DeadLetter(
            id=(record.key or b"").decode(),
            group=notes["group"].decode(),
            topic=notes["topic"].decode(),
            partition=int(notes["partition"]),
            offset=int(notes["offset"]),
            error=notes["error"].decode(),
            message=notes["message"].decode(),
            attempts=int(notes["attempts"]),
            time=datetime.fromisoformat(notes["time"].decode()),
            key=notes.get("key"),
            value=None if "null" in notes else record.value,
            headers=[(n, v) for n, v in record.headers if not n.startswith(PREFIX)],
        )
    except (KeyError, ValueError) as error:
        raise Unreadable(
            f"offset {record.offset} of {DEAD_LETTERS} is no dead letter: {error!r}"
        ) from None


def waiting(records: Iterable[Received]) -> list[DeadLetter]:
    """The dead letters of the topic that nobody replayed yet, oldest first; the log names junk."""
    letters: dict[str, DeadLetter] = {}
    for record in records:
        key = (record.key or b"").decode(errors="replace")
        try:
            letter = read(record)
        except Unreadable as error:
            log.warning("%s", error)
            continue
        if letter is None:
            letters.pop(key, None)
        else:
            letters.setdefault(key, letter)
    return list(letters.values())


def as_event(letter: DeadLetter, source: str = DEAD_LETTERS) -> Event[Payload]:
    """The fact that something was dead-lettered, for functions that care."""
    return first_event(
        DeadLettered(
            letter_id=letter.id,
            topic=letter.topic,
            original_key=(letter.key or b"").decode(errors="replace"),
            run_id=_run_of(letter),
            error=letter.error,
            message=letter.message,
        ),
        source,
        event_id=letter.id,
        time=letter.time,
        traceparent=letter.header("traceparent"),
        correlation_id=letter.header("ce_correlationid"),
    )


def _run_of(letter: DeadLetter) -> str | None:
    if letter.header("ce_type") == CancelRequested.TYPE:
        return None  # a run goes on that could not be cancelled
    # A request starts the run that has its id.
    starts = bulk(letter.topic) == RetrainRequested.TOPIC
    found = letter.header("ce_id" if starts else "ce_correlationid")
    return found if found is not None and is_run_id(found) else None
