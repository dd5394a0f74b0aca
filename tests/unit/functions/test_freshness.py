from datetime import UTC, date, datetime, timedelta

import pytest

from functions.freshness import is_gone, staleness
from functions.records import DayForecast, Forecast

FIRST = date(2026, 11, 23)
DAY = timedelta(days=1)


def served(newest: date | None, since: date = FIRST, days: int = 7) -> Forecast:
    of_days = tuple(DayForecast(FIRST + n * DAY, 1.0, 0.0, 2.0) for n in range(days))
    at = datetime(since.year, since.month, since.day, 5, tzinfo=UTC)
    return Forecast("1", "milk", "m", of_days, newest_sale=newest, served_since=at)


@pytest.mark.parametrize("newest", [FIRST - 9 * DAY, FIRST - DAY, FIRST])
@pytest.mark.parametrize("today", [FIRST - DAY, FIRST, FIRST + 6 * DAY])
def test_a_forecast_of_the_coming_days_is_fresh(newest, today):
    assert staleness(served(newest), today) is None


def test_a_forecast_whose_days_have_been_sold_is_stale_since_it_should_have_moved_on():
    stale = staleness(served(FIRST + 3 * DAY), FIRST + 4 * DAY)
    assert stale is not None
    assert stale.since == FIRST + DAY
    assert stale.reason == (
        "it begins on 2026-11-23, which is past: sales are known through 2026-11-26; roll it "
        "forward"
    )
    assert staleness(served(FIRST, days=1), FIRST) is not None, "of one day"


def test_a_forecast_whose_days_have_gone_by_without_sales_is_stale():
    stale = staleness(served(FIRST - DAY), FIRST + 9 * DAY)
    assert stale is not None
    assert stale.since == FIRST + 7 * DAY
    assert "no sales after 2026-11-22 have come in" in stale.reason


def test_days_long_past_are_not_stale_by_the_clock_where_sales_are_as_old():
    years_later = FIRST + timedelta(days=4000)
    assert staleness(served(FIRST - DAY, since=years_later), years_later) is None


def test_a_series_without_sales_any_more_is_gone_and_not_stale():
    assert is_gone(served(None))
    assert staleness(served(None), FIRST + 9 * DAY) is None
    assert not is_gone(served(FIRST - DAY))
