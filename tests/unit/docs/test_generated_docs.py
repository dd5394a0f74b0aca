"""What is written from the code is current."""

import re
from pathlib import Path

from events.topics import bulk, lanes
from functions.catalog import EXPRESS, FUNCTIONS
from functions.forecasting.strategy import BUILT_IN
from functions.picture import drawn, mermaid
from infra.settings_table import TABLE, settings_table

FORECASTING = Path(__file__).parents[3] / "docs" / "forecasting.md"
README = Path(__file__).parents[3] / "README.md"


def test_the_picture_in_the_readme_is_that_of_the_registry():
    assert mermaid() in README.read_text()
    assert drawn(README.read_text()) == README.read_text()


def test_every_function_is_in_the_picture():
    for function in FUNCTIONS.values():
        name = function.name.removeprefix(f"{EXPRESS}-")  # drawn once, with arrows for two lanes
        assert f" {name}" in mermaid()
        topic = bulk(function.inputs[0])
        assert f"-- {'⇉ ' if len(lanes(topic)) > 1 else ''}{topic} -->" in mermaid()


def test_every_built_in_strategy_is_described():
    described = set(re.findall(r"`([\w-]+)`", FORECASTING.read_text().split("## What a run")[0]))
    assert set(BUILT_IN) <= described
    assert set(BUILT_IN["auto"].candidates) <= described


def test_the_table_of_settings_is_current():
    assert TABLE.read_text() == settings_table()
