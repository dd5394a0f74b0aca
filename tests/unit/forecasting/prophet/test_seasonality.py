from datetime import date

import numpy as np
import pandas as pd
import pytest

from functions.forecasting.prophet.quiet import Prophet
from functions.forecasting.prophet.seasonality import (
    auto_terms,
    columns,
    seasonalities,
    seasonalities_of,
)
from functions.forecasting.strategy import ProphetStrategy
from tests.unit.forecasting.generated import days_from

FULL = ProphetStrategy(name="full", window_days=None)
FIRST = date(2013, 1, 1)


def names(dates: np.ndarray) -> list[str]:
    return [term.name for term in seasonalities_of(dates, FULL)]


def prophets_names(dates: np.ndarray) -> list[str]:
    prophet = Prophet(daily_seasonality=False)
    prophet.history = pd.DataFrame({"ds": dates.astype("datetime64[ns]")})
    prophet.set_auto_seasonalities()
    return list(prophet.seasonalities)


@pytest.mark.parametrize(
    "dates",
    [
        pytest.param(days_from(FIRST, days), id=f"{days} days")
        for days in (1, 13, 14, 15, 120, 730, 731, 940)
    ]
    + [
        pytest.param(days_from(FIRST, 900)[::7], id="once a week, too few rows for a year"),
        pytest.param(days_from(FIRST, 900)[::8][:20], id="never twice a week"),
        pytest.param(np.delete(days_from(FIRST, 940), slice(540, 720)), id="half a year missing"),
    ],
)
def test_terms_are_prophets_auto_rule_where_the_rows_are_enough(dates: np.ndarray):
    expected = prophets_names(dates)
    if len(dates) < 150 and "yearly" in expected:
        expected.remove("yearly")
    assert names(dates) == expected


def test_two_islands_years_apart_show_no_year():
    islands = np.r_[days_from(FIRST, 60), days_from(date(2017, 1, 1), 60)]
    assert prophets_names(islands) == ["yearly", "weekly"]
    assert names(islands) == ["weekly"]


def test_one_whole_year_and_a_later_month_show_no_year():
    assert names(np.r_[days_from(FIRST, 365), days_from(date(2015, 6, 1), 30)]) == ["weekly"]


def test_each_cut_has_terms_of_its_own():
    days = days_from(FIRST, 940).astype(np.int64)[None]
    terms = auto_terms(days, np.array([[10, 700, 731, 940]]))
    assert terms.weekly.tolist() == [[False, True, True, True]]
    assert terms.yearly.tolist() == [[False, False, True, True]]


def test_columns_are_prophets_whether_days_are_dense_or_scattered():
    terms = seasonalities(FULL, yearly=True, weekly=True)
    dense = days_from(FIRST, 200)
    scattered = np.array(["1990-05-17", "2061-01-01"], "datetime64[D]")
    for dates in (dense, scattered):
        stamps = pd.Series(dates.astype("datetime64[ns]"))
        expected = [Prophet.fourier_series(stamps, t.period, t.fourier_order) for t in terms]
        found = columns(terms, dates.astype(np.int64)[None])[0]
        np.testing.assert_allclose(found, np.concatenate(expected, axis=1), atol=1e-12)


def test_a_strategy_without_a_weekly_term_has_none():
    bare = ProphetStrategy(name="bare", window_days=None, weekly_order=0)
    assert seasonalities(bare, yearly=False, weekly=True) == ()
    assert columns((), np.array([[1, 2]])).shape == (1, 2, 0)
