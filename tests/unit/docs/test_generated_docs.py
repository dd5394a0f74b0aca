"""What is written from the code is current."""

import re
import sys
from pathlib import Path

import pytest

from events.topics import bulk, lanes
from functions.catalog import EXPRESS, FUNCTIONS
from functions.diagram import mermaid
from functions.forecasting.strategy import BUILT_IN
from infra import written

FORECASTING = Path(__file__).parents[3] / "docs" / "forecasting.md"


@pytest.mark.parametrize("name", written.FILES)
def test_what_is_made_from_the_code_is_current(name: str):
    assert (written.PROJECT / name).read_text() == written.FILES[name](), "run `make docs`"


def test_what_is_missing_or_changed_by_hand_is_named(tmp_path: Path, monkeypatch):
    assert written.old(tmp_path) == list(written.FILES)
    written.write(tmp_path)
    assert written.old(tmp_path) == []
    (tmp_path / ".env.example").write_text("by hand")
    assert written.old(tmp_path) == [".env.example"]
    monkeypatch.setattr(sys, "argv", ["written", "--check"])
    monkeypatch.setattr(written, "old", lambda: ["docs/events"])
    with pytest.raises(SystemExit, match="docs/events: not"):
        written.main()


def test_every_function_is_in_the_diagram():
    for function in FUNCTIONS.values():
        name = function.name.removeprefix(f"{EXPRESS}-")  # drawn once, with arrows for two lanes
        assert f" {name}" in mermaid()
        topic = bulk(function.inputs[0])
        assert f"-- {'⇉ ' if len(lanes(topic)) > 1 else ''}{topic} -->" in mermaid()


def test_every_built_in_strategy_is_described():
    described = set(re.findall(r"`([\w-]+)`", FORECASTING.read_text().split("## What a run")[0]))
    assert set(BUILT_IN) <= described
    assert set(BUILT_IN["auto"].candidates) <= described
