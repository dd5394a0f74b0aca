"""Dead letters: what could not be handled, kept as it came, with the reason.

A dead letter has the original value and headers, and `dl_…` headers beside them. Its key
is an id derived from where the original stood, so the same failure met twice is one dead
letter, and a tombstone of the same key says that it was replayed.

An original may be larger than the topic takes: the limit counts compressed bytes, and some kB
on the wire are megabytes here. Then its parts are cut, `dl_cut` says which and how large they
were, and the letter can't be replayed: the whole is where it stood, for as long as that topic
keeps it.
"""

import logging
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from events.clock import utc_now
from events.cloudevents import REPLAYED_FROM
from events.envelope import Event, derive_id, first_event
from events.errors import TornLog, Unreadable
from events.log import Headers, Received, Record, Torn
from events.names import is_run_id
from events.payloads import CancelRequested, DeadLettered, Payload, RetrainRequested
from events.printable import one_line
from events.topics import DEAD_LETTERS, FRAMING, TOPICS, bulk

log = logging.getLogger(__name__)

PREFIX = "dl_"
MAX_MESSAGE = 1000  # characters; a message may quote what it complains about
OWN_PREFIX = PREFIX + "header_"  # before an original's own header that begins with dl_
# Keys are names and headers are attributes: beyond this they are junk, and the value tells more.
MAX_KEY = 64 * 1024
MAX_HEADERS = 256 * 1024
HEADER_FRAMING = 12  # bytes that a header adds to its name and value, at most


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
    cut: str | None = None  # which parts are not whole, and how large they were

    def header(self, name: str) -> str | None:
        """A header of the original, as text; bytes that are no UTF-8 are shown as \\x…."""
        found = dict(self.headers).get(name)
        return None if found is None else found.decode(errors="backslashreplace")

    def why_not_replayed(self) -> str | None:
        """Why the original can't be sent again as it was; None if it can."""
        where = f"{self.topic}/{self.partition}@{self.offset}"
        if self.cut is not None:
            return f"it was cut ({self.cut}), so its sender must send it again; it stood at {where}"
        size = len(self.key or b"") + len(self.value or b"") + _size(self.headers)
        topic = TOPICS.get(self.topic)
        if topic is not None and size > (most := topic.max_bytes - FRAMING):
            return f"it has {size:,} bytes unpacked and {self.topic} takes {most:,}; send less"
        return None

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


def torn_letter(torn: Torn, group: str) -> Record:
    """The dead letter of offsets that can't be read; it has no value, so no replay."""
    letter = dead_letter(torn, group, TornLog(f"{torn}; have their sender send them again"), 1)
    cut = [(PREFIX + "cut", b"value, headers and key could not be read")]
    return replace(letter, headers=[*letter.headers, *cut])


def output_letter(cause: Received, output: Record, group: str, error: Exception) -> Record:
    """The dead letter of an event that a function made and that its topic does not take.

    It has the topic, key and headers of that event and none of its value; partition and offset
    are those of the record that it was made from.
    """
    where = f"{cause.topic}/{cause.partition}@{cause.offset}"
    said = f"{error}; it was made from {where}, whose other events were sent"
    size = len(output.value or b"")
    made = Received(output.topic, output.key, b"", output.headers, cause.partition, cause.offset)
    letter = dead_letter_record(made, group, type(error).__name__, said, 1)
    letter_id = derive_id("dead-letter", group, where, output.topic, repr(output.key))
    cut = (PREFIX + "cut", f"value: 0 of {size:,} bytes".encode())
    return Record(DEAD_LETTERS, letter_id.encode(), b"", [*letter.headers, cut])


def dead_letter_record(
    record: Received, group: str, error: str, message: str, attempts: int
) -> Record:
    """The same, for an error that is known by its class's name; never more than the topic takes."""
    notes: dict[str, Any] = {
        "group": group,
        "topic": record.topic,
        "partition": record.partition,
        "offset": record.offset,
        "error": error,
        "message": one_line(message[:MAX_MESSAGE]),
        "attempts": attempts,
        "time": utc_now().isoformat(),
    }
    cuts: list[str] = []
    headers = _kept_headers(record.headers, cuts)
    headers += [
        (PREFIX + name, str(value).encode(errors="backslashreplace"))
        for name, value in notes.items()
    ]
    if record.key is not None:
        headers.append((PREFIX + "key", _cut("key", record.key, MAX_KEY, cuts)))
    if record.value is None:
        headers.append((PREFIX + "null", b"true"))
    letter_id = derive_id(
        "dead-letter", group, record.topic, str(record.partition), str(record.offset)
    ).encode()
    left = TOPICS[DEAD_LETTERS].max_bytes - FRAMING - len(letter_id) - _size(headers)
    value = _cut("value", record.value or b"", left, cuts)
    if cuts:
        headers.append((PREFIX + "cut", "; ".join(cuts).encode()))  # FRAMING has room for it
    return Record(DEAD_LETTERS, letter_id, value, headers)


def bare(letter: Record) -> Record:
    """A letter without what its original had: for a topic that does not take the whole."""
    known = {PREFIX + name for name in ("key", "null", "cut")}
    notes = [
        (name, value)
        for name, value in letter.headers
        if name.startswith(PREFIX) and not name.startswith(OWN_PREFIX) and name not in known
    ]
    cut = f"value: 0 of {len(letter.value or b''):,} bytes; headers and key: none"
    return replace(letter, value=b"", headers=[*notes, (PREFIX + "cut", cut.encode())])


def _kept_headers(headers: Headers, cuts: list[str]) -> list[tuple[str, bytes]]:
    kept: list[tuple[str, bytes]] = []
    size = 0
    for name, value in headers:
        if name == REPLAYED_FROM:
            continue
        header = (OWN_PREFIX + name if name.startswith(PREFIX) else name, value or b"")
        if (size := size + _size([header])) > MAX_HEADERS:
            whole = _size([(one, text or b"") for one, text in headers])
            cuts.append(f"headers: {len(kept):,} of {len(headers):,}, which have {whole:,} bytes")
            break
        kept.append(header)
    return kept


def _size(headers: Headers) -> int:
    return sum(
        len(name.encode(errors="backslashreplace")) + len(value) + HEADER_FRAMING
        for name, value in headers
    )


def _cut(part: str, value: bytes, most: int, cuts: list[str]) -> bytes:
    if len(value) > most:
        cuts.append(f"{part}: {most:,} of {len(value):,} bytes")
    return value[:most]


def read(record: Received) -> DeadLetter | None:
    """The dead letter in a record; None for a tombstone. Unreadable if it is neither."""
    if record.value is None:
        return None
    notes = {
        n.removeprefix(PREFIX): v or b""
        for n, v in record.headers
        if n.startswith(PREFIX) and not n.startswith(OWN_PREFIX)
    }
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
            headers=[
                (n.removeprefix(OWN_PREFIX), v)
                for n, v in record.headers
                if not n.startswith(PREFIX) or n.startswith(OWN_PREFIX)
            ],
            cut=notes["cut"].decode() if "cut" in notes else None,
        )
    except (KeyError, ValueError) as error:
        raise Unreadable(
            f"offset {record.offset} of {DEAD_LETTERS} is not a dead letter: {error!r}"
        ) from None


def waiting(records: Iterable[Received]) -> list[DeadLetter]:
    """The dead letters of the topic that nobody replayed yet, oldest first; the log names junk."""
    letters: dict[str, DeadLetter] = {}
    for record in records:
        note(letters, record)
    return list(letters.values())


def note(letters: dict[str, DeadLetter], record: Received, *, whole: bool = True) -> None:
    """Take the topic's next record into the letters that wait, by id.

    Not `whole`, a letter is kept without its value and headers: a year's letters are many.
    """
    key = (record.key or b"").decode(errors="replace")
    try:
        letter = read(record)
    except Unreadable as error:
        log.warning("%s", one_line(str(error)))
        return
    if letter is None:
        letters.pop(key, None)
    elif key not in letters:
        letters[key] = letter if whole else replace(letter, value=None, headers=[])


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
