"""Kafka records become rows of the table kept from them, or are rejected with the reason.

The contract is the table's payload within a CloudEvent, and nothing here says it again. What is
plainly right is taken by columns (`stream_jobs.attributes`, `stream_jobs.plain_values`); other
values are validated by the model itself, and a record that is in any way unusual is decoded by
`events.cloudevents.decode`, which gives the event or names the field at fault.
Pure: Arrow in, Arrow out.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import ValidationError

from events.clock import utc_now
from events.clock_bound import EPOCH, MAX_AHEAD, refuse_ahead
from events.cloudevents import decode
from events.errors import Refusal, Unreadable
from events.log import Received
from events.wording import shown
from stream_jobs.attributes import PlainAttributes, Rows, plain_attributes
from stream_jobs.plain_values import plain_values
from stream_jobs.tables import BESIDE, EVENT_ID, RECORDED_AT, Projection


@dataclass(frozen=True)
class Rejected:
    """A record that is not an event of the table: its row in the batch, and what is wrong."""

    row: int
    error: str
    message: str


@dataclass(frozen=True)
class DecodedBatch:
    """What a batch holds: events as rows of their table, and what is none.

    `origins` has the row of the batch that each row of the table came from; `beside` those that
    are events of other tables, which share the topic.
    """

    rows: pa.Table
    origins: Rows
    rejected: Sequence[Rejected]
    beside: Mapping[Projection, Sequence[int]] = field(default_factory=dict)


def decode_batch(
    batch: pa.RecordBatch, kept: Projection, clock: Callable[[], datetime] = utc_now
) -> DecodedBatch:
    """Apply the contract to raw records: key, value, headers, partition, offset and timestamp.

    Whatever goes wrong with a record's bytes rejects that record and no other.
    """
    now = clock()
    plain = plain_attributes(batch.column("headers"), kept.payload.TYPE)
    plain = plain.only(_in_time(batch, plain, now))
    parts, origins = [kept.schema.empty_table()], [plain.rows[:0]]
    for rows, chosen in _of_plain(batch, plain, kept):
        parts.append(rows)
        origins.append(chosen)
    odd = np.setdiff1d(np.arange(batch.num_rows), np.concatenate(origins), assume_unique=True)
    rejected = []
    beside: dict[Projection, list[int]] = {}
    for row in odd.tolist():
        part = _decoded(batch, row, kept, now)
        if isinstance(part, Rejected):
            rejected.append(part)
        elif isinstance(part, Projection):
            beside.setdefault(part, []).append(row)
        else:
            parts.append(part)
            origins.append(np.array([row]))
    return DecodedBatch(pa.concat_tables(parts), np.concatenate(origins), rejected, beside)


def record(batch: pa.RecordBatch, row: int, topic: str) -> Received:
    """A record of the batch as Kafka had it."""
    (entry,) = batch.slice(row, 1).to_pylist()
    headers = [(header["key"], header["value"]) for header in entry["headers"] or ()]
    return Received(
        topic,
        entry["key"],
        entry["value"],
        headers,
        partition=entry["partition"],
        offset=entry["offset"],
        timestamp_ms=_milliseconds(entry["timestamp"]),
    )


def _milliseconds(timestamp: datetime | None) -> int:
    return -1 if timestamp is None else (timestamp - EPOCH) // timedelta(milliseconds=1)


def _in_time(batch: pa.RecordBatch, plain: PlainAttributes, now: datetime) -> Rows:
    """Which of the plain records are within the bound of `events.clock_bound`.

    Those that are not, or whose record has no time, are left for `refuse_ahead`.
    """
    taken = batch.column("timestamp").cast(pa.timestamp("us", "UTC"))
    taken = taken.take(pa.array(plain.rows, pa.int64()))
    here = pa.scalar(now, pa.timestamp("us", "UTC"))
    earlier = pc.if_else(pc.less(taken, here), taken, here)
    latest = pc.add(earlier, pa.scalar(MAX_AHEAD, pa.duration("us")))
    known = pc.greater(taken, pa.scalar(EPOCH, pa.timestamp("us", "UTC")))
    within = pc.and_(known, pc.less_equal(plain.times, latest)).fill_null(False)
    return np.flatnonzero(within.to_numpy(zero_copy_only=False))


def _of_plain(
    batch: pa.RecordBatch, plain: PlainAttributes, kept: Projection
) -> Iterator[tuple[pa.Table, Rows]]:
    """Rows of the table from records with plain attributes, and the records they are from."""
    values = batch.column("value").take(pa.array(plain.rows, pa.int64()))
    left = np.arange(len(values))
    for part in plain_values(values, kept):
        of = plain.only(part.rows)
        yield _table(kept, part.columns, of.ids, of.times), of.rows
        left = np.setdiff1d(left, part.rows, assume_unique=True)
    fields, valid = _validated(values.take(pa.array(left, pa.int64())).to_pylist(), kept)
    of = plain.only(left[valid])
    try:
        rows = _table(kept, _columns(kept, fields), of.ids, of.times)
    except (pa.ArrowException, ValueError, TypeError):  # a value that no column takes
        return  # each is looked at by itself
    yield rows, of.rows


def _validated(values: list[Any], kept: Projection) -> tuple[list[dict[str, Any]], Rows]:
    """The fields of each valid value, and which of the values these are."""
    validate = kept.payload.__pydantic_validator__.validate_json
    fields, valid = [], []
    for at, value in enumerate(values):
        try:
            fields.append(validate(value).__dict__)
        except (ValidationError, TypeError):  # TypeError: a record without a value
            continue  # its row is left for `decode`, which says why
        valid.append(at)
    return fields, np.array(valid, np.int64)


def _columns(kept: Projection, events: Sequence[dict[str, Any]]) -> dict[str, Any]:
    said = [name for name in kept.schema.names if name not in (EVENT_ID, RECORDED_AT)]
    return {name: kept.column(name, [event[name] for event in events]) for name in said}


def _table(kept: Projection, columns: Mapping[str, Any], ids: Any, times: Any) -> pa.Table:
    all_of_them = {**columns, EVENT_ID: ids, RECORDED_AT: times}
    return pa.Table.from_arrays(
        [all_of_them[name] for name in kept.schema.names], schema=kept.schema
    )


def _decoded(
    batch: pa.RecordBatch, row: int, kept: Projection, now: datetime
) -> pa.Table | Rejected | Projection:
    original = record(batch, row, kept.topic)
    try:
        event = decode(original.value, original.headers)
        other = BESIDE.get(type(event.data), kept)
        if other is not kept and other.topic == kept.topic:
            return other
        if not isinstance(event.data, kept.payload):
            raise Refusal(
                "ce_type",
                f"{event.data.TYPE!r} is not for the topic {kept.topic}, which takes "
                f"{kept.payload.TYPE}",
                shown(event.data.TYPE),
                f"send it to {event.data.TOPIC}",
            )
        refuse_ahead(event.time, original.timestamp_ms, now)
        time = _in_utc(event.time)
        return _table(
            kept,
            _columns(kept, [event.data.__dict__]),
            pa.array([event.id], pa.string()),
            pa.array([time], kept.schema.field(RECORDED_AT).type),
        )
    except Exception as error:  # noqa: BLE001 - the bytes' fault: decoding asks nobody
        return Rejected(row, type(error).__name__, str(error))


def _in_utc(time: datetime) -> datetime:
    try:
        return time.astimezone(UTC)
    except OverflowError:
        raise Unreadable(f"ce_time: {time.isoformat()} is outside the years 1 to 9999") from None
