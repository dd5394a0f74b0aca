"""OpenTelemetry spans of events: one trace from a request to its forecasts.

Ids derive from the events' ids: the span of an event is the one in its `traceparent`; the span
of its handling derives from the event and the function. So a trace is complete whatever processes,
machines or repeated deliveries it went through; a repeated delivery has the same spans.

    request published → planner handles it → shard published → trainer handles it → …

Traces are exported if the environment has OpenTelemetry's variables
(OTEL_EXPORTER_OTLP_ENDPOINT and others); without them nothing is imported or created.
"""

import functools
import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from events.envelope import Event, span_of
from events.observing import Batch, Reason
from events.payloads import Payload

if TYPE_CHECKING:
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import SpanProcessor
    from opentelemetry.sdk.trace.sampling import Sampler
    from opentelemetry.trace import SpanKind

ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")


def wanted(environment: Mapping[str, str]) -> str | None:
    """The exporter that the environment asks for: `otlp`, `console` or none. ValueError says what
    it asks for that there is not.
    """
    if environment.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return None
    named = environment.get("OTEL_TRACES_EXPORTER", "")
    if named not in ("", "none", "otlp", "console"):
        raise ValueError(
            f"OTEL_TRACES_EXPORTER: {named!r} is not an exporter here; set it to otlp, "
            "console or none"
        )
    if named:
        return None if named == "none" else named
    return "otlp" if any(environment.get(name) for name in ENDPOINTS) else None


@functools.cache
def from_environment() -> "Tracer | None":
    """Return the tracer of this process, or None if tracing is off."""
    exporter = wanted(os.environ)
    if exporter is None:
        return None
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter, SpanExporter

    out: SpanExporter
    if exporter == "console":
        out = ConsoleSpanExporter()
    else:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

        out = OTLPSpanExporter()
    resource = Resource.create(
        {} if os.environ.get("OTEL_SERVICE_NAME") else {"service.name": "shelfcast"}
    )
    return Tracer(BatchSpanProcessor(out), resource, TracerProvider().sampler)


class Tracer:
    """An observer that creates and exports spans."""

    def __init__(
        self, processor: "SpanProcessor", resource: "Resource", sampler: "Sampler"
    ) -> None:
        self._processor, self._resource, self._sampler = processor, resource, sampler

    def published(self, events: Sequence[Event[Payload]], began_ns: int, ended_ns: int) -> None:
        """A span of each event: the beginnings of traces, or of our part of a caller's."""
        from opentelemetry.trace import SpanKind

        for event in events:
            self._span(event, _own(event), None, "publish", SpanKind.PRODUCER, began_ns, ended_ns)

    def handled(self, batch: Batch) -> None:
        """A span of the handling of each event, and within it of each event that it caused."""
        from opentelemetry.trace import SpanKind

        handling = {event.id: span_of(event.id, batch.group) for event in batch.events}
        times = batch.began_ns, batch.ended_ns
        for event in batch.events:
            self._span(
                event, handling[event.id], _own(event), batch.group, SpanKind.CONSUMER, *times,
                {"messaging.batch.message_count": batch.records},
            )  # fmt: skip
        for event in batch.outputs:
            cause = handling.get(event.causation_id or "")
            self._span(event, _own(event), cause, "publish", SpanKind.PRODUCER, *times)

    def retried(self, group: str, reason: Reason) -> None:
        """Not traced: the span of what is done in the end takes as long as it took."""

    def batch(self, function: str, number: int, records: int, began_ns: int, ended_ns: int) -> None:
        """Create a trace of a batch that is too large for a span of each record."""
        from opentelemetry.trace import SpanKind

        trace = span_of(function, str(number), str(began_ns)) * 2
        self._make(
            f"{function} batch", trace, trace[:16], None, SpanKind.CONSUMER, began_ns, ended_ns,
            {"messaging.batch.message_count": records, "shelfcast.batch": number},
        )  # fmt: skip

    def _span(
        self,
        event: Event[Payload],
        span: str,
        parent: str | None,
        name: str,
        kind: "SpanKind",
        began_ns: int,
        ended_ns: int,
        more: Mapping[str, str | int] | None = None,
    ) -> None:
        attributes: dict[str, str | int] = {
            "messaging.system": "kafka",
            "messaging.destination.name": event.data.TOPIC,
            "messaging.message.id": event.id,
            "cloudevents.event_type": event.data.TYPE,
            "shelfcast.lane": event.lane,
            **(more or {}),
        }
        if event.correlation_id:
            attributes["shelfcast.run_id"] = event.correlation_id
        trace = event.traceparent.split("-")[1]
        title = f"{name} {event.data.TYPE}"
        self._make(title, trace, span, parent, kind, began_ns, ended_ns, attributes)

    def _make(
        self,
        title: str,
        trace: str,
        span: str,
        parent: str | None,
        kind: "SpanKind",
        began_ns: int,
        ended_ns: int,
        attributes: Mapping[str, str | int],
    ) -> None:
        from opentelemetry.sdk.trace import ReadableSpan
        from opentelemetry.trace import SpanContext, TraceFlags

        # By the trace's id only, so that all processes decide alike.
        sampled = self._sampler.should_sample(None, int(trace, 16), title).decision
        if not sampled.is_sampled():  # type: ignore[no-untyped-call]  # it has no types
            return

        def context(span_id: str) -> SpanContext:
            flags = TraceFlags(TraceFlags.SAMPLED)
            return SpanContext(int(trace, 16), int(span_id, 16), True, flags)

        self._processor.on_end(
            ReadableSpan(
                title,
                context(span),
                None if parent is None else context(parent),
                self._resource,
                attributes,
                kind=kind,
                start_time=began_ns,
                end_time=ended_ns,
            )
        )

    def close(self) -> None:
        """Export the pending spans."""
        self._processor.shutdown()


def _own(event: Event[Payload]) -> str:
    return event.traceparent.split("-")[2]
