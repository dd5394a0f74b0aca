"""Encodes many sales or plans as the records of their events, without building each event.

The records equal, byte for byte, those that `events.publisher.to_record` makes of the same
events. An event's id derives from its payload and the time of recording, so the same rows with the
same time are the same events however often they are published.
"""

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
from pydantic_core import to_json

from events.cloudevents import JSON_TYPE, SPEC_VERSION
from events.envelope import NAMESPACE, derive_id, trace_of
from events.log import Record
from events.payloads import CalendarPlanned, Payload, SaleRecorded
from infra.sales_io.columns.cells import UNSAID

IMPORT_ID = 13  # characters of a UUID, of which 12 are hexadecimal digits
SEPARATOR = "\x1f"  # between the parts of a derived id
VARIANT = dict(zip("0123456789abcdef", "89ab" * 4, strict=True))  # RFC 9562, the variant's digit
FIXED = ("store", "product", "date", "units", "open")


def id_of(data: SaleRecorded | CalendarPlanned, recorded_at: datetime) -> str:
    """The id of an imported event."""
    return derive_id(data.TYPE, recorded_at.isoformat(), data.model_dump_json())


def import_id_of(file: str, recorded_at: datetime) -> str:
    """The id of an import of sales; short, since a person types it to take the import back."""
    return derive_id("import", file, recorded_at.isoformat())[:IMPORT_ID]


def encode_sales(
    frame: pd.DataFrame, source: str, recorded_at: datetime, import_id: str | None = None
) -> list[Record]:
    """The records of a frame from `checking.rows.read_rows`, one for each row in order."""
    return _encoded(frame, SaleRecorded, source, recorded_at, {"import_id": import_id})


def encode_plans(frame: pd.DataFrame, source: str, recorded_at: datetime) -> list[Record]:
    """The records of a calendar's frame, one for each row in order."""
    return _encoded(frame, CalendarPlanned, source, recorded_at, {})


def _encoded(
    frame: pd.DataFrame,
    payload: type[Payload],
    source: str,
    recorded_at: datetime,
    said_of_all: dict[str, str | None],
) -> list[Record]:
    if not len(frame):
        return []
    series, starts = _series(frame)
    days, day_texts = _days(frame["date"])
    units, unit_texts = _units(frame)
    ends, end_texts = _ends(frame, said_of_all)
    time = recorded_at.isoformat()
    before = [("ce_specversion", SPEC_VERSION.encode())]
    after = [
        ("ce_type", payload.TYPE.encode()),
        ("ce_source", source.encode()),
        ("ce_time", time.encode()),
    ]
    content_type = ("content-type", JSON_TYPE.encode())
    topic = payload.TOPIC
    digest = _digest_of((payload.TYPE, time, ""))
    records = []
    for s, d, u, e in zip(series, days, units, ends, strict=True):
        key, start = starts[s]
        day = day_texts[d]
        value = f"{start}{day}{unit_texts[u]}{end_texts[e]}".encode()
        event_id = _uuid5(digest, value)
        headers = [
            *before,
            ("ce_id", event_id.encode()),
            *after,
            ("ce_subject", f"{key}/{day}".encode()),
            content_type,
            ("traceparent", trace_of(event_id).encode()),
        ]
        records.append(Record(topic, key.encode(), value, headers))
    return records


def _series(frame: pd.DataFrame) -> tuple[list[int], list[tuple[str, str]]]:
    codes, pairs = _combined([frame["store"], frame["product"]])
    starts = []
    for at in pairs:
        store, product = str(frame["store"].iloc[at]), str(frame["product"].iloc[at])
        start = to_json({"store": store or None, "product": product or None}).decode()[:-1]
        starts.append((f"{store or '*'}/{product or '*'}", f'{start},"date":"'))
    return codes.tolist(), starts


def _days(dates: Any) -> tuple[list[int], list[str]]:
    codes, distinct = pd.factorize(dates.to_numpy().astype("datetime64[D]"))
    return codes.tolist(), [str(text) for text in np.datetime_as_string(distinct)]


def _units(frame: pd.DataFrame) -> tuple[list[int], list[str]]:
    """The JSON from the end of the day on for each number of units; a plan has no units."""
    if "units" not in frame:
        return [0] * len(frame), ['"']
    codes, distinct = pd.factorize(frame["units"].to_numpy())
    return codes.tolist(), [f'","units":{to_json(float(units)).decode()}' for units in distinct]


def _ends(frame: pd.DataFrame, said_of_all: dict[str, str | None]) -> tuple[list[int], list[str]]:
    drivers = [column for column in frame.columns if column not in FIXED]
    codes, firsts = _combined([frame["open"], *(frame[name] for name in drivers)])
    ends = []
    for at in firsts:
        row = frame.iloc[at]
        known = {name: float(row[name]) for name in drivers if not np.isnan(row[name])}
        is_open = None if row["open"] == UNSAID else bool(row["open"])
        end = to_json({"open": is_open, "drivers": known, **said_of_all}).decode()
        ends.append("," + end[1:])
    return codes.tolist(), ends


def _combined(columns: Sequence[Any]) -> tuple[Any, Any]:
    """A code for each row's combination of values, and the first row of each code."""
    codes = np.zeros(len(columns[0]), dtype=np.int64)
    for column in columns:
        found, distinct = pd.factorize(column)
        codes = pd.factorize(codes * (len(distinct) + 1) + found + 1)[0]
    return codes, np.unique(codes, return_index=True)[1]


def _digest_of(parts: Sequence[str]) -> Any:
    return hashlib.sha1(NAMESPACE.bytes + SEPARATOR.join(parts).encode(), usedforsecurity=False)


def _uuid5(digest: Any, rest: bytes) -> str:
    """The UUIDv5 (RFC 9562, 5.5) of the bytes that the digest has and `rest`."""
    digest = digest.copy()
    digest.update(rest)
    h = digest.hexdigest()
    return f"{h[:8]}-{h[8:12]}-5{h[13:16]}-{VARIANT[h[16]]}{h[17:20]}-{h[20:32]}"
