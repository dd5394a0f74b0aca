from dataclasses import replace

import numpy as np
import pytest

from functions.forecasting.prophet.convert import extract
from tests.unit.forecasting.posterior import Point, log_density, optimality, point_of, rows_of


@pytest.fixture(scope="module")
def stans(fitted_prophet):
    """Stan's fit: its rows, its point and the value it gave for its log density."""
    history = fitted_prophet.history
    parameters = extract(fitted_prophet)
    rows = rows_of(parameters, history["ds"].to_numpy("datetime64[D]"), history["y"].to_numpy())
    return rows, point_of(parameters), fitted_prophet.stan_fit.optimized_params_dict["lp__"]


def test_the_log_density_is_stans(stans):
    rows, point, lp = stans
    assert log_density(rows, point) == pytest.approx(lp, abs=2e-5)  # Stan writes 6 digits


def test_the_log_density_has_the_gradient_that_optimality_measures(stans):
    rows, point, _ = stans
    step = 1e-7
    for sigma in (point.sigma, 2 * point.sigma):
        at = Point(point.b, np.zeros_like(point.delta), sigma)
        slopes = [
            (
                log_density(rows, replace(at, b=at.b + e))
                - log_density(rows, replace(at, b=at.b - e))
            )
            / (2 * step)
            for e in step * np.eye(len(at.b))
        ]
        found = optimality(rows, at)
        assert found.active == pytest.approx(np.abs(slopes).max() * rows.tau, rel=1e-4)
        up, down = (log_density(rows, replace(at, sigma=sigma * f)) for f in (1 + step, 1 - step))
        assert found.sigma == pytest.approx(abs(up - down) / (2 * step) / len(rows.y), rel=1e-4)


def test_an_inactive_hinge_that_is_pulled_beyond_its_prior_is_found(stans):
    rows, point, _ = stans
    bent = replace(rows, y=rows.y + 5 * rows.hinges[:, 3])
    at = Point(point.b, np.zeros_like(point.delta), point.sigma)
    assert optimality(bent, at).inactive > 1
    assert optimality(bent, at).worst >= optimality(bent, at).inactive
