from datetime import date

import numpy as np
import pytest

from functions.forecasting.forecast.horizon import calendar_span, horizon_of
from functions.forecasting.prophet.parameters import ProphetParameters
from functions.forecasting.series.calendar import Calendar
from functions.forecasting.series.regressors import LOOK_AHEAD
from tests.unit.forecasting.walks import served

MONDAY = date(2015, 5, 4)
SAID = np.array([[1, 0, -1]], np.int8)


def test_drivers_come_in_the_order_asked_for_and_are_nan_where_there_are_none():
    calendar = Calendar(MONDAY, SAID, ("price", "promo"), np.arange(6.0).reshape(1, 3, 2))
    found = calendar.drivers_named(["promo", "weather"])
    np.testing.assert_array_equal(found[0, :, 0], [1, 3, 5])
    assert np.isnan(found[0, :, 1]).all()


@pytest.mark.parametrize(
    ("names", "shape", "message"),
    [
        (("promo",), (1, 2, 1), r"shape \(1, 2, 1\) do not fit \(1, 3\) days and 1 names"),
        (("promo", "price"), (1, 3, 2), "must rise"),
        (("promo", "promo"), (1, 3, 2), "must rise"),
    ],
)
def test_drivers_that_do_not_fit_are_refused(names, shape, message: str):
    with pytest.raises(ValueError, match=message):
        Calendar(MONDAY, SAID, names, np.zeros(shape))


def test_an_unknown_calendar_says_nothing_of_any_day():
    calendar = Calendar.unknown(2, MONDAY, 3)
    assert calendar.is_open.tolist() == [[-1] * 3] * 2
    assert calendar.drivers_named(["promo"]).shape == (2, 3, 1)


def test_a_horizon_should_know_the_day_before_it_and_those_that_a_closing_is_felt_ahead():
    start, days = calendar_span(MONDAY, 7)
    assert start == date(2015, 5, 3)
    assert days == 1 + 7 + LOOK_AHEAD


def test_a_calendar_may_begin_before_the_horizon_and_end_within_it(made_up: ProphetParameters):
    calendar = Calendar(
        date(2015, 5, 1), np.array([[0, 0, 0, 1, 0]], np.int8), (), np.empty((1, 5, 0))
    )
    horizon = horizon_of([served(made_up)], MONDAY, 4, calendar)
    assert horizon.is_open.tolist() == [[True, False, True, True]]
    # Sunday's closing is felt on Monday, and Tuesday's, ahead on Monday and after on Wednesday.
    assert horizon.facts.since_closed.tolist() == [1, 0, 1, 0]
    assert horizon.facts.until_closed.tolist() == [1, 0, 0, 0]


def test_a_calendar_that_ends_before_the_horizon_leaves_it_unknown(made_up: ProphetParameters):
    calendar = Calendar(date(2014, 1, 1), SAID, ("promo",), np.ones((1, 3, 1)))
    horizon = horizon_of([served(made_up)], MONDAY, 7, calendar)
    assert horizon.is_open.all()
    assert horizon.facts.driver_names == ()
