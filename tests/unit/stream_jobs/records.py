"""Kafka records of sales, as a till would write them and as Spark hands them on."""

import datetime as dt
import json
from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from events.cloudevents import encode
from events.envelope import first_event
from events.payloads import CalendarPlanned, SaleRecorded, SalesRemoved
from stream_jobs.sink import HEADERS

TIME = dt.datetime(2026, 3, 1, 12, 0, 0, 250_000, tzinfo=dt.UTC)
DAY = dt.date(2026, 2, 28)
Raw = tuple[bytes | None, list[tuple[str, bytes]]]


def sale(**changes: Any) -> SaleRecorded:
    fields = {"store": "1", "product": "milk", "date": DAY, "units": 3.0, "drivers": {"promo": 1.0}}
    return SaleRecorded(**{**fields, **changes})


def raw(event_id: str = "e1", time: dt.datetime = TIME, **changes: Any) -> Raw:
    _, value, headers = encode(first_event(sale(**changes), "till", event_id=event_id, time=time))
    return value, headers


def with_header(record: Raw, name: str, text: bytes | None) -> Raw:
    headers = [header for header in record[1] if header[0] != name]
    return record[0], headers if text is None else [*headers, (name, text)]


def with_data(**changes: Any) -> Raw:
    value, headers = raw()
    fields = json.loads(value or b"") | changes
    return json.dumps({k: v for k, v in fields.items() if v is not ...}).encode(), headers


def structured(**attributes: Any) -> Raw:
    document = {
        "specversion": "1.0",
        "id": "e1",
        "type": SaleRecorded.TYPE,
        "source": "till",
        "time": TIME.isoformat(),
        "data": sale().model_dump(mode="json"),
    } | attributes
    return json.dumps(document).encode(), [("content-type", b"application/cloudevents+json")]


def planned(event_id: str = "c1", time: dt.datetime = TIME, **changes: Any) -> Raw:
    fields = {"store": "1", "date": DAY, "open": False, "drivers": {"promo": 1.0}}
    plan = CalendarPlanned(**{**fields, **changes})
    _, value, headers = encode(first_event(plan, "office", event_id=event_id, time=time))
    return value, headers


def removed(event_id: str = "r1", time: dt.datetime = TIME, **changes: Any) -> Raw:
    fields = {"store": "1", "product": "milk", "requested_by": "cli"}
    _, value, headers = encode(
        first_event(SalesRemoved(**{**fields, **changes}), "cli", event_id=event_id, time=time)
    )
    return value, headers


def batch(
    *records: Raw, topics: Sequence[str] | str = "sales", taken: dt.datetime | None = TIME
) -> pa.RecordBatch:
    headers = [[{"key": k, "value": v} for k, v in record[1]] for record in records]
    return pa.record_batch(
        {
            "topic": pa.array([topics] * len(records) if isinstance(topics, str) else topics),
            "key": pa.array([b"1/milk"] * len(records), pa.binary()),
            "value": pa.array([record[0] for record in records], pa.binary()),
            "headers": pa.array(headers, HEADERS),
            "partition": pa.array([0] * len(records), pa.int32()),
            "offset": pa.array(range(len(records)), pa.int64()),
            "timestamp": pa.array([taken] * len(records), pa.timestamp("us", "UTC")),
        }
    )
