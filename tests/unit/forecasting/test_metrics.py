import numpy as np
import pytest

from functions.forecasting.metrics import Metrics


def test_errors_of_a_fold_by_hand():
    metrics = Metrics.of(np.array([10.0, 20.0, 40.0]), np.array([11.0, 16.0, 40.0]))
    assert metrics.rmse == pytest.approx(np.sqrt(17 / 3))
    assert metrics.mape == pytest.approx((0.1 + 0.2 + 0) / 3)
    assert metrics.mae == pytest.approx(5 / 3)
    assert metrics.medae == 1.0


def test_mape_leaves_out_days_without_sales():
    assert Metrics.of(np.array([0.0, 10.0]), np.array([5.0, 11.0])).mape == pytest.approx(0.1)


def test_a_fold_without_sales_has_no_mape_but_the_other_errors():
    metrics = Metrics.of(np.zeros(3), np.ones(3))
    assert metrics == Metrics(rmse=1.0, mape=None, mae=1.0, medae=1.0)


def test_a_perfect_forecast_has_errors_of_zero():
    assert Metrics.of(np.ones(3), np.ones(3)) == Metrics(rmse=0.0, mape=0.0, mae=0.0, medae=0.0)


@pytest.mark.parametrize("scale", [1e200, 1e-200])
def test_huge_and_tiny_errors_neither_overflow_nor_vanish(scale: float):
    assert Metrics.of(np.zeros(2), np.array([3.0, 4.0]) * scale).rmse == pytest.approx(
        scale * np.sqrt(12.5)
    )


def test_folds_count_the_same_and_those_without_mape_are_left_out_of_it():
    mean = Metrics.mean([Metrics(1.0, 0.1, 2.0, 3.0), Metrics(3.0, None, 4.0, 5.0)])
    assert mean == Metrics(rmse=2.0, mape=0.1, mae=3.0, medae=4.0)


def test_no_mape_in_any_fold_is_none():
    assert Metrics.mean([Metrics(1.0, None, 1.0, 1.0)]).mape is None


def test_unequal_lengths_are_refused():
    with pytest.raises(ValueError, match="can't be compared"):
        Metrics.of(np.ones(3), np.ones(2))


def test_no_days_and_no_folds_are_refused():
    with pytest.raises(ValueError, match="at least 1"):
        Metrics.of(np.empty(0), np.empty(0))
    with pytest.raises(ValueError, match="at least 1"):
        Metrics.mean([])
