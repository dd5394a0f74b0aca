"""The examples run as they stand, and what they print is right."""

import runpy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from prophet import Prophet

EXAMPLES = Path(__file__).parents[3] / "docs" / "examples"
MAX_LINES = 40  # more is no example but a program


def run(name: str) -> dict[str, Any]:
    """The example's variables when it has run."""
    return runpy.run_path(str(EXAMPLES / name))


def test_a_data_frame_is_trained_and_forecast_for_the_coming_week(capsys):
    found = run("train_a_data_frame.py")

    assert [each.key for each in found["trained"]] == [("1", "milk"), ("1", "rye")]
    # A Saturday sells 130 of milk and any other day 100, of rye a quarter of it.
    saturday = found["table"].index.weekday == 5
    expected = 100 + 30 * saturday[:, None] * [1, 1]
    np.testing.assert_allclose(found["table"] * [1, 4], expected, atol=8)
    assert len(capsys.readouterr().out.splitlines()) == 1 + 7


def test_a_strategy_of_ones_own_trains_its_members(monkeypatch, capsys):
    monkeypatch.setenv("SHELFCAST_STRATEGIES", "{}")  # what the example sets goes with the test
    found = run("strategy_of_your_own.py")

    assert len(found["result"].model.members) == 2
    assert capsys.readouterr().out.startswith("two-months-and-mean: WAPE ")
    assert found["result"].metrics.wape < 0.1


def test_a_real_prophet_says_the_same_as_the_stored_model_that_it_was_made_from():
    found = run("real_prophet.py")

    assert isinstance(found["prophet"], Prophet)
    np.testing.assert_allclose(found["predicted"]["yhat"], found["served"].yhat[0], rtol=1e-9)


@pytest.mark.parametrize("example", sorted(EXAMPLES.glob("*.py")), ids=lambda path: path.name)
def test_an_example_is_short_and_listed(example: Path):
    assert len(example.read_text().splitlines()) < MAX_LINES
    assert f"]({example.name})" in (EXAMPLES / "README.md").read_text()
