"""The contract as documents: AsyncAPI 3.0 for machines, a table for people.

Both come from the topic table and the payload models alone, so they are never out of
date.
https://www.asyncapi.com/docs/reference/specification/v3.0.0
"""

from typing import Any

import yaml  # type: ignore[import-untyped, unused-ignore]
from pydantic.json_schema import models_json_schema

from events.clock_bound import MAX_AHEAD
from events.cloudevents import JSON_TYPE, MAX_ID, SPEC_VERSION
from events.envelope import TRACEPARENT
from events.payloads import PAYLOADS, Payload
from events.topics import DEAD_LETTERS, TOPICS, Topic

BINDING = "0.5.0"  # of Kafka's bindings in AsyncAPI
TEXT = {"type": "string", "minLength": 1}

MINUTES = MAX_AHEAD.total_seconds() / 60
AT = f"RFC 3339, with its zone; at most {MINUTES:g} minutes after the broker takes the record."
HEADERS: dict[str, Any] = {
    "ce_specversion": {"const": SPEC_VERSION},
    "ce_id": {
        **TEXT,
        "maxLength": MAX_ID,
        "description": "Unique for each event; the same id is the same event said again.",
    },
    "ce_type": TEXT,
    "ce_source": {**TEXT, "description": "Who says it."},
    "ce_time": {**TEXT, "format": "date-time", "description": AT},
    "ce_subject": {**TEXT, "description": "What it is about."},
    "ce_causationid": {**TEXT, "description": "Id of the event that caused it."},
    "ce_correlationid": {**TEXT, "description": "Id of the run that it belongs to."},
    "ce_lane": {
        "const": "express",
        "description": "There if it travels on the express lane, with all that it causes.",
    },
    "content-type": {"const": JSON_TYPE},
    "traceparent": {
        "type": "string",
        "pattern": f"^{TRACEPARENT.pattern}$",
        "description": "W3C trace context.",
    },
}
REQUIRED_HEADERS = ["ce_id", "ce_type", "ce_source", "ce_time"]

DEAD_LETTER: dict[str, Any] = {
    "name": "dead-letter",
    "title": "Dead letter",
    "summary": "A record as it came, whatever it was, with the reason why it was given up.",
    "headers": {
        "type": "object",
        "description": "The original's headers, its own dl_… as dl_header_dl_…, and beside them:",
        "properties": {
            "dl_group": {**TEXT, "description": "The consumer group that gave up."},
            "dl_topic": {**TEXT, "description": "Where the original stood."},
            "dl_partition": {"type": "string", "pattern": "^[0-9]+$"},
            "dl_offset": {"type": "string", "pattern": "^[0-9]+$"},
            "dl_error": {**TEXT, "description": "Class of the error."},
            "dl_message": {"type": "string", "description": "What the error said."},
            "dl_attempts": {"type": "string", "pattern": "^[0-9]+$"},
            "dl_time": {**TEXT, "format": "date-time"},
            "dl_key": {"description": "The original's key, if it had one."},
            "dl_cut": {
                **TEXT,
                "description": "There if parts were cut to fit this topic: which, and their size.",
            },
            "dl_null": {"const": "true", "description": "There if the original had no value."},
        },
        "required": [
            "dl_group",
            "dl_topic",
            "dl_partition",
            "dl_offset",
            "dl_error",
            "dl_message",
            "dl_attempts",
            "dl_time",
        ],
    },
    "payload": {"description": "The original's bytes; no value at all says that it was replayed."},
}


def document() -> dict[str, Any]:
    """The AsyncAPI document."""
    _, schemas = models_json_schema(
        [(payload, "validation") for payload in PAYLOADS],
        ref_template="#/components/schemas/{model}",
    )
    messages = {payload.__name__: _message(payload) for payload in PAYLOADS}
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Shelfcast's events",
            "version": "1",
            "description": "CloudEvents 1.0 on Apache Kafka, in binary content mode.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": JSON_TYPE,
        "channels": {topic.name: _channel(topic) for topic in TOPICS.values()},
        "operations": {
            f"{action}-{name}": {"action": action, "channel": _ref("channels", name)}
            for name in TOPICS
            for action in ("send", "receive")
        },
        "components": {
            "messages": {**messages, "DeadLetter": DEAD_LETTER},
            "schemas": dict(sorted(schemas["$defs"].items())),
        },
    }


def _channel(topic: Topic) -> dict[str, Any]:
    names = [payload.__name__ for payload in topic.payloads]
    if topic.name == DEAD_LETTERS:
        names = ["DeadLetter"]
    return {
        "address": topic.name,
        "description": f"{topic.purpose} Key: {topic.key}.",
        "messages": {name: _ref("components/messages", name) for name in names},
        "bindings": {
            "kafka": {
                "partitions": topic.partitions,
                "topicConfiguration": {
                    "cleanup.policy": topic.cleanup.split(","),
                    "retention.ms": int(topic.config["retention.ms"]),
                    "max.message.bytes": topic.max_bytes,
                    "message.timestamp.type": topic.config["message.timestamp.type"],
                },
                "bindingVersion": BINDING,
            }
        },
    }


def _message(payload: type[Payload]) -> dict[str, Any]:
    headers = {**HEADERS, "ce_type": {"const": payload.TYPE}}
    return {
        "name": payload.TYPE,
        "summary": _summary(payload),
        "contentType": JSON_TYPE,
        "correlationId": {"location": "$message.header#/ce_correlationid"},
        "headers": {"type": "object", "properties": headers, "required": REQUIRED_HEADERS},
        "payload": _ref("components/schemas", payload.__name__),
        "bindings": {
            "kafka": {
                "key": {"type": "string", "description": TOPICS[payload.TOPIC].key},
                "bindingVersion": BINDING,
            }
        },
    }


def _ref(place: str, name: str) -> dict[str, str]:
    return {"$ref": f"#/{place}/{name}"}


def _summary(payload: type[Payload]) -> str:
    """The first line of what the payload says of itself; its schema has all of it."""
    return (payload.__doc__ or "").strip().partition("\n")[0]


def as_yaml() -> str:
    """The AsyncAPI document as text; the same contract always gives the same text."""
    text: str = yaml.dump(
        document(), Dumper=_WithoutAliases, sort_keys=False, allow_unicode=True, width=100
    )
    return "# Written by `make docs`; change events/ instead.\n" + text


class _WithoutAliases(yaml.SafeDumper):  # type: ignore[misc, unused-ignore]
    def ignore_aliases(self, data: object) -> bool:
        return True


def as_markdown() -> str:
    """The topics and their event types as two tables."""
    lines = [
        "# Events",
        "",
        "Written by `make docs` from `events/topics.py` and `events/payloads`.",
        "Every field and header is in [asyncapi.yaml](asyncapi.yaml).",
        "",
        "| topic | key | partitions | kept | what it holds |",
        "| --- | --- | ---: | ---: | --- |",
    ]
    lines += [
        f"| `{t.name}` | {t.key} | {t.partitions} | {t.retention.days} days | {t.purpose} |"
        for t in TOPICS.values()
    ]
    lines += ["", "| event | topic | what it says | fields |", "| --- | --- | --- | --- |"]
    lines += [f"| `{p.TYPE}` | `{p.TOPIC}` | {_summary(p)} | {_fields(p)} |" for p in PAYLOADS]
    return "\n".join(lines) + "\n"


def _fields(payload: type[Payload]) -> str:
    """Names of the fields, those that may be left out in brackets."""
    return ", ".join(
        f"`{name}`" if field.is_required() else f"[`{name}`]"
        for name, field in payload.model_fields.items()
    )
