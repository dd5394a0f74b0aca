import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.forecasting.fold_errors import fold_errors
from functions.forecasting.metrics import Metrics


@settings(deadline=None)
@given(
    n=st.integers(1, 4),
    folds=st.integers(1, 5),
    days=st.integers(1, 20),
    scale=st.sampled_from([1.0, 1e12, 1e-6, 1e200, 0.0]),
    seed=st.integers(0, 999),
)
def test_errors_are_those_of_the_metrics_fold_by_fold(n, folds, days, scale, seed):
    rng = np.random.default_rng(seed)
    actual = rng.poisson(0.7, (n, folds, days)) * scale
    predicted = np.maximum(rng.normal(1, 1, (n, folds, days)), 0) * scale
    found = fold_errors(actual, predicted)
    for i in range(n):
        by_fold = zip(actual[i], predicted[i], strict=True)
        expected = Metrics.mean([Metrics.of(a, p) for a, p in by_fold])
        assert found[i].rmse == pytest.approx(expected.rmse, rel=1e-12)
        assert (found[i].mape is None) == (expected.mape is None)
        assert (found[i].mape or 0) == pytest.approx(expected.mape or 0, rel=1e-12)
        assert found[i].mae == pytest.approx(expected.mae, rel=1e-12)
        assert found[i].medae == pytest.approx(expected.medae, rel=1e-12)


def test_series_without_any_sale_have_no_mape():
    [metrics] = fold_errors(np.zeros((1, 2, 3)), np.ones((1, 2, 3)))
    assert metrics == Metrics(rmse=1.0, mape=None, mae=1.0, medae=1.0)
