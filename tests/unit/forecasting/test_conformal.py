import numpy as np
import pytest

from functions.forecasting.conformal import SHRINKAGE_DAYS, widened, widening
from functions.forecasting.scale import Band

SHAPE = (1, 5, 7)


def band(shape: tuple[int, ...] = SHAPE, below: float = 10.0, above: float = 20.0) -> Band:
    """Forecasts of 100 from 90 to 120."""
    yhat = np.full(shape, 100.0)
    return Band(yhat, yhat - below, yhat + above)


def test_an_interval_that_covers_is_left_alone():
    assert widening(np.full(SHAPE, 105.0), band(), 0.95).tolist() == [1.0]


def test_misses_on_either_side_count_in_units_of_that_sides_reach():
    above, below = np.full(SHAPE, 100.0 + 2.5 * 20), np.full(SHAPE, 100.0 - 2.5 * 10)
    assert widening(above, band(), 0.95) == pytest.approx([2.5])
    assert widening(below, band(), 0.95) == pytest.approx([2.5])


def test_a_widened_interval_covers_the_days_it_was_made_for():
    rng = np.random.default_rng(1)
    actual = 100 + 15 * rng.standard_t(5, (60, 5, 7))
    times = widening(actual, band((60, 5, 7), 10, 10), 0.9)
    wide = widened(band((60, 5, 7), 10, 10), times)
    covered = ((actual >= wide.lower) & (actual <= wide.upper)).mean()
    assert 0.88 < covered < 0.97
    assert (times > 1).all()


def test_a_series_own_misses_are_shrunk_towards_the_fleets():
    """One series misses 4 reaches, nine miss 1; all of 35 days, as many as the fleet weighs."""
    assert SHRINKAGE_DAYS == 35
    actual = np.full((10, 5, 7), 110.0)
    actual[0] = 140.0
    times = widening(actual, band((10, 5, 7), 10, 10), 0.5)
    assert times[0] == pytest.approx(np.sqrt(4 * 1), rel=1e-6)
    assert times[1:].tolist() == pytest.approx([1.0] * 9, rel=1e-6)


def test_no_interval_is_widened_beyond_five_times():
    assert widening(np.full(SHAPE, 1e9), band(), 0.95).tolist() == [5.0]
    flat = Band(*[np.full(SHAPE, 100.0)] * 3)
    assert widening(np.full(SHAPE, 101.0), flat, 0.95).tolist() == [5.0]


def test_days_without_a_value_or_a_forecast_count_for_nothing():
    actual = np.full((2, 5, 7), np.nan)
    assert widening(actual, band((2, 5, 7)), 0.95).tolist() == [1.0, 1.0]
    actual[0] = 150.0
    found = widening(actual, band((2, 5, 7)), 0.95)
    assert found == pytest.approx([2.5, 2.5])  # without days of its own: the fleet's


def test_a_widened_interval_is_not_below_zero_and_its_forecast_is_the_same():
    wide = widened(band((2, 1, 1)), np.array([20.0, 1.0]))
    assert wide.lower.ravel().tolist() == [0.0, 90.0]
    assert wide.upper.ravel().tolist() == [500.0, 120.0]
    assert wide.yhat.ravel().tolist() == [100.0, 100.0]
