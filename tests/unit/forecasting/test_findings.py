"""Findings are data; their words stand in one place."""

import re
from pathlib import Path

import pytest

from functions.forecasting import findings
from functions.forecasting.findings import WORDS, said

VALUES = {
    "reason": "too odd",
    "rows": 3,
    "strategy": "windowed",
    "strategies": ["short"],
    "score": 1.25,
    "through": "2024-06-30",
    "days": 2,
    "last": "2024-06-28",
    "count": 3,
    "first": "price",
    "most": 64,
    "names": ["price", "promo"],
    "share": 0.5,
    "weekdays": 2,
    "since": "2024-01-01",
    "idle": 40,
    "as_of": "2024-07-01",
    "text": "as it was said",
}


@pytest.mark.parametrize("code", WORDS)
def test_every_code_has_words_that_hold_its_values(code):
    words = said(code, VALUES)
    assert words
    assert not words.startswith(f"{code}:"), "the bare data"
    assert not re.search(r"[{}]", words)


def test_one_day_and_many_are_told_in_their_number():
    assert said("days-far-off", {"days": 1, "last": "2024-06-28"}).startswith("2024-06-28 is far")
    assert said("days-far-off", VALUES).startswith("2 days, lastly 2024-06-28, are far")


def test_what_a_newer_version_says_is_shown_as_it_came():
    assert said("tomorrow", {}) == "tomorrow"
    assert said("tomorrow", {"days": 2, "why": "x"}) == "tomorrow: days 2, why x"
    assert said("ended", {"day": "2024-01-01"}) == "ended: day 2024-01-01"


def test_every_code_that_is_found_has_words():
    sources = [path.read_text() for path in Path(findings.__file__).parent.rglob("*.py")]
    found = {code for source in sources for code in re.findall(r'Finding\(\s*"([a-z-]+)"', source)}
    assert len(found) >= 10
    assert found <= WORDS.keys()
