"""That functions and topics fit. Who may import whom is import-linter's to say."""

import pytest

from events.payloads import DeadLettered
from events.topics import DEAD_LETTERS, TOPICS
from functions.catalog import FUNCTIONS

each_function = pytest.mark.parametrize("function", FUNCTIONS.values(), ids=lambda f: f.name)


@each_function
def test_a_functions_inputs_and_outputs_are_topics(function):
    assert function.inputs
    assert {*function.inputs, *function.outputs} <= set(TOPICS)


@each_function
def test_a_function_has_its_own_group_and_takes_a_batch(function):
    assert FUNCTIONS[function.name] is function
    assert [f.name for f in FUNCTIONS.values() if f.group == function.group] == [function.name]
    assert function.max_batch >= 1


@each_function
def test_no_function_answers_itself(function):
    assert not set(function.inputs) & set(function.outputs)


def test_every_topic_between_functions_has_a_writer_and_a_reader():
    read = {topic for function in FUNCTIONS.values() for topic in function.inputs}
    written = {topic for function in FUNCTIONS.values() for topic in function.outputs}
    outside = {"retrain-requests", "retrain-requests-express", "promotion-requests", DEAD_LETTERS}
    outside |= {"forecast-requests", "forecast-requests-express", "calendar-changes"}
    outside |= {"maintenance-requests"}
    assert read - written == outside, "these come from outside and from the stream job"
    for_anyone = {"forecasts", "runs", "model-promotions", "model-promotions-express"}
    assert written - read == for_anyone | {"maintenance"}
    assert set(TOPICS) - read - written == {"sales", "calendar"}, "these are for the stream job"


def test_dead_letters_are_for_the_function_that_ends_runs():
    assert [f.name for f in FUNCTIONS.values() if DeadLettered.TOPIC in f.inputs] == ["registry"]
