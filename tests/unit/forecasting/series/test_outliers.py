import numpy as np
import pytest

from functions.forecasting.series.outliers import FAR_OFF, FORMER, MIN_ROWS, OUTAGE, why_discounted
from tests.unit.forecasting.shapes import DAYS, shaped


def left_out(panel) -> list[int]:
    """How many days ago the discounted days are."""
    ago = (panel.dates[-1] - panel.dates).astype(int)
    return ago[why_discounted(panel) > 0].tolist()


@pytest.mark.parametrize(
    ("why", "changed"),
    [
        (FAR_OFF, lambda u, ago: np.where(ago == 20, 100 * u, u)),
        (OUTAGE, lambda u, ago: np.where((ago >= 60) & (ago < 240), 0, u)),
        (FORMER, lambda u, ago: np.where(ago >= 500, u / 50, u)),
    ],
)
def test_the_reason_is_told_apart(why, changed):
    found = why_discounted(shaped(changed, days=1000))
    assert set(found[found > 0].tolist()) == {why}


def test_an_ordinary_series_loses_no_day():
    assert [left_out(shaped(seed=seed)) for seed in range(20)] == [[]] * 20


@pytest.mark.parametrize("ago", [0, 1, 3, 20, 200, DAYS - 1])
@pytest.mark.parametrize("factor", [100.0, 0.0])
def test_a_day_far_beyond_its_neighbours_is_left_out(ago, factor):
    panel = shaped(lambda units, days: np.where(days == ago, factor * units, units))
    assert left_out(panel) == [ago]


def test_two_bad_days_of_one_weekday_are_left_out():
    assert left_out(shaped(lambda u, ago: np.where(np.isin(ago, (7, 21)), 100 * u, u))) == [21, 7]


def test_a_stock_out_of_three_weeks_is_left_out():
    panel = shaped(lambda u, ago: np.where((ago >= 19) & (ago < 40), 0, u))
    assert left_out(panel) == list(range(39, 18, -1))


def test_an_outage_of_half_a_year_is_left_out():
    panel = shaped(lambda u, ago: np.where((ago >= 60) & (ago < 240), 0, u))
    assert set(range(60, 240)) <= set(left_out(panel))


@pytest.mark.parametrize("factor", [0.2, 5.0, 0.0])
@pytest.mark.parametrize("days", [3, 12, 25])
def test_a_level_that_stays_is_no_bad_day(factor, days):
    assert left_out(shaped(lambda u, ago: np.where(ago < days, factor * u, u))) == []


def test_a_day_that_a_driver_explains_is_kept():
    is_sale = (np.arange(DAYS)[::-1] == 30).astype(float)
    panel = shaped(lambda u, ago: np.where(ago == 30, 10 * u, u), drivers={"black_friday": is_sale})
    assert left_out(panel) == []


def test_a_day_that_comes_every_year_is_kept():
    panel = shaped(lambda u, ago: np.where(np.isin(ago, (20, 384)), 0, u), days=800)
    assert left_out(panel) == []


def test_a_time_on_another_level_that_is_long_over_is_left_out():
    panel = shaped(lambda u, ago: np.where(ago >= 500, u / 50, u), days=1000)
    assert set(range(520, 1000)) <= set(left_out(panel))
    assert max(set(range(1000)) - set(left_out(panel))) > 400


def test_zeros_of_a_slow_mover_are_its_sales():
    rng = np.random.default_rng(4)
    panel = shaped(lambda u, ago: rng.poisson(0.3, len(u)).astype(float))
    assert left_out(panel) == []


def test_a_short_history_has_nothing_usual():
    panel = shaped(lambda u, ago: np.where(ago == 3, 100 * u, u), days=MIN_ROWS - 1)
    assert left_out(panel) == []


def test_a_series_is_judged_by_itself():
    """In company, and in any order."""
    odd = shaped(lambda u, ago: np.where(ago == 9, 100 * u, u))
    even = shaped(seed=2)
    for panels in ([odd, even], [even, odd]):
        both = type(odd).concat(
            [
                type(odd)(((str(i), "x"),), p.offsets, p.dates, p.units, p.is_open)
                for i, p in enumerate(panels)
            ]
        )
        assert why_discounted(both).tolist() == [
            *map(int, why_discounted(panels[0])),
            *map(int, why_discounted(panels[1])),
        ]
