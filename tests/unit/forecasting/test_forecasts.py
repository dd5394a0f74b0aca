from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from functions.forecasting.forecasts import forecast
from functions.forecasting.intervals import half_widths
from functions.forecasting.parameters import ProphetParameters
from functions.forecasting.prediction import predict

MONDAY = date(2015, 5, 4)  # the day after the made-up model's last one


def test_a_forecast_is_the_prediction_with_its_interval(made_up: ProphetParameters):
    week = forecast([made_up], MONDAY, 7)
    yhat = predict([made_up], week.dates)
    width = half_widths([made_up], np.arange(1, 8)[None, :], 0.95)
    assert week.dates[0] == np.datetime64(MONDAY)
    np.testing.assert_allclose(week.yhat, yhat)
    np.testing.assert_allclose(week.upper, yhat + width)
    np.testing.assert_allclose(week.lower, np.maximum(yhat - width, 0))


def test_closed_weekdays_are_exactly_zero(made_up: ProphetParameters):
    fortnight = forecast([replace(made_up, closed_weekdays=(2, 6))], MONDAY, 14)
    closed = np.isin(np.arange(14) % 7, [2, 6])
    for values in (fortnight.yhat, fortnight.lower, fortnight.upper):
        assert (values[0, closed] == 0).all()
        assert (values[0, ~closed] != 0).all()


def test_nothing_is_negative_and_bounds_enclose_the_forecast(made_up: ProphetParameters):
    falling = [replace(made_up, m=m) for m in np.linspace(-2, 1, 30).tolist()]
    month = forecast(falling, MONDAY, 28)
    assert (month.lower >= 0).all()
    assert (month.lower <= month.yhat).all()
    assert (month.yhat <= month.upper).all()
    assert (month.upper[0] == 0).any()


def test_one_day_is_the_first_of_a_week(made_up: ProphetParameters):
    day, week = forecast([made_up], MONDAY, 1), forecast([made_up], MONDAY, 7)
    np.testing.assert_allclose(day.upper, week.upper[:, :1])


def test_each_model_counts_from_its_own_last_day(made_up: ProphetParameters):
    stale = replace(made_up, first_day=date(2014, 12, 8))
    week = forecast([made_up, stale], MONDAY, 7)
    widths = week.upper - week.yhat
    assert (widths[1] > widths[0]).all()


def test_no_models_give_empty_forecasts():
    assert forecast([], MONDAY, 7).yhat.shape == (0, 7)


def test_a_horizon_of_no_days_is_refused(made_up: ProphetParameters):
    with pytest.raises(ValueError, match="at least 1 is needed"):
        forecast([made_up], MONDAY, 0)
