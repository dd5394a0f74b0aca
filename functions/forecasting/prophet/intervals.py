"""Prophet's uncertainty interval in closed form: no draws, so no noise and no seed.

Prophet simulates a forecast's error as Gaussian noise plus future changes of slope. At
each day after the history a change happens with probability p and has a Laplace size of
mean d; it bends the trend between that day and the one before. So a change l days ago
(counting today as 1) has moved the forecast by step * (l - 1/2) times its size, and the
error at day h is a sum of independent terms whose characteristic function is a product:

    phi(u) = exp(-sigma^2 u^2 / 2) * prod_{l <= h} [1 - p + p / (1 + a_l^2 u^2)]
    a_l = step * d * (l - 1/2)
    F(x) = 1/2 + 1/pi * integral_0^inf sin(u x) phi(u) / u du      (Gil-Pelaez, 1951)

The error is symmetric about zero; its quantile is found by Newton's method on F. Where growth
is logistic or terms multiply, every a_l of a day is times that day's `prediction.leverage`:
exact for terms, to first order for growth (whose vectorised draws are a day late in Prophet).
Source: Prophet 1.5, forecaster.py, `_sample_uncertainty`, `_make_trend_shift_matrix`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from functions.forecasting.prophet.parameters import ProphetParameters
from functions.forecasting.prophet.prediction import stacked
from functions.forecasting.series.panel import Floats

# In units of sigma: beyond this frequency the noise's factor exp(-u^2 / 2) is below 1e-16.
_HIGHEST_FREQUENCY = 8.6
_NODES = 96
# So many nodes resolve a trend error of up to this many sigma. Where the noise is smaller
# than that, it is raised to it: the total standard deviation grows by less than 1 %.
_WIDEST_TREND = 8.0
# An excess kurtosis below this moves a quantile by less than 1e-5 of it: it is the normal one.
_NEARLY_NORMAL = 1e-4
# Stan may report no noise at all; in units of y_scale.
_MIN_SIGMA = 1e-12
# Values per block of models, so that the (models, days, nodes) arrays stay small.
_BLOCK = 400_000

Days = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Errors:
    """The error distributions of n models, each array of shape (n,), in units of y_scale.

    `sigma` is the noise, `bend` a slope change's mean size times the step, `chance` the
    probability of one per day.
    """

    sigma: Floats
    bend: Floats
    chance: Floats

    @staticmethod
    def of(sigma: Floats, delta: Floats, changepoints: Days, span: Days) -> "Errors":
        """From the noise (n,), slope changes (n, S), their number (n,), at least 1, and the
        days from each model's first to its last (n,).
        """
        # Prophet's own 1e-8, so that a trend without any change still has a size to draw.
        size = np.abs(delta).sum(axis=1) / changepoints + 1e-8
        return Errors(
            sigma=np.maximum(sigma, _MIN_SIGMA),
            bend=size / span,
            chance=np.minimum(changepoints / span, 1.0),
        )

    def at(self, rows: npt.NDArray[np.intp]) -> "Errors":
        """The distributions of some of the models."""
        return Errors(self.sigma[rows], self.bend[rows], self.chance[rows])


def half_widths(
    models: Sequence[ProphetParameters],
    days_ahead: Days,
    level: float,
    leverage: Floats | None = None,
) -> Floats:
    """Half the width of the central `level` interval about yhat, in units per day.

    `days_ahead`, shape (n, h), counts days from each model's last training day; the
    result has the same shape, and so has `leverage`, by which the trend's errors are
    multiplied (None: by 1). On days within the history (0 and below) there is noise
    only, as in Prophet. Unlike in Prophet, a forecast of one day has the interval of the
    first day of a longer one, and a gap after the history widens it. Raises ValueError
    unless 0 < level < 1.
    """
    if not 0 < level < 1:
        raise ValueError(f"an interval's level must be within (0, 1), not {level}")
    if days_ahead.size == 0:
        return np.empty(days_ahead.shape)
    errors = Errors.of(
        np.array([model.sigma_obs for model in models]),
        stacked([model.delta for model in models]),
        np.array([len(model.changepoints_t) for model in models]),
        np.array([model.t_scale_days for model in models]),
    )
    y_scale = np.array([model.y_scale for model in models])
    widths: Floats = quantiles(errors, days_ahead, (1 + level) / 2) * y_scale[:, None]
    if leverage is not None and len(rows := np.flatnonzero((leverage != 1).any(axis=1))):
        # Each day of such a model has a bend of its own, so each becomes a model of one day.
        each_day = errors.at(np.repeat(rows, days_ahead.shape[1]))
        bent = replace(each_day, bend=each_day.bend * leverage[rows].ravel())
        found = quantiles(bent, days_ahead[rows].reshape(-1, 1), (1 + level) / 2)
        widths[rows] = found.reshape(leverage[rows].shape) * y_scale[rows, None]
    return widths


def quantiles(errors: Errors, days_ahead: Days, probability: float) -> Floats:
    """The errors' quantile (probability > 1/2) on each day ahead, shape (n, h)."""
    h = np.maximum(days_ahead, 0)
    # Var(W) = sum of 2 p a_l^2, and the sum of (l - 1/2)^2 up to h is h (4 h^2 - 1) / 12.
    variance = 2 * errors.chance[:, None] * errors.bend[:, None] ** 2 * h * (4.0 * h**2 - 1) / 12
    noise = errors.sigma[:, None] ** 2
    # The fourth cumulant is the sum of 12 p (2 - p) a_l^4, at most h times its last term.
    cumulant = (
        12 * (errors.chance * (2 - errors.chance))[:, None] * h * (errors.bend[:, None] * h) ** 4
    )
    kurtosis = cumulant / (noise + variance) ** 2
    found = np.empty(days_ahead.shape)
    normal = (kurtosis < _NEARLY_NORMAL).all(axis=1)
    z = NormalDist().inv_cdf(probability)
    found[normal] = z * np.sqrt(noise[normal] + variance[normal])
    rest = np.flatnonzero(~normal)
    found[rest] = _quantiles(errors.at(rest), days_ahead[rest], probability)
    return found


def _quantiles(errors: Errors, days_ahead: Days, probability: float) -> Floats:
    """The errors' quantile (probability > 1/2) on each day ahead, shape (n, h)."""
    # Var(W) = sum of 2 p a_l^2, and the sum of (l - 1/2)^2 up to h is h (4 h^2 - 1) / 12.
    h = np.maximum(days_ahead, 0)
    weight = h * (4.0 * h**2 - 1) / 12
    spread = errors.bend[:, None] * np.sqrt(2 * errors.chance[:, None] * weight)
    least_noise = spread / _WIDEST_TREND
    quiet = (least_noise > errors.sigma[:, None]).any(axis=1)

    quantiles = np.empty(days_ahead.shape)
    noisy_rows, quiet_rows = np.flatnonzero(~quiet), np.flatnonzero(quiet)
    quantiles[noisy_rows] = _in_blocks(errors.at(noisy_rows), days_ahead[noisy_rows], probability)
    # Each day of a quiet model has a noise of its own, so each becomes a model of one day.
    each_day = errors.at(np.repeat(quiet_rows, days_ahead.shape[1]))
    raised = np.maximum(each_day.sigma, least_noise[quiet_rows].ravel())
    quantiles[quiet_rows] = _in_blocks(
        replace(each_day, sigma=raised), days_ahead[quiet_rows].reshape(-1, 1), probability
    ).reshape(-1, days_ahead.shape[1])
    return quantiles


def _in_blocks(errors: Errors, days_ahead: Days, probability: float) -> Floats:
    """`_invert` on so many models at a time that memory stays bounded; shape (n, h)."""
    values = _NODES * max(int(days_ahead.max(initial=1)), days_ahead.shape[1])
    length = max(1, _BLOCK // values)
    quantiles = np.empty(days_ahead.shape)
    for start in range(0, len(days_ahead), length):
        rows = np.arange(start, min(start + length, len(days_ahead)))
        quantiles[rows] = _invert(errors.at(rows), days_ahead[rows], probability)
    return quantiles


@cache
def _gauss() -> tuple[Floats, Floats]:
    """The nodes and weights of Gauss and Legendre, which take longer to find than to use."""
    return np.polynomial.legendre.leggauss(_NODES)


def _invert(errors: Errors, days_ahead: Days, probability: float) -> Floats:
    """Solves F(x) = probability for each model and day, shape (n, h).

    F is concave for x > 0 (the error is unimodal) and the noise's quantile is never above
    the error's, so Newton's steps from there rise to the solution and never pass it.
    """
    nodes, weights = _gauss()
    v = (nodes + 1) * (_HIGHEST_FREQUENCY / 2)
    phi = _characteristic(errors, days_ahead, v) * (weights * _HIGHEST_FREQUENCY / 2 / np.pi)
    z = np.full(days_ahead.shape, NormalDist().inv_cdf(probability))
    for _ in range(100):
        angle = z[:, :, None] * v
        missing = probability - 0.5 - np.einsum("nhv,nhv->nh", np.sin(angle), phi / v)
        density = np.einsum("nhv,nhv->nh", np.cos(angle), phi)
        step = missing / density
        z += step
        if np.all(np.abs(step) < 1e-9 * z):
            break
    return z * errors.sigma[:, None]


def _characteristic(errors: Errors, days_ahead: Days, v: Floats) -> Floats:
    """phi(v / sigma) on each day ahead at each node of v, shape (n, h, len(v))."""
    last = max(int(days_ahead.max()), 1)
    reach = (errors.bend / errors.sigma)[:, None] * (np.arange(1, last + 1) - 0.5)
    p = errors.chance[:, None, None]
    factors = 1 - p + p / (1 + (reach[:, :, None] * v) ** 2)
    so_far = np.concatenate(
        [np.ones((len(factors), 1, len(v))), np.cumprod(factors, axis=1)], axis=1
    )
    models = np.arange(len(factors))[:, None]
    phi: Floats = np.exp(-(v**2) / 2) * so_far[models, np.maximum(days_ahead, 0)]
    return phi
