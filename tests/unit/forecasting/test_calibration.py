import numpy as np
import pytest

from functions.forecasting.calibration import SHRINKAGE_DAYS, interval_scale, widened
from functions.forecasting.series.scale import Band

SHAPE = (1, 5, 7)


def weekdays(shape: tuple[int, ...] = SHAPE) -> np.ndarray:
    """Each fold is a week from Monday on."""
    return np.broadcast_to(np.arange(7.0), shape)


def times_of(actual: np.ndarray, forecasts: Band, level: float = 0.95) -> np.ndarray:
    return interval_scale(actual, forecasts, level, weekdays(actual.shape))


def band(shape: tuple[int, ...] = SHAPE, below: float = 10.0, above: float = 20.0) -> Band:
    """Forecasts of 100 from 90 to 120."""
    yhat = np.full(shape, 100.0)
    return Band(yhat, yhat - below, yhat + above)


def test_an_interval_that_covers_is_left_alone():
    actual = np.full(SHAPE, 100.0 + 20 * 0.999)
    assert times_of(actual, band()) == pytest.approx(np.ones((1, 7)), rel=1e-3)


def test_misses_on_either_side_count_in_units_of_that_sides_reach():
    above, below = np.full(SHAPE, 100.0 + 2.5 * 20), np.full(SHAPE, 100.0 - 2.5 * 10)
    assert times_of(above, band()) == pytest.approx(np.full((1, 7), 2.5))
    assert times_of(below, band()) == pytest.approx(np.full((1, 7), 2.5))


def test_a_widened_interval_covers_the_days_it_was_made_for():
    rng = np.random.default_rng(1)
    actual = 100 + 15 * rng.standard_t(5, (60, 5, 7))
    times = times_of(actual, band((60, 5, 7), 10, 10), 0.9)
    wide = widened(band((60, 5, 7), 10, 10), times, weekdays(actual.shape).astype(int))
    covered = ((actual >= wide.lower) & (actual <= wide.upper)).mean()
    assert 0.88 < covered < 0.97
    assert (times > 1).all()


def test_a_series_own_misses_are_shrunk_towards_the_fleets():
    """One series misses 4 reaches, nine miss 1; all of 35 days, as many as the fleet weighs."""
    assert SHRINKAGE_DAYS == 35
    actual = np.full((10, 5, 7), 110.0)
    actual[0] = 140.0
    times = times_of(actual, band((10, 5, 7), 10, 10), 0.5)
    assert times[0] == pytest.approx([np.sqrt(4 * 1)] * 7, rel=1e-6)
    assert times[1:] == pytest.approx(np.ones((9, 7)), rel=1e-6)


def test_no_interval_is_widened_beyond_five_times():
    assert times_of(np.full(SHAPE, 1e9), band()).tolist() == [[5.0] * 7]
    flat = Band(*[np.full(SHAPE, 100.0)] * 3)
    assert times_of(np.full(SHAPE, 101.0), flat).tolist() == [[5.0] * 7]


def test_days_without_a_value_or_a_forecast_count_for_nothing():
    actual = np.full((2, 5, 7), np.nan)
    assert times_of(actual, band((2, 5, 7))).tolist() == [[1.0] * 7] * 2
    actual[0] = 150.0
    found = times_of(actual, band((2, 5, 7)))
    assert found == pytest.approx(np.full((2, 7), 2.5))  # without days of its own: the fleet's


def scattered(at_weekends: float, series: int = 40) -> np.ndarray:
    """Sales about forecasts of 100 that reach 10 to each side, wilder on two weekdays."""
    noise = np.random.default_rng(2).normal(0, 3, (series, 5, 7))
    noise[:, :, 5:] *= at_weekends
    return 100 + noise


def test_weekdays_that_are_missed_more_often_reach_further_and_others_less_far():
    actual = scattered(at_weekends=3.0)
    even = band(actual.shape, 10, 10)
    times = times_of(actual, even)
    assert times[:, :5].max() < 1 < times[:, 5:].min()
    wide = widened(even, times, weekdays(actual.shape).astype(int))
    inside = (actual >= wide.lower) & (actual <= wide.upper)
    assert inside[:, :, :5].mean() < (np.abs(actual - 100) < 10)[:, :, :5].mean()
    assert inside[:, :, 5:].mean() == pytest.approx(0.95, abs=0.03)


def test_no_interval_of_a_series_with_days_of_no_sales_becomes_narrower():
    actual = scattered(at_weekends=3.0)
    actual[0, 0, 0] = 0
    times = times_of(actual, band(actual.shape, 10, 10))
    assert times[0].min() == 1.0
    assert times[1].min() < 1.0


def test_without_weekdays_all_are_alike_and_none_is_narrower():
    actual = scattered(at_weekends=3.0)
    times = interval_scale(actual, band(actual.shape, 10, 10), 0.95)
    assert (times == times[:, :1]).all()
    assert times.min() >= 1.0


def test_of_one_series_alone_weekdays_differ_by_little():
    times = times_of(scattered(at_weekends=3.0, series=1), band(SHAPE, 10, 10))
    assert times.max() / times.min() < 1.2


def test_a_widened_interval_is_not_below_zero_and_its_forecast_is_the_same():
    wide = widened(band((2, 1, 1)), np.array([[20.0] * 7, [1.0] * 7]), np.array(3))
    assert wide.lower.ravel().tolist() == [0.0, 90.0]
    assert wide.upper.ravel().tolist() == [500.0, 120.0]
    assert wide.yhat.ravel().tolist() == [100.0, 100.0]
