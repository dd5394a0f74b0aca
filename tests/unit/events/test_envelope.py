import uuid

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from events.envelope import derive_id, first_event, is_traceparent, of_type, trace_of
from events.payloads import SaleRecorded, TrainingFailed
from tests.unit.events.examples import COMPLETED, DATA, FAILED, REQUEST, SALE, SHARD, TIME

CALLER = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00"


def cause(event_id: str = "cause"):
    return first_event(REQUEST, "test", event_id=event_id, time=TIME)


def failed(product: str) -> TrainingFailed:
    return FAILED.model_copy(update={"product": product})


def test_the_same_cause_and_effect_give_the_same_id():
    first, again = (cause().effect(FAILED, "test") for _ in range(2))
    assert first.id == again.id
    assert uuid.UUID(first.id).version == 5


def test_effects_of_one_cause_differ_by_type_and_by_subject():
    same_subject = SHARD.model_copy(update={"run_id": "42", "shard": 0}), failed("0")
    assert same_subject[0].subject == same_subject[1].subject
    effects = [*same_subject, failed("1")]
    assert len({cause().effect(data, "test").id for data in effects}) == 3


def test_effects_of_two_causes_differ():
    assert cause("a").effect(FAILED, "test").id != cause("b").effect(FAILED, "test").id


@pytest.mark.parametrize("data", DATA, ids=lambda data: data.TYPE)
def test_the_id_does_not_depend_on_the_clock_or_the_source(data):
    assert cause().effect(data, "one", lambda: TIME).id == cause().effect(data, "two").id


def test_an_effect_names_its_cause_and_its_run():
    effect = cause().effect(FAILED, "test", lambda: TIME, correlation_id="run")
    assert (effect.causation_id, effect.correlation_id, effect.time) == ("cause", "run", TIME)
    assert effect.effect(COMPLETED, "test").correlation_id == "run", "the run is handed on"


def test_an_id_that_is_given_is_taken():
    assert cause().effect(FAILED, "test", event_id="mine").id == "mine"


def test_the_trace_goes_from_cause_to_effect_with_a_span_for_each():
    first = cause()
    second = first.effect(FAILED, "test")
    third = second.effect(COMPLETED, "test")
    traces = [event.traceparent.split("-") for event in (first, second, third)]
    assert len({trace for _, trace, _, _ in traces}) == 1
    assert len({span for _, _, span, _ in traces}) == 3
    assert all(is_traceparent(event.traceparent) for event in (first, second, third))


def test_a_first_event_joins_the_trace_of_its_caller():
    event = first_event(SALE, "test", traceparent=CALLER)
    assert event.traceparent.split("-")[1] == CALLER.split("-")[1]


def test_a_first_event_ignores_a_malformed_trace():
    event = first_event(SALE, "test", event_id="e", traceparent="00-nonsense")
    assert event.traceparent == trace_of("e")


def test_a_first_event_without_an_id_gets_one_of_its_own():
    assert first_event(SALE, "test").id != first_event(SALE, "test").id


def test_events_are_told_apart_by_type():
    events = [first_event(data, "test") for data in DATA]
    assert [event.data for event in of_type(events, SaleRecorded)] == [SALE]


@settings(deadline=None)
@given(st.lists(st.text(max_size=5), min_size=1, max_size=4))
def test_derived_ids_are_stable_uuids(parts):
    try:
        derived = derive_id(*parts)
    except UnicodeEncodeError:
        assert any("\ud800" <= c <= "\udfff" for part in parts for c in part)
        return
    assert derived == derive_id(*parts) == str(uuid.UUID(derived))


def test_parts_do_not_run_into_each_other():
    assert derive_id("a", "bc") != derive_id("ab", "c")
