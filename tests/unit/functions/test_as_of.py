from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.planner.as_of import default_as_of, reached_day, too_late
from functions.records import Scope

DAY = timedelta(days=1)
FRIDAY = date(2015, 7, 31)


def scope(*newest: date) -> Scope:
    series = tuple((str(n), "milk") for n in range(len(newest)))
    return Scope(series, tuple((date(2015, 1, 1), last) for last in newest))


@pytest.mark.parametrize(
    ("ahead", "reached"),
    [
        ([0], 0),
        ([0, 0, 0, 2], 0),
        ([0, 0, 0, -2], 0),
        ([0, 2], 0),
        ([-1, 0, 2], 0),
        ([0, 0, 1, 1, 1], 1),
        ([0, 0, 1, 1], 0),
        ([-3, -2, -1, 0, 1, 2, 3], 0),
    ],
)
def test_the_day_is_the_one_that_most_series_have_reached(ahead, reached):
    assert reached_day([FRIDAY + n * DAY for n in ahead]) == FRIDAY + reached * DAY


@given(st.integers(3, 200), st.integers(-1000, 4000))
def test_one_early_or_late_till_moves_nobody_else(series, days):
    newest = [FRIDAY] * (series - 1) + [FRIDAY + days * DAY]
    assert reached_day(newest) == FRIDAY


def test_articles_that_have_ended_hold_nobody_back_though_they_are_most():
    ended = [FRIDAY - timedelta(days=200)] * 60
    assert reached_day([*ended, *[FRIDAY] * 35, *[FRIDAY - DAY] * 5]) == FRIDAY


def test_where_every_series_ended_by_itself_their_middle_day_is_taken():
    years = [FRIDAY - timedelta(days=365 * n) for n in range(3)]
    assert reached_day(years) == years[1]
    assert reached_day([]) is None


@pytest.mark.parametrize(
    ("today", "as_of"),
    [(FRIDAY + DAY, FRIDAY + DAY), (FRIDAY, FRIDAY + DAY), (FRIDAY - DAY, FRIDAY)],
)
def test_the_default_is_the_day_after_and_tomorrow_at_the_latest(today, as_of):
    assert default_as_of(scope(FRIDAY, FRIDAY), today) == as_of
    assert default_as_of(scope(), today) == today + DAY


def test_a_day_beyond_the_newest_sale_and_the_horizon_is_too_late():
    sold = scope(FRIDAY, FRIDAY - timedelta(days=90))
    assert too_late(FRIDAY + 7 * DAY, sold, 7) is None
    told = too_late(date(2016, 7, 31), sold, 7)
    assert told is not None
    assert told.field == "as_of"
    assert str(told).startswith("as_of: 2016-07-31 is 366 days after the newest sales (2015-07-31)")
    assert "choose a day to 2015-08-07" in told.fix
    assert too_late(date(2016, 7, 31), scope(), 7) is None, "of nothing"
