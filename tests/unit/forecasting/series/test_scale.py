import numpy as np
import pytest

from functions.forecasting.series.scale import Band, fitted_on, in_units, smeared

NAN = float("nan")
LOG, LINEAR = np.array(True), np.array(False)


def test_units_are_themselves_on_the_linear_scale_and_log_1p_on_the_other():
    units = np.array([0.0, 1.0, 9.0])
    assert fitted_on(units, "linear").tolist() == [0, 1, 9]
    assert fitted_on(units, "log").tolist() == np.log([1, 2, 10]).tolist()


def test_a_band_is_never_negative():
    band = in_units(np.array([-5.0, 1.0]), np.array([2.0, 3.0]), LINEAR, np.zeros(2))
    assert band.lower.tolist() == [0, 0]
    assert band.yhat.tolist() == [0, 1]
    assert band.upper.tolist() == [0, 4]


def test_the_log_scale_is_undone_and_smearing_moves_the_forecast_alone():
    center, width = np.array([2.0]), np.array([0.5])
    added = smeared(np.array(0.5), np.array([0.4]), LOG)
    band = in_units(center, width, LOG, added)
    assert band.yhat[0] == pytest.approx(np.expm1(2 + 0.5 * 0.16 / 2))
    assert band.lower[0] == pytest.approx(np.expm1(1.5))
    assert band.upper[0] == pytest.approx(np.expm1(2.5))


def test_a_smeared_forecast_stays_within_its_interval():
    band = in_units(np.array([2.0]), np.array([0.1]), LOG, np.array([9.0]))
    assert band.yhat == band.upper


def test_nothing_is_smeared_on_the_linear_scale_however_large():
    assert smeared(np.array([0.5]), np.array([1e300]), LINEAR).tolist() == [0.0]


def test_a_wild_fit_on_the_log_scale_does_not_overflow():
    band = in_units(np.array([1e6]), np.array([1e6]), LOG, np.array([1e6]))
    assert np.isfinite([band.yhat, band.lower, band.upper]).all()


def test_a_mean_of_bands_leaves_out_those_that_have_no_forecast_there():
    one = Band(*(np.array([1.0, 2.0, NAN, NAN]) + shift for shift in (0, -1, 1)))
    other = Band(*(np.array([3.0, NAN, 5.0, NAN]) + shift for shift in (0, -1, 1)))
    mean = Band.mean([one, other])
    np.testing.assert_array_equal(mean.yhat, [2, 2, 5, NAN])
    np.testing.assert_array_equal(mean.lower, [1, 1, 4, NAN])
    np.testing.assert_array_equal(mean.upper, [3, 3, 6, NAN])
    assert Band.mean([one]) is one
