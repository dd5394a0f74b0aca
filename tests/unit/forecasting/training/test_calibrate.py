import numpy as np
import pytest

from functions.forecasting.strategy import BUILT_IN, NAIVE, ProphetStrategy, table
from functions.forecasting.training.metrics import NAMES, Metrics
from tests.unit.forecasting.generated import weekly_sales
from tests.unit.forecasting.training.steps import steps

ALL = ProphetStrategy(name="all-days")
OWN = table([ALL])
COVERAGE = Metrics.place("coverage")


@pytest.fixture
def noisy(make_panel):
    return make_panel(*(weekly_sales(182, seed) for seed in range(3)))


def far_off(actual: np.ndarray) -> np.ndarray:
    """A fifth too high or too low, where Quick's interval reaches a tenth."""
    return actual * (1 + 0.2 * (-1.0) ** np.arange(len(actual)))


def test_intervals_that_miss_are_widened_until_they_cover(noisy, quick):
    quick.says["all-days"] = far_off
    found = steps(noisy, ALL, quick, OWN).calibrated(naive_serves=False)
    assert found.coverage_before == pytest.approx(0.0)
    assert found.means[:, COVERAGE] == pytest.approx(1.0)
    assert (found.times > 1.5).all()


def test_intervals_that_cover_stay_as_they_are(noisy, quick):
    found = steps(noisy, ALL, quick, OWN).calibrated()
    assert found.coverage_before == pytest.approx(1.0)
    assert (found.times == 1).all()


def test_the_folds_are_those_of_each_series_own_choice(noisy, quick):
    asked = steps(noisy, ALL, quick, OWN).calibrated()
    naive = steps(noisy, BUILT_IN[NAIVE], quick).calibrated()
    mae = Metrics.place("mae")
    assert asked.folds.shape == (3, 5, len(NAMES))
    assert asked.means[:, mae] == pytest.approx(0.0)
    assert (naive.means[:, mae] > 100).all()
