import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.forecasting.series.scale import Band
from functions.forecasting.training.metrics import (
    NAMES,
    UNMEASURED,
    Metrics,
    fold_metrics,
    mean_metrics,
    metrics_of,
)

NAN = float("nan")


def band(yhat: np.ndarray, reach: float = 0.0) -> Band:
    return Band(yhat, yhat - reach, yhat + reach)


def of(actual: list[float], yhat: list[float], reach: float = 0.0) -> Metrics:
    """The metrics of one fold of one series."""
    found = fold_metrics(np.array([[actual]]), band(np.array([[yhat]]), reach))
    assert found.shape == (1, 1, len(NAMES))
    return metrics_of(found[0, 0].tolist())


def test_a_folds_metrics_by_hand():
    metrics = of([10.0, 20.0, 40.0], [11.0, 16.0, 40.0], reach=2.0)
    assert metrics.rmse == pytest.approx(np.sqrt((1 + 16 + 0) / 3))
    assert metrics.mape == pytest.approx((0.1 + 0.2 + 0) / 3)
    assert metrics.mae == pytest.approx(5 / 3)
    assert metrics.medae == 1.0
    assert metrics.wape == pytest.approx(5 / 70)
    assert metrics.rmspe == pytest.approx(np.sqrt((0.01 + 0.04 + 0) / 3))
    assert metrics.bias == pytest.approx((1 - 4) / 70)
    assert metrics.coverage == pytest.approx(2 / 3)
    assert metrics.width == pytest.approx(4.0)


def test_percentages_of_days_leave_out_days_without_sales_but_sums_do_not():
    metrics = of([0.0, 10.0], [5.0, 11.0])
    assert metrics.mape == pytest.approx(0.1)
    assert metrics.rmspe == pytest.approx(0.1)
    assert metrics.wape == pytest.approx(0.6)
    assert metrics.bias == pytest.approx(0.6)


def test_a_fold_without_sales_has_no_percentage_but_the_other_errors():
    metrics = of([0.0, 0.0, 0.0], [1.0, 1.0, 1.0], reach=1.0)
    assert metrics == Metrics(
        rmse=1.0,
        mape=None,
        mae=1.0,
        medae=1.0,
        wape=None,
        rmspe=None,
        bias=None,
        coverage=1.0,
        width=2.0,
    )


def test_a_perfect_forecast_has_errors_of_zero_and_is_covered():
    metrics = of([1.0, 2.0], [1.0, 2.0])
    assert metrics == Metrics(*[0.0] * 7, coverage=1.0, width=0.0)


def test_a_fold_without_a_day_or_without_a_forecast_is_not_measured():
    assert of([NAN, NAN], [1.0, 2.0]) == UNMEASURED
    assert of([1.0, 2.0], [NAN, NAN]) == UNMEASURED
    assert of([5.0, NAN], [6.0, 1.0]) == of([5.0], [6.0])


@pytest.mark.parametrize("scale", [1e200, 1e-200])
def test_huge_and_tiny_errors_neither_overflow_nor_vanish(scale: float):
    metrics = of([0.0, 0.0], [3.0 * scale, 4.0 * scale])
    assert metrics.rmse == pytest.approx(scale * np.sqrt(12.5))
    assert of([scale, scale], [3 * scale, 4 * scale]).rmspe == pytest.approx(np.sqrt(6.5))
    assert of([scale**1.4] * 2, [0.0] * 2).rmspe == pytest.approx(1.0)


def test_folds_count_the_same_and_those_without_a_value_are_left_out_of_it():
    folds = np.full((2, 2, len(NAMES)), NAN)
    folds[0, :, Metrics.place("mae")] = 1.0, 3.0
    folds[0, 0, Metrics.place("mape")] = 0.1
    means = mean_metrics(folds)
    first = metrics_of(means[0].tolist())
    assert (first.mae, first.mape, first.rmse) == (2.0, 0.1, None)
    assert metrics_of(means[1].tolist()) == UNMEASURED


@settings(deadline=None)
@given(
    n=st.integers(1, 4),
    folds=st.integers(1, 5),
    days=st.integers(1, 20),
    scale=st.sampled_from([1.0, 1e12, 1e-6, 1e200, 0.0]),
    seed=st.integers(0, 999),
)
def test_many_folds_at_once_are_those_fold_by_fold(n, folds, days, scale, seed):
    rng = np.random.default_rng(seed)
    actual = rng.poisson(0.7, (n, folds, days)) * scale
    actual[:, :, -1] = np.where(rng.random((n, folds)) < 0.3, NAN, actual[:, :, -1])
    predicted = np.maximum(rng.normal(1, 1, (n, folds, days)), 0) * scale
    found = fold_metrics(actual, band(predicted, scale))
    for i in range(n):
        for k in range(folds):
            known = np.isfinite(actual[i, k])
            if not known.any():
                assert np.isnan(found[i, k]).all()
                continue
            y, yhat = actual[i, k, known], predicted[i, k, known]
            metrics = metrics_of(found[i, k].tolist())
            miss = np.abs(yhat - y)
            assert metrics.mae == pytest.approx(miss.mean(), rel=1e-12)
            assert metrics.medae == pytest.approx(np.median(miss), rel=1e-12)
            assert metrics.coverage == np.mean(np.abs(yhat - y) <= scale)
            sold = y != 0
            assert (metrics.mape is None) == (not sold.any())
            if sold.any():
                share = miss[sold] / y[sold]
                assert metrics.mape == pytest.approx(share.mean(), rel=1e-12)
                assert metrics.rmspe == pytest.approx(np.sqrt(np.mean(share**2)), rel=1e-12)
                assert metrics.wape == pytest.approx(miss.sum() / y.sum(), rel=1e-12)
                assert metrics.bias == pytest.approx((yhat - y).sum() / y.sum(), abs=1e-12)
