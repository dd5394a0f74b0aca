"""CloudEvents 1.0 on Kafka: written in binary content mode, read in binary and structured mode.

Binary mode: attributes are `ce_…` headers, the value is the data as JSON. Structured mode:
the value is one JSON object with attributes and `data`. https://cloudevents.io/
"""

import json
import re
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from pydantic import ValidationError
from pydantic_core import from_json

from events.envelope import Event, is_traceparent, trace_of
from events.errors import SHOWN, InvalidPayload, UnknownType, Unreadable, explain
from events.payloads import BY_TYPE, Payload
from events.printable import one_line

SPEC_VERSION = "1.0"
JSON_TYPE = "application/json"
STRUCTURED_TYPE = "application/cloudevents+json"
REQUIRED = ("id", "source", "type", "time")
MAX_ID = 128
REPLAYED_FROM = "replayed_from"  # the header of a dead letter that is sent again
LEAP_SECOND = re.compile(r"^(.{13}:\d\d):60(.*)$")

Headers = list[tuple[str, bytes]]


def encode(event: Event[Payload]) -> tuple[bytes, bytes, Headers]:
    """Key, value and headers of an event in binary content mode."""
    data = event.data
    attributes = {
        "ce_specversion": SPEC_VERSION,
        "ce_id": event.id,
        "ce_type": data.TYPE,
        "ce_source": event.source,
        "ce_time": event.time.isoformat(),
        "ce_subject": data.subject,
        "ce_causationid": event.causation_id,
        "ce_correlationid": event.correlation_id,
        "ce_lane": event.lane if event.lane == "express" else None,
        "content-type": JSON_TYPE,
        "traceparent": event.traceparent,
    }
    headers = [(name, value.encode()) for name, value in attributes.items() if value is not None]
    return data.key.encode(), data.model_dump_json().encode(), headers


def decode(value: bytes | None, headers: Iterable[tuple[str, bytes]]) -> Event[Payload]:
    """The event in a Kafka record of either content mode.

    Raises Unreadable, UnknownType or InvalidPayload, each naming the field at fault.
    """
    if value is None:
        raise Unreadable("value: a record without a value is not an event")
    texts = _texts(headers)
    if texts.get("content-type", "").startswith(STRUCTURED_TYPE):
        attributes, data = _structured(value)
    else:
        attributes = {k.removeprefix("ce_"): v for k, v in texts.items() if k.startswith("ce_")}
        data = value
    traceparent = texts.get("traceparent", attributes.get("traceparent"))
    return _event(attributes, data, traceparent, replayed=REPLAYED_FROM in texts)


def _event(
    attributes: Mapping[str, str], data: bytes, traceparent: str | None, replayed: bool
) -> Event[Payload]:
    for name in REQUIRED:
        if not attributes.get(name):
            raise Unreadable(f"ce_{name}: the CloudEvents attribute is missing; send it")
    if len(attributes["id"]) > MAX_ID:
        raise Unreadable(f"ce_id: {len(attributes['id'])} characters; at most {MAX_ID}")
    if (payload_type := BY_TYPE.get(attributes["type"])) is None:
        seen, known = attributes["type"][:SHOWN], ", ".join(BY_TYPE)
        raise UnknownType(f"ce_type: {seen!r} is unknown; the contract has {known}")
    try:
        payload = payload_type.model_validate_json(data)
    except ValidationError as error:
        raise InvalidPayload(explain(error)) from None
    event_id = attributes["id"]
    if not is_traceparent(traceparent):
        traceparent = trace_of(event_id)
    return Event(
        id=event_id,
        source=attributes["source"],
        time=parse_time(attributes["time"]),
        data=payload,
        traceparent=traceparent,
        causation_id=attributes.get("causationid"),
        correlation_id=attributes.get("correlationid"),
        lane="express" if attributes.get("lane") == "express" else "bulk",
        replayed=replayed,
    )


def parse_time(text: str) -> datetime:
    """An RFC 3339 time with its zone, in every form of its section 5.6; Unreadable otherwise.

    Lower-case t and z, a blank for the T, any number of decimals (what is finer than a
    microsecond is cut off), +0000 without a colon, and leap seconds, which are the next
    minute's first second.
    """
    plain = text.upper()
    leap = LEAP_SECOND.match(plain)
    try:
        time = datetime.fromisoformat(f"{leap[1]}:59{leap[2]}" if leap else plain)
        time = time + timedelta(seconds=1) if leap else time
    except (ValueError, OverflowError):
        time = None
    if time is None or time.tzinfo is None:
        raise Unreadable(
            f"ce_time: {text[:40]!r} is no RFC 3339 time with a zone; write it like "
            "2026-11-20T10:00:00Z"
        )
    return time


def _texts(headers: Iterable[tuple[str, bytes]]) -> dict[str, str]:
    texts = {}
    for name, value in headers:
        try:
            texts[name.lower()] = (value or b"").decode()
        except UnicodeDecodeError:
            raise Unreadable(f"header {one_line(name[:SHOWN])}: the value is not UTF-8") from None
    return texts


def _structured(value: bytes) -> tuple[dict[str, str], bytes]:
    try:
        # As strict as the reader of payloads: no lone surrogates, no bottomless nesting.
        document: Any = from_json(value)
        if not isinstance(document, dict) or "data" not in document:
            raise Unreadable("value: a structured CloudEvent is an object with `data`")
        data = json.dumps(document.pop("data")).encode()
    except ValueError as error:
        raise Unreadable(f"value: no JSON ({error})") from None
    return {k: v for k, v in document.items() if isinstance(v, str)}, data
