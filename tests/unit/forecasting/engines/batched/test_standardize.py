import numpy as np
import pandas as pd
import pytest

from functions.forecasting.engines.batched.standardize import standards
from functions.forecasting.prophet.quiet import Prophet

rng = np.random.default_rng(8)
WINDOW = {
    "promo": np.tile([0.0, 1.0, 0.0, 0.0, 1.0], 8),
    "binary only later": np.r_[np.tile([0.0, 1.0], 15), np.full(10, 2.0)],
    "price": 1e6 + rng.normal(0, 1, 40),
    "year": np.repeat([2013.0, 2014.0], 20),
    "tiny": rng.normal(0, 1e-9, 40),
    "huge": rng.normal(0, 1e100, 40),
}
CUTS = np.array([[5, 30, 40]])


@pytest.mark.parametrize("name", WINDOW)
def test_each_window_is_standardised_as_prophet_does_it(name: str):
    values = WINDOW[name]
    found = standards(values[None, :, None], CUTS)
    for i, cut in enumerate(CUTS[0]):
        prophet = Prophet()
        prophet.add_regressor("driver")
        window = pd.DataFrame({"ds": pd.date_range("2015-01-01", periods=cut), "y": 1.0})
        prophet.initialize_scales(True, window.assign(driver=values[:cut]))
        expected = prophet.extra_regressors["driver"]
        assert found.mean[i, 0] == pytest.approx(expected["mu"], rel=1e-9, abs=1e-200)
        assert found.std[i, 0] == pytest.approx(expected["std"], rel=1e-7)


def test_a_constant_driver_is_left_out_of_the_windows_in_which_it_is_constant():
    values = np.r_[np.full(30, 0.1), np.full(10, 0.2)]
    assert standards(values[None, :, None], CUTS).varies[:, 0].tolist() == [False, False, True]


def test_rows_after_the_last_cut_count_for_nothing():
    values = np.r_[WINDOW["price"], np.full(5, np.nan), 1e300]
    ours, alone = (standards(v[None, :, None], CUTS) for v in (values, values[:40]))
    assert ours.mean.tolist() == alone.mean.tolist()
    assert ours.std.tolist() == alone.std.tolist()


def test_no_drivers_have_no_standards():
    assert standards(np.empty((2, 10, 0)), np.array([[5], [6]])).mean.shape == (2, 0)
