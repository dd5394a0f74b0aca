"""The house as a whole: who knows whom, and that the functions fit the topics."""

import ast
from pathlib import Path

import pytest

from events.payloads import DeadLettered
from events.topics import DEAD_LETTERS, TOPICS
from functions.catalog import FUNCTIONS

ROOT = Path(__file__).parents[2]
each_function = pytest.mark.parametrize("function", FUNCTIONS.values(), ids=lambda f: f.name)


@each_function
def test_a_functions_inputs_and_outputs_are_topics(function):
    assert function.inputs
    assert {*function.inputs, *function.outputs} <= set(TOPICS)


@each_function
def test_a_function_has_its_own_group_and_takes_a_batch(function):
    assert FUNCTIONS[function.name] is function
    assert [f.name for f in FUNCTIONS.values() if f.group == function.group] == [function.name]
    assert function.most >= 1


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


def imports(folder: Path) -> dict[str, set[str]]:
    """The modules that each file of a folder imports, also within its functions."""
    found = {}
    for file in folder.rglob("*.py"):
        modules = set()
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Import):
                modules |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                modules.add(node.module)
        found[str(file.relative_to(ROOT))] = modules
    assert found
    return found


def offenders(folder: str, *forbidden: str) -> list[str]:
    return [
        f"{file} imports {module}"
        for file, modules in imports(ROOT / folder).items()
        for module in sorted(modules)
        if any(module == name or module.startswith(f"{name}.") for name in forbidden)
    ]


def test_events_know_nobody():
    assert offenders("events", "functions", "stream_jobs", "infra") == []


def test_functions_know_no_host_and_no_broker():
    forbidden = ("stream_jobs", "infra.hosts", "infra.local", "ray", "aiokafka", "asyncpg")
    assert offenders("functions", *forbidden, "events.kafka") == []


def test_the_modelling_core_knows_neither_events_nor_the_outside():
    forbidden = ("events", "infra", "stream_jobs", "asyncio", "asyncpg", "aiokafka", "ray")
    assert offenders("functions/forecasting", *forbidden) == []
