"""Traces: whole across hops, made only when asked for; and log lines that name them."""

import json
import logging

import pytest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON, Sampler

from events.envelope import first_event, within_trace
from events.observing import about
from events.payloads import RetrainRequested
from infra.hosts.memory import MemoryHost
from infra.log_lines import JsonLines, Lines
from infra.tracing import Tracer, wanted
from tests.unit.functions.world import SERIES, World, request

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


def traced(sampler: Sampler) -> tuple[World, InMemorySpanExporter]:
    world, spans = World(), InMemorySpanExporter()
    tracer = Tracer(SimpleSpanProcessor(spans), Resource.create(), sampler)
    world.host = MemoryHost(world.dependencies, tracer)
    world.sell(*SERIES)
    return world, spans


async def test_one_retrain_is_one_connected_trace_with_a_span_of_each_hop():
    world, exported = traced(ALWAYS_ON)
    await world.run(request())
    spans = exported.get_finished_spans()
    by_id = {span.context.span_id: span for span in spans}

    assert len({span.context.trace_id for span in spans}) == 1
    roots = [span for span in spans if span.parent is None]
    assert [span.name for span in roots] == ["publish shelfcast.retrain.requested.v1"]
    for span in spans:
        assert span.parent is None or span.parent.span_id in by_id, span.name
    handled = {span.name.split()[0].removeprefix("shelfcast-") for span in spans}
    assert {"planner", "trainer", "registry", "forecaster"} <= handled
    names = [span.name for span in spans]
    assert names.count("publish shelfcast.forecast.published.v1") == len(SERIES)


async def test_a_trace_that_the_sampler_drops_is_dropped_at_every_hop():
    world, exported = traced(ALWAYS_OFF)
    await world.run(request())

    assert exported.get_finished_spans() == ()


@pytest.mark.parametrize(
    ("environment", "exporter"),
    [
        ({}, None),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"}, "otlp"),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://collector:4318/v1/traces"}, "otlp"),
        ({"OTEL_TRACES_EXPORTER": "console"}, "console"),
        ({"OTEL_TRACES_EXPORTER": "none", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://c"}, None),
        ({"OTEL_SDK_DISABLED": "true", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://c"}, None),
    ],
)
def test_traces_are_made_when_the_environment_asks_for_them(environment, exporter):
    assert wanted(environment) == exporter


def test_an_exporter_that_is_not_there_is_named():
    with pytest.raises(ValueError, match="OTEL_TRACES_EXPORTER: 'zipkin' is not an exporter here"):
        wanted({"OTEL_TRACES_EXPORTER": "zipkin"})


def test_an_event_made_for_a_caller_is_in_the_callers_trace():
    with within_trace(f"00-{TRACE}-00f067aa0ba902b7-01"):
        inside = first_event(RetrainRequested(requested_by="test"), "test")
    outside = first_event(RetrainRequested(requested_by="test"), "test")

    assert inside.traceparent.split("-")[1] == TRACE
    assert outside.traceparent.split("-")[1] != TRACE


def record(message: str) -> logging.LogRecord:
    return logging.LogRecord("events", logging.WARNING, "file", 1, message, None, None)


def test_log_lines_carry_the_ids_of_what_is_in_hand():
    event = first_event(
        RetrainRequested(requested_by="test"), "test", event_id="e1", correlation_id="r1"
    )
    with about([event]):
        line, said = Lines().format(record("slow")), json.loads(JsonLines().format(record("slow")))
    trace = event.traceparent.split("-")[1]

    assert line.endswith(f"WARNING events: slow [trace {trace}, run r1, event e1]")
    assert (said["trace_id"], said["run_id"], said["event_id"]) == (trace, "r1", "e1")
    assert (said["level"], said["message"]) == ("WARNING", "slow")
    assert "[" not in Lines().format(record("slow"))


def test_log_lines_of_a_batch_carry_only_what_its_events_share():
    events = [
        first_event(RetrainRequested(requested_by="test"), "test", correlation_id="r1")
        for _ in range(2)
    ]
    with about(events):
        said = json.loads(JsonLines().format(record("slow")))

    assert said["run_id"] == "r1"
    assert not {"trace_id", "event_id"} & set(said)
