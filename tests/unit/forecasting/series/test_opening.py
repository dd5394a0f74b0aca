from datetime import timedelta

import numpy as np
import pytest

from functions.forecasting.findings import said
from functions.forecasting.series.opening import Opening, opening
from tests.unit.forecasting.shapes import AS_OF, shaped


def of(kept, as_of=AS_OF) -> Opening:
    return opening(shaped(kept=kept), as_of)


def said_of(found: Opening) -> str:
    finding = found.findings[0][0]
    return said(finding.code, finding.values)


def test_a_series_that_is_always_open_is_so_and_nothing_is_said():
    found = of(lambda ago, weekday: ago >= 0)
    assert found.chances.tolist() == [[1.0] * 7]
    assert (found.of(0), found.findings) == ((), [[]])


@pytest.mark.parametrize(
    ("kept", "closed"),
    [
        (lambda ago, weekday: weekday != 6, {6}),
        (lambda ago, weekday: (weekday != 6) | (ago == 49), {6}),
        (lambda ago, weekday: (weekday == 5) & (ago < 41), {0, 1, 2, 3, 4, 6}),
        (lambda ago, weekday: (weekday < 5) | (ago > 28), {5, 6}),
        (lambda ago, weekday: (weekday < 5) & (ago < 12), {5, 6}),
        (lambda ago, weekday: (weekday < 6) | (ago < 21), set()),
        (lambda ago, weekday: ago < 4, set()),
        (lambda ago, weekday: (ago < 20) | (ago > 200), set()),
        (lambda ago, weekday: (ago < 10) | (ago >= 24), set()),
    ],
    ids=[
        "closed on Sundays",
        "one special Sunday",
        "a market on six Saturdays",
        "no more at weekends, for four weeks",
        "two working weeks",
        "open on Sundays since three weeks",
        "four days in all",
        "half a year of conversion",
        "two weeks of holiday",
    ],
)
def test_weekdays_are_open_or_closed_by_what_was_lately(kept, closed):
    found = of(kept)
    assert found.chances[0].tolist() == [float(day not in closed) for day in range(7)]
    assert found.findings == [[]]


def test_a_market_every_other_week_is_open_by_half_a_chance():
    found = of(lambda ago, weekday: (weekday == 5) & (ago // 7 % 2 == 0))
    assert found.chances[0, 5] == pytest.approx(0.5, abs=0.1)
    assert found.chances[0, :5].tolist() == [0.0] * 5
    assert "of the days of 1 weekdays" in said_of(found)


def test_a_feed_without_zeros_counts_by_how_often_it_has_a_row():
    rng = np.random.default_rng(1)
    feeds = [of(lambda ago, weekday: rng.random(len(ago)) < 0.1) for _ in range(40)]
    for found in feeds:
        assert len(set(found.chances[0].tolist())) == 1
        assert "send a day without a sale as 0 units" in said_of(found)
    assert np.mean([found.chances[0, 0] for found in feeds]) == pytest.approx(0.1, abs=0.02)


@pytest.mark.parametrize(
    ("idle", "chance", "fate"),
    [(28, 1.0, None), (56, 0.5, "fades out"), (84, 0.25, "fades out"), (200, 0.0, "ended")],
)
def test_a_series_that_is_not_open_any_more_fades_and_is_said_to(idle, chance, fate):
    found = of(lambda ago, weekday: ago >= 0, AS_OF + timedelta(days=idle))
    assert found.chances[0] == pytest.approx([chance] * 7, rel=1e-6)
    assert (fate is None) == (found.findings == [[]])
    if fate is not None:
        assert fate in said_of(found)
        assert f"since 2026-11-22, {idle} days before" in said_of(found)
