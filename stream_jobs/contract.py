"""Kafka records become rows of `daily_sales`, or are rejected with the reason.

The contract is `events.payloads.SaleRecorded` within a CloudEvent, and nothing here says it
again: values are validated by the model itself, and a record that is in any way unusual is
decoded by `events.cloudevents.decode`, which gives the event or names the field at fault.
Pure: Arrow in, Arrow out.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
from pydantic import ValidationError

from events.cloudevents import decode
from events.errors import EventError, Refusal, Unreadable
from events.log import Received
from events.payloads import SaleRecorded
from stream_jobs.attributes import Rows, plain_attributes

JSONB = b"\x01"  # the version with which Postgres' binary form of a jsonb value starts
COLUMNS: dict[str, pa.DataType] = {
    "store": pa.string(),
    "product": pa.string(),
    "date": pa.date32(),
    "units": pa.float64(),
    "open": pa.bool_(),
    "drivers": pa.binary(),
    "event_id": pa.string(),
    "recorded_at": pa.timestamp("us", "UTC"),
}
SALES = pa.schema(COLUMNS)
validate = SaleRecorded.__pydantic_validator__.validate_json


@dataclass(frozen=True)
class Rejected:
    """A record that is no sale: its row in the batch, and what is wrong with it."""

    row: int
    error: str
    message: str


@dataclass(frozen=True)
class Judged:
    """What a batch holds: sales as rows of the table `SALES`, and what is none.

    `rows` has the row of the batch that each sale came from.
    """

    sales: pa.Table
    rows: Rows
    rejected: Sequence[Rejected]


def judge(batch: pa.RecordBatch) -> Judged:
    """Apply the contract to raw records: key, value, headers, partition and offset columns."""
    plain = plain_attributes(batch.column("headers"))
    values = batch.column("value").take(pa.array(plain.rows, pa.int64())).to_pylist()
    fields, valid = _validated(values)
    odd = np.delete(np.arange(batch.num_rows), plain.rows[valid])
    parts = [_table(fields, plain.ids.take(valid), plain.times.take(valid))]
    rows = [plain.rows[valid]]
    rejected = []
    for row in odd.tolist():
        sale = _decoded(batch, row)
        if isinstance(sale, Rejected):
            rejected.append(sale)
        else:
            parts.append(sale)
            rows.append(np.array([row]))
    return Judged(pa.concat_tables(parts), np.concatenate(rows), rejected)


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
    )


def _validated(values: list[Any]) -> tuple[list[dict[str, Any]], Rows]:
    """The fields of each valid value, and which of the values these are."""
    try:
        return [validate(value).__dict__ for value in values], np.arange(len(values))
    except (ValidationError, TypeError):  # TypeError: a record without a value
        pass  # at least one is not: look at each
    fields, valid = [], []
    for at, value in enumerate(values):
        try:
            fields.append(validate(value).__dict__)
        except (ValidationError, TypeError):
            continue  # its row is left for `decode`, which says why
        valid.append(at)
    return fields, np.array(valid, np.int64)


def _table(fields: Iterable[dict[str, Any]], ids: Any, times: Any) -> pa.Table:
    columns = [
        pa.array([sale[name] for sale in fields], COLUMNS[name])
        for name in ("store", "product", "date", "units", "open")
    ]
    drivers = [JSONB + orjson.dumps(sale["drivers"]) for sale in fields]
    return pa.Table.from_arrays(
        [*columns, pa.array(drivers, pa.binary()), ids, times], schema=SALES
    )


def _decoded(batch: pa.RecordBatch, row: int) -> pa.Table | Rejected:
    original = record(batch, row, SaleRecorded.TOPIC)
    try:
        event = decode(original.value, original.headers)
        if not isinstance(event.data, SaleRecorded):
            raise Refusal(
                f"ce_type: {event.data.TYPE!r} is no sale; the topic {SaleRecorded.TOPIC} takes "
                f"{SaleRecorded.TYPE}"
            )
        time = _in_utc(event.time)
    except EventError as error:
        return Rejected(row, type(error).__name__, str(error))
    return _table(
        [event.data.__dict__],
        pa.array([event.id], pa.string()),
        pa.array([time], COLUMNS["recorded_at"]),
    )


def _in_utc(time: datetime) -> datetime:
    try:
        return time.astimezone(UTC)
    except OverflowError:
        raise Unreadable(f"ce_time: {time.isoformat()} is outside the years 1 to 9999") from None
