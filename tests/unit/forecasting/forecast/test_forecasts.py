from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from functions.forecasting.baselines.baseline import BaselineModel
from functions.forecasting.forecast.forecasts import UPPER_CAP, forecast
from functions.forecasting.model import SeriesModel
from functions.forecasting.prophet.intervals import half_widths
from functions.forecasting.prophet.parameters import ProphetParameters, Regressor
from functions.forecasting.prophet.prediction import predict
from functions.forecasting.series.calendar import Calendar
from tests.unit.forecasting.walks import served, week_of

MONDAY = date(2015, 5, 4)  # the day after the made-up model's last one

# Sells its weekday's number (0 on Mondays to 6 on Sundays), ten times as much on promotion.
FLAT = BaselineModel(
    "naive", (*range(7), *range(0, 70, 10)), below=-1.0, above=2.0, promotion="promo"
)


def leveled(model: BaselineModel = FLAT, **fields) -> SeriesModel:
    return SeriesModel((model,), **{"last_day": date(2015, 5, 3), "cap": 1e6, **fields})


def test_a_forecast_is_the_prediction_with_its_interval(made_up: ProphetParameters):
    week = week_of([made_up], MONDAY)
    yhat = predict([made_up], week.dates)
    width = half_widths([made_up], np.arange(1, 8)[None, :], 0.95)
    assert week.dates[0] == np.datetime64(MONDAY)
    np.testing.assert_allclose(week.yhat, yhat)
    np.testing.assert_allclose(week.upper, yhat + width)
    np.testing.assert_allclose(week.lower, np.maximum(yhat - width, 0))
    assert not week.bounded.any()
    assert week.assumed == [[()] * 7]


def test_the_log_scale_forecasts_between_the_median_and_the_mean(made_up: ProphetParameters):
    noise, center = 0.4, 3.0
    log = replace(made_up, scale="log", y_scale=10.0, k=0.0, m=center / 10, sigma_obs=noise / 10)
    log = replace(log, delta=(0.0,) * 25, beta=(0.0,) * 6)
    z = 1.959963984540054
    for share in (0.0, 0.5, 1.0):
        week = week_of([replace(log, smearing=share)], MONDAY)
        np.testing.assert_allclose(week.yhat, np.expm1(center + share * noise**2 / 2))
        np.testing.assert_allclose(week.upper, np.expm1(center + z * noise), rtol=1e-6)
        np.testing.assert_allclose(week.lower, np.expm1(center - z * noise), rtol=1e-6)


def test_the_recent_residual_is_added_on_every_day(made_up: ProphetParameters):
    moved = week_of([replace(made_up, shift=0.1)], MONDAY).yhat
    np.testing.assert_allclose(moved, week_of([made_up], MONDAY).yhat + 0.1 * made_up.y_scale)


def test_members_forecast_their_mean(made_up: ProphetParameters):
    level = BaselineModel("naive", (5000.0,) * 14, below=-500.0, above=900.0, promotion=None)
    both = forecast([served(made_up, level)], MONDAY, 7)
    one, other = forecast([served(made_up), leveled(level)], MONDAY, 7).yhat
    np.testing.assert_allclose(both.yhat[0], (one + other) / 2)
    [alone] = week_of([made_up], MONDAY).upper
    np.testing.assert_allclose(both.upper[0], (alone + 5900) / 2)


def test_models_of_any_number_of_members_keep_to_their_own(made_up: ProphetParameters):
    level = BaselineModel("naive", (50.0,) * 14, below=-5.0, above=9.0, promotion=None)
    fleet = [served(made_up, level, made_up), leveled(level), served(made_up), leveled(FLAT)]
    together = forecast(fleet, MONDAY, 7)
    for i, model in enumerate(fleet):
        alone = forecast([model], MONDAY, 7)
        np.testing.assert_allclose(together.yhat[i], alone.yhat[0])
        np.testing.assert_allclose(together.lower[i], alone.lower[0])
        np.testing.assert_allclose(together.upper[i], alone.upper[0])


def test_levels_are_the_weekdays_and_the_promotions():
    drivers = np.zeros((1, 7, 1))
    drivers[0, [1, 5], 0] = 1
    calendar = Calendar(MONDAY, np.ones((1, 7), np.int8), ("promo",), drivers)
    week = forecast([leveled()], MONDAY, 7, calendar)
    assert week.yhat[0].tolist() == [0, 10, 2, 3, 4, 50, 6]
    assert week.lower[0].tolist() == [0, 9, 1, 2, 3, 49, 5]
    assert week.upper[0].tolist() == [2, 12, 4, 5, 6, 52, 8]


def test_another_level_of_the_interval_reaches_as_far_as_a_normal_errors_would():
    wide = forecast([leveled()], MONDAY, 7, level=0.99)
    narrow = forecast([leveled()], MONDAY, 7, level=0.5)
    assert (wide.upper - wide.yhat)[0, 3] == pytest.approx(2 * 2.5758293 / 1.9599640)
    assert (narrow.upper - narrow.yhat)[0, 3] == pytest.approx(2 * 0.6744898 / 1.9599640)


def test_a_widened_interval_reaches_that_many_times_as_far_but_not_below_zero():
    week = forecast([leveled(interval_scale=(3.0,) * 7)], MONDAY, 7)
    assert week.lower[0].tolist() == [0, 0, 0, 0, 1, 2, 3]
    assert week.upper[0].tolist() == [6, 7, 8, 9, 10, 11, 12]


def test_no_forecast_is_above_the_cap_and_says_where_it_would_have_been():
    week = forecast([leveled(cap=4.0, interval_scale=(10.0,) * 7)], MONDAY, 7)
    assert week.yhat[0].tolist() == [0, 1, 2, 3, 4, 4, 4]
    assert week.bounded[0].tolist() == [False] * 5 + [True] * 2
    assert week.upper.max() == UPPER_CAP * 4.0
    assert (week.lower <= week.yhat).all()


def test_closed_weekdays_are_exactly_zero(made_up: ProphetParameters):
    model = replace(served(made_up), closed_weekdays=(2, 6), cap=1.0)
    fortnight = forecast([model], MONDAY, 14)
    closed = np.isin(np.arange(14) % 7, [2, 6])
    for values in (fortnight.yhat, fortnight.lower, fortnight.upper, fortnight.bounded):
        assert (values[0, closed] == 0).all()
        assert (values[0, ~closed] != 0).all()


def test_the_calendar_goes_before_the_weekday(made_up: ProphetParameters):
    said = np.array([[1, -1, 0, -1, -1, -1, 1], [-1] * 7], np.int8)
    calendar = Calendar(MONDAY, said, (), np.empty((2, 7, 0)))
    model = replace(served(made_up), closed_weekdays=(1, 6))
    week = forecast([model, model], MONDAY, 7, calendar)
    assert np.flatnonzero(week.yhat[0] == 0).tolist() == [1, 2]
    assert np.flatnonzero(week.upper[0] == 0).tolist() == [1, 2]
    assert np.flatnonzero(week.yhat[1] == 0).tolist() == [1, 6]


def test_a_driver_that_nobody_planned_has_its_usual_value_and_is_named():
    typical = {"promo": (0.0, 0.0, 0.5, 0.0, 0.0, 0.0, 1.0)}
    drivers = np.full((1, 7, 1), np.nan)
    drivers[0, :2, 0] = 1, 0
    said = np.array([[-1, -1, -1, -1, 0, -1, -1]], np.int8)
    calendar = Calendar(MONDAY, said, ("promo",), drivers)
    week = forecast([leveled(typical_drivers=typical)], MONDAY, 7, calendar)
    assert week.yhat[0].tolist() == [0, 1, 11, 3, 0, 5, 60]
    assert week.assumed == [[(), (), ("promo",), ("promo",), (), ("promo",), ("promo",)]]


def test_a_driver_that_moves_no_forecast_is_neither_used_nor_assumed(made_up):
    calendar = Calendar(MONDAY, np.ones((1, 7), np.int8), ("price",), np.full((1, 7, 1), 1e9))
    week = week_of([made_up], MONDAY, calendar)
    np.testing.assert_array_equal(week.yhat, week_of([made_up], MONDAY).yhat)
    known = forecast([replace(served(made_up), typical_drivers={"price": (1.0,) * 7})], MONDAY, 7)
    assert known.assumed == [[()] * 7]


def test_regressors_move_a_day_by_what_their_column_says(made_up: ProphetParameters):
    moved = replace(
        made_up,
        regressors=(
            Regressor("driver/promo", 10.0, mean=0.5, std=0.25, beta=0.02),
            Regressor("driver/promo/sat", 0.03, mean=0.0, std=1.0, beta=0.3),
            Regressor("month/early", 0.03, mean=0.0, std=1.0, beta=-0.1),
        ),
    )
    drivers = np.zeros((1, 7, 1))
    drivers[0, [0, 5], 0] = 1
    calendar = Calendar(date(2015, 4, 30), np.ones((1, 7), np.int8), ("promo",), drivers)
    plain = week_of([made_up], date(2015, 4, 30)).yhat
    week = week_of([moved], date(2015, 4, 30), calendar)  # a Thursday
    off, on = 0.02 * (0 - 0.5) / 0.25, 0.02 * (1 - 0.5) / 0.25
    effect = np.array([on, off - 0.1, off - 0.1, off - 0.1, off, on, off])
    np.testing.assert_allclose((week.yhat - plain)[0] / made_up.y_scale, effect, atol=1e-12)
    saturday = week_of([moved], date(2015, 5, 9), replace(calendar, start=date(2015, 5, 9)))
    before = week_of([made_up], date(2015, 5, 9)).yhat
    assert (saturday.yhat - before)[0, 0] / made_up.y_scale == pytest.approx(on + 0.3)


def test_days_beside_an_unusual_closing_are_told_apart(made_up: ProphetParameters):
    names = ("closed/-4", "closed/-3", "closed/-2", "closed/-1", "closed/1")
    effects = (0.01, 0.02, 0.03, 0.04, 0.05)
    model = replace(
        made_up,
        regressors=tuple(
            Regressor(name, 0.03, mean=0.0, std=1.0, beta=beta)
            for name, beta in zip(names, effects, strict=True)
        ),
    )
    series = replace(served(model), closed_weekdays=(6,), rest_weekdays=(6,))
    said = np.full((1, 14), -1, np.int8)
    said[0, [0, 8]] = 0  # the Sunday before is closed as ever, the Monday of next week is not
    calendar = Calendar(date(2015, 5, 3), said, (), np.empty((1, 14, 0)))
    week = forecast([series], MONDAY, 7, calendar)
    plain = forecast([replace(series, members=(made_up,))], MONDAY, 7, calendar)
    moved = (week.yhat - plain.yhat)[0] / made_up.y_scale
    # Monday the 11th is closed: Thursday to Saturday are 4 to 2 days before it; Sunday is shut.
    np.testing.assert_allclose(moved, [0, 0, 0, 0.01, 0.02, 0.03, 0], atol=1e-12)
    after = forecast([series], date(2015, 5, 12), 2, calendar)
    after_plain = forecast([replace(series, members=(made_up,))], date(2015, 5, 12), 2, calendar)
    moved = (after.yhat - after_plain.yhat)[0] / made_up.y_scale
    np.testing.assert_allclose(moved, [0.05, 0], atol=1e-12)


def test_nothing_is_negative_and_bounds_enclose_the_forecast(made_up: ProphetParameters):
    falling = [replace(made_up, m=m) for m in np.linspace(-2, 1, 30).tolist()]
    month = forecast([served(model) for model in falling], MONDAY, 28)
    assert (month.lower >= 0).all()
    assert (month.lower <= month.yhat).all()
    assert (month.yhat <= month.upper).all()
    assert (month.upper[0] == 0).any()


def test_one_day_is_the_first_of_a_week(made_up: ProphetParameters):
    day, week = forecast([served(made_up)], MONDAY, 1), week_of([made_up], MONDAY)
    np.testing.assert_allclose(day.upper, week.upper[:, :1])


def test_each_model_counts_from_its_own_last_day(made_up: ProphetParameters):
    stale = replace(made_up, first_day=date(2014, 12, 8))
    week = week_of([made_up, stale], MONDAY)
    widths = week.upper - week.yhat
    assert (widths[1] > widths[0]).all()


def test_no_models_give_empty_forecasts():
    assert forecast([], MONDAY, 7).yhat.shape == (0, 7)


def test_a_horizon_of_no_days_and_a_level_that_is_no_probability_are_refused(made_up):
    with pytest.raises(ValueError, match="at least 1 is needed"):
        forecast([served(made_up)], MONDAY, 0)
    with pytest.raises(ValueError, match=r"must be within \(0, 1\), not 95"):
        forecast([served(made_up)], MONDAY, 7, level=95)


def test_a_calendar_of_other_series_is_refused(made_up):
    with pytest.raises(ValueError, match="a calendar of 2 series does not fit 1 models"):
        week_of([made_up], MONDAY, Calendar.unknown(2, MONDAY, 7))
