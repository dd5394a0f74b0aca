"""What the tests of fits have in common: is a fitted model the posterior's maximum?"""

from collections.abc import Sequence

import numpy as np

from functions.forecasting.engines.batched.prefix_fits import CONSTANT_SIGMA
from functions.forecasting.prophet.parameters import ProphetParameters
from functions.forecasting.series.failures import FitFailure
from functions.forecasting.series.panel import Panel
from functions.forecasting.series.regressors import Design
from tests.unit.forecasting.posterior import log_density, optimality, point_of, rows_of

AT_FLOOR = 1.0001e-4


def assert_optimal(
    panel: Panel, models: Sequence[ProphetParameters | FitFailure], regressed: Design | None = None
) -> int:
    """Every model is certified on its series; returns how many there were. Prophet's own
    shortcut for constant histories is no maximum, and a series may be unfit.
    """
    certified = 0
    for i, model in enumerate(models):
        if isinstance(model, FitFailure) or model.sigma_obs == CONSTANT_SIGMA:
            continue
        at = panel.series(i)
        rows = rows_of(model, panel.dates[at], panel.units[at], columns_of(model, regressed, at))
        found = optimality(rows, point_of(model))
        # Where sigma is 1e-4, a rounding of 1e-16 in y already is one of 1e-8 in the gradient,
        # and rows years apart that a trend passes through exactly make it 1e-2.
        at_floor = max(1e-3, 0.1 * model.changepoint_prior_scale)
        limit = 1e-5 if model.sigma_obs > AT_FLOOR else at_floor
        # With as many terms as rows it passes through all of them, and one changepoint more
        # can't be told from none in double precision.
        terms = 2 + len(model.beta) + np.count_nonzero(model.delta)
        through_all = model.sigma_obs <= AT_FLOOR and terms >= model.rows
        worst = max(found.active, found.sigma) if through_all else found.worst
        assert worst < limit, (panel.keys[i], model.sigma_obs, found)
        certified += 1
    return certified


def columns_of(
    model: ProphetParameters, regressed: Design | None, rows: slice
) -> np.ndarray | None:
    """The design's columns that the model has, on those rows."""
    if regressed is None:
        return None
    at = [regressed.names.index(term.name) for term in model.regressors]
    return regressed.values[rows][:, at]


def advantage(
    model: ProphetParameters,
    other: ProphetParameters,
    dates: np.ndarray,
    units: np.ndarray,
    regressed: np.ndarray | None = None,
) -> float:
    """How much higher the log posterior of `model` is than that of `other`."""
    rows = rows_of(model, dates, units, regressed)
    return log_density(rows, point_of(model)) - log_density(rows, point_of(other))
