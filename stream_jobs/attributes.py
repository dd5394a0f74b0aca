"""The CloudEvents attributes of many Kafka records at once.

Looks at whole Arrow columns, and only at what is beyond doubt: a record is *plain* when it
is in binary content mode, all its headers are UTF-8, and each attribute that an event needs
is there exactly once in its usual form. What is not plain may still be right; that is for
`events.cloudevents.decode` to say, one record at a time.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from events.cloudevents import MAX_ID, STRUCTURED_TYPE

CONTENT_TYPE = "content-type"
# A part of what `events.cloudevents.parse_time` takes, in which it and Arrow agree.
USUAL_TIME = (
    r"^[1-8]\d{3}-\d\d-\d\dT([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,6})?"
    r"(Z|[+-]([01]\d|2[0-3]):[0-5]\d)$"
)
Rows = np.ndarray[Any, np.dtype[np.int64]]
# Where headers of a name are among all headers of a batch, and which records have them.
Places = Callable[[str], tuple[Rows, Rows]]


@dataclass(frozen=True)
class PlainAttributes:
    """Row numbers of the plain records, and each one's event id and time."""

    rows: Rows
    ids: Any  # an Arrow array of strings
    times: Any  # of timestamps, in microseconds UTC

    def only(self, chosen: Rows) -> "PlainAttributes":
        """Those at some places."""
        return PlainAttributes(self.rows[chosen], self.ids.take(chosen), self.times.take(chosen))


def plain_attributes(headers: Any, event_type: str) -> PlainAttributes:
    """The plain records of that type; `headers` is a list of (key, value) structs per record."""
    none = PlainAttributes(np.empty(0, np.int64), pa.array([], pa.string()), _times([]))
    entries = headers.flatten()
    try:
        texts = pc.struct_field(entries, "value").cast(pa.string())
    except pa.ArrowInvalid:  # some header is not UTF-8: which one, `decode` will tell
        return none
    places = _alike(headers) or _each(headers)
    plain = np.ones(len(headers), bool)
    where: dict[str, Rows] = {}
    for name in ("ce_id", "ce_type", "ce_source", "ce_time"):
        at, owners = places(name)
        plain &= np.bincount(owners, minlength=len(headers)) == 1
        where[name] = np.zeros(len(headers), np.int64)
        where[name][owners] = at
    at, owners = places(CONTENT_TYPE)
    structured = _mask(pc.starts_with(texts.take(pa.array(at)), STRUCTURED_TYPE))
    plain[owners[structured]] = False

    rows = np.flatnonzero(plain)
    found = {name: texts.take(pa.array(at[rows])) for name, at in where.items()}
    length = pc.utf8_length(found["ce_id"])
    usual = (
        _mask(pc.equal(found["ce_type"], pa.scalar(event_type)))
        & _mask(pc.greater(pc.binary_length(found["ce_source"]), pa.scalar(0)))
        & _mask(pc.and_(pc.greater(length, pa.scalar(0)), pc.less_equal(length, pa.scalar(MAX_ID))))
        & _mask(pc.match_substring_regex(found["ce_time"], USUAL_TIME))
    )
    try:
        times = _times(found["ce_time"].filter(usual))
    except pa.ArrowInvalid:  # a day that no month has
        return none
    return PlainAttributes(rows[usual], found["ce_id"].filter(usual), times)


def _alike(headers: Any) -> Places | None:
    """The places where all records have the headers of the first, in its order; None if not."""
    ends = headers.offsets.to_numpy()
    each = int(ends[1] - ends[0]) if len(headers) else 0
    names = pc.struct_field(headers.flatten(), "key")
    if not each or headers.null_count or names.null_count or (np.diff(ends) != each).any():
        return None
    _, offsets, data = names.buffers()
    ends = np.frombuffer(offsets, np.int32)[names.offset : names.offset + len(names) + 1]
    sizes = np.diff(ends).reshape(-1, each)
    letters = np.frombuffer(data, np.uint8)[ends[0] : ends[-1]]
    if (sizes != sizes[0]).any() or (letters.reshape(len(headers), -1) != letters[0]).any():
        return None
    spellings = [name.lower() for name in names[:each].to_pylist()]
    rows = np.arange(len(headers))

    def places(name: str) -> tuple[Rows, Rows]:
        here = [at for at, spelling in enumerate(spellings) if spelling == name]
        return (
            np.concatenate([rows[:0], *(rows * each + at for at in here)]),
            np.tile(rows, len(here)),
        )

    return places


def _each(headers: Any) -> Places:
    """The places where each record has headers of its own."""
    names = pc.struct_field(headers.flatten(), "key").dictionary_encode()
    codes = names.indices.to_numpy(zero_copy_only=False)
    spellings = [str(name).lower() for name in names.dictionary.to_pylist()]
    owners = pc.list_parent_indices(headers).to_numpy()

    def places(name: str) -> tuple[Rows, Rows]:
        at = np.flatnonzero(np.isin(codes, [i for i, s in enumerate(spellings) if s == name]))
        return at, owners[at]

    return places


def _times(texts: Any) -> Any:
    return pa.array(texts, pa.string()).cast(pa.timestamp("us", "UTC"))


def _mask(condition: Any) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """A nullable condition as a mask; what is not known to hold does not."""
    mask: np.ndarray[Any, np.dtype[np.bool_]] = condition.fill_null(False).to_numpy(
        zero_copy_only=False
    )
    return mask
