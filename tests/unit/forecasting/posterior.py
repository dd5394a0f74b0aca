"""Prophet's log posterior of one fit, and the proof that a point is its maximum.

Written from the rows themselves, without any of the solver's shortcuts, to check it by.
All in float64 and in scaled units, on the scale of the fit; a model's `shift` and `smearing`
come after the fit and are no part of it. The density is Stan's `lp__` of an optimisation (no
Jacobian, constants dropped):

    -T log sigma - RSS / (2 sigma^2) - (k^2 + m^2) / 50 - sum_j beta_j^2 / (2 scale_j^2)
    - sum_j |delta_j| / tau - 2 sigma^2

Source: Prophet 1.5's prophet.stan, model block; optimality conditions of a lasso: Hastie,
Tibshirani & Wainwright, Statistical Learning with Sparsity (2015), section 2.4.
"""

from dataclasses import dataclass

import numpy as np

from functions.forecasting.engines.batched.map_problem import TREND_SCALE
from functions.forecasting.engines.batched.optimum import FLOOR
from functions.forecasting.prophet.parameters import ProphetParameters
from functions.forecasting.prophet.prediction import fourier, scaled_time
from functions.forecasting.series.panel import Dates, Floats
from functions.forecasting.series.scale import fitted_on


@dataclass(frozen=True, eq=False)
class Rows:
    """One fit's data: `y` (T,) scaled, `gaussian` (T, N) the columns t, 1, Fourier, regressors
    with their prior `scales` (N,), `hinges` (T, S) with the prior scale `tau`.
    """

    y: Floats
    gaussian: Floats
    scales: Floats
    hinges: Floats
    tau: float


@dataclass(frozen=True, eq=False)
class Point:
    """A point: `b` (N,) for the Gaussian columns, `delta` (S,) and `sigma`."""

    b: Floats
    delta: Floats
    sigma: float


@dataclass(frozen=True)
class Optimality:
    """How far a point is from optimal; 0 everywhere is the maximum.

    `active` is the largest gradient of the density among the Gaussian coefficients and
    the slope changes that are not 0, `inactive` the largest excess of the residual's pull
    on the others over their prior; both in units of 1 / tau, which is that prior's pull.
    `sigma` is the gradient times sigma / T; where sigma is at its floor, only if it is
    to rise.
    """

    active: float
    inactive: float
    sigma: float

    @property
    def worst(self) -> float:
        """The largest of the three."""
        return max(self.active, self.inactive, self.sigma)


def rows_of(
    model: ProphetParameters, dates: Dates, units: Floats, regressed: Floats | None = None
) -> Rows:
    """The rows that `model` was fitted to; `dates` and `units` (per day) have shape (T,).

    `regressed` (T, r) has the raw values of the model's regressors, in their order; it may be
    left out where the model has none.
    """
    t = scaled_time([model], dates)[0]
    waves = fourier(model.seasonalities, dates)
    # Without any seasonality Prophet has one column of zeros, whose prior scale is 1.
    scales = [s.prior_scale for s in model.seasonalities for _ in range(2 * s.fourier_order)]
    terms = model.regressors
    values = np.empty((len(t), 0)) if regressed is None else regressed
    mean, std = np.array([term.mean for term in terms]), np.array([term.std for term in terms])
    return Rows(
        y=fitted_on(units, model.scale) / model.y_scale,
        gaussian=np.column_stack([t, np.ones(len(t)), waves, (values - mean) / std]),
        scales=np.array(
            [TREND_SCALE, TREND_SCALE, *(scales or [1.0]), *(term.prior_scale for term in terms)]
        ),
        hinges=np.maximum(t[:, None] - np.array(model.changepoints_t), 0),
        tau=model.changepoint_prior_scale,
    )


def point_of(model: ProphetParameters) -> Point:
    """The point that `model` is."""
    effects = [term.beta for term in model.regressors]
    return Point(
        np.array([model.k, model.m, *model.beta, *effects]),
        np.array(model.delta),
        model.sigma_obs,
    )


def log_density(rows: Rows, point: Point) -> float:
    """The log posterior at a point with sigma > 0, up to a constant of the rows."""
    residual = rows.y - rows.gaussian @ point.b - rows.hinges @ point.delta
    return float(
        -len(rows.y) * np.log(point.sigma)
        - residual @ residual / (2 * point.sigma**2)
        - ((point.b / rows.scales) ** 2).sum() / 2
        - np.abs(point.delta).sum() / rows.tau
        - 2 * point.sigma**2
    )


def optimality(rows: Rows, point: Point) -> Optimality:
    """How far a point is from the maximum (the Karush-Kuhn-Tucker conditions)."""
    variance = point.sigma**2
    residual = rows.y - rows.gaussian @ point.b - rows.hinges @ point.delta
    pull = rows.hinges.T @ residual / variance * rows.tau
    gradient = (rows.gaussian.T @ residual / variance - point.b / rows.scales**2) * rows.tau
    active = point.delta != 0
    noise = float(residual @ residual / variance - 4 * variance) / len(rows.y) - 1
    at_floor = variance <= FLOOR * (1 + 1e-9)
    return Optimality(
        active=max(
            float(np.abs(gradient).max()),
            float(np.where(active, np.abs(pull - np.sign(point.delta)), 0.0).max()),
        ),
        inactive=max(float(np.where(active, 0.0, np.abs(pull) - 1).max()), 0.0),
        sigma=max(noise, 0.0) if at_floor else abs(noise),
    )
