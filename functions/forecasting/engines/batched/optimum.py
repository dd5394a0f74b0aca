"""The maximum of many posteriors at once: an active-set method on the slope changes.

For a given noise variance v the posterior is a lasso in delta: the Gaussian coefficients
drop out in closed form. Most slope changes are zero at the optimum, so only the active
ones are solved for. Each round, for every problem that is not done:

1. Solve for the active slope changes, their signs given:
   [C'C - C'Z (Z'Z + v/scale^2)^-1 Z'C] delta = C'y - C'Z (...)^-1 Z'y - (v / tau) sign
2. If one of them crossed zero on the way there, stop at the first that does and drop it.
3. Otherwise v := 2 RSS / (T + sqrt(T^2 + 16 RSS)), the exact maximum given the rest,
4. and add the inactive hinge that the residual pulls at hardest, if beyond v / tau.

A problem is done when nothing is added and v stands still. No step lowers the posterior
but one: where v creeps along a steady geometric sequence, it is taken to the limit of that
sequence at once (Aitken's delta-squared; the limit is a fixed point as well). v starts
from the variance of y, as large as it can be, and is never below `FLOOR`.

Source: Osborne, Presnell & Turlach, A new approach to variable selection in least squares
problems (2000); Lee et al., Efficient sparse coding algorithms (2007), algorithm 1.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from functions.forecasting.engines.batched.map_problem import Problems
from functions.forecasting.series.panel import Floats

FLOOR = 1e-8  # of v: the noise is at least 1e-4 of the largest value
_MAX_ROUNDS = 400
_SETTLED = 1e-11  # the relative change of v below which it stands still
# Hinges that are nearly one, as about a gap of years, leave v no rest by rounding alone: of 6,000
# wild series with such a gap 491 came to no end. After so many rounds such a change is none.
_PATIENCE, _RESTLESS = 60, 1e-9
_EPS = float(np.finfo(float).eps)

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Solution:
    """The optima of P problems. `rotated` (P, N) are the Gaussian coefficients in rotated
    coordinates, `delta` (P, S) the slope changes, `variance` (P,) is v. `rounds` (P,)
    counts rounds; where `done` is False there were too many and the rest is no optimum.
    """

    rotated: Floats
    delta: Floats
    variance: Floats
    rounds: Ints
    done: Bools


def solve(problems: Problems) -> Solution:
    """The optimum of each problem. The same problem has the same one in any company."""
    n, s = problems.cy.shape
    solution = Solution(
        np.zeros(problems.d.shape),
        np.zeros((n, s)),
        np.zeros(n),
        np.zeros(n, int),
        np.zeros(n, bool),
    )
    live = np.arange(n)
    part = problems
    state = _State.start(problems)
    for number in range(1, _MAX_ROUNDS + 1):
        if len(live) == 0:
            break
        done = _round(part, state, _SETTLED if number <= _PATIENCE else _RESTLESS)
        solution.rounds[live] = number
        solution.done[live[done]] = True
        if done.any() or number == _MAX_ROUNDS:
            solution.rotated[live], solution.delta[live] = state.rotated, state.delta
            solution.variance[live] = state.variance
            rest = np.flatnonzero(~done)
            live, part, state = live[rest], part.at(rest), state.at(rest)
    return solution


@dataclass(eq=False)
class _State:
    """Where the problems that are not done stand. `sign` (P, S) is 0 where inactive.

    `excluded` (P, S) hinges came in and went out without a move between: they pull beyond
    their prior by rounding only, and stay out until v moves. `step` (P,) is the last
    relative step of v, 0 if the active set has changed since.
    """

    variance: Floats
    rotated: Floats
    delta: Floats
    sign: Floats
    excluded: Bools
    step: Floats

    @staticmethod
    def start(problems: Problems) -> "_State":
        n, s = problems.cy.shape
        # The second Gaussian column is 1, but it is rotated: y'y / T is at least the variance.
        variance = np.maximum(problems.yy / problems.rows, FLOOR)
        return _State(
            variance,
            rotated=np.zeros(problems.d.shape),
            delta=np.zeros((n, s)),
            sign=np.zeros((n, s)),
            excluded=np.zeros((n, s), bool),
            step=np.zeros(n),
        )

    def at(self, some: npt.NDArray[np.intp]) -> "_State":
        return _State(
            self.variance[some],
            self.rotated[some],
            self.delta[some],
            self.sign[some],
            self.excluded[some],
            self.step[some],
        )


def _round(problems: Problems, state: _State, settled: float = _SETTLED) -> Bools:
    """One round of each problem, in place; which are done, v changing by no more than `settled`."""
    v = state.variance
    shrink = 1 / (problems.d + v[:, None])
    crossed = _solve_active(problems, state, shrink)
    correlation = problems.cy - _times(problems.cc, state.delta)
    trend_change = np.einsum("pns,ps->pn", problems.zc, state.delta) if state.delta.any() else 0.0
    state.rotated = shrink * (problems.zy - trend_change)
    correlation -= np.matmul(state.rotated[:, None, :], problems.zc)[:, 0]

    rss, terms = _residual(problems, state)
    rows = problems.rows
    best = np.maximum(2 * rss / (rows + np.sqrt(rows**2 + 16.0 * rss)), FLOOR)
    change = np.log(best / v)
    # RSS is a difference of larger terms, whose rounding limits how well v is known.
    tolerance = settled + 64 * _EPS * terms / np.maximum(rss, FLOOR * rows)
    still = np.abs(change) <= tolerance

    slack = 1e-9 * best / problems.tau + 8 * _EPS * rows
    excess = np.where((state.sign == 0) & ~state.excluded, np.abs(correlation), 0.0)
    hardest = np.argmax(excess, axis=1)
    each = np.arange(len(v))
    added = ~crossed & (excess[each, hardest] > best / problems.tau + slack)
    state.sign[each[added], hardest[added]] = np.sign(correlation[each[added], hardest[added]])

    moving = ~crossed & ~still
    state.excluded[moving] = False
    ratio = np.divide(change, state.step, out=np.zeros_like(v), where=state.step != 0)
    leap = moving & ~added & (ratio > 0) & (ratio < 0.98)
    stride = np.where(leap, change / (1 - np.where(leap, ratio, 0.0)), change)
    state.variance = np.where(moving, np.maximum(v * np.exp(stride), FLOOR), v)
    state.step = np.where(moving & ~added & ~leap, change, 0.0)
    done: Bools = still & ~crossed & ~added
    return done


def _solve_active(problems: Problems, state: _State, shrink: Floats) -> Bools:
    """Steps 1 and 2: moves delta; True where it stopped at a crossing and dropped one."""
    p, _ = state.sign.shape
    count = (state.sign != 0).sum(axis=1)
    most = int(count.max(initial=0))
    if most == 0:
        return np.zeros(p, bool)
    active = np.argsort(state.sign == 0, axis=1, kind="stable")[:, :most]
    within = np.arange(most) < count[:, None]
    each = np.arange(p)[:, None]
    rows = np.arange(problems.zc.shape[1])[:, None]
    zc = np.where(within[:, None, :], problems.zc[each[:, :, None], rows, active[:, None, :]], 0.0)
    cc = problems.cc[each[:, :, None], active[:, :, None], active[:, None, :]]
    shrunk = shrink[:, :, None] * zc
    matrix = cc - zc.transpose(0, 2, 1) @ shrunk
    both = within[:, :, None] & within[:, None, :]
    matrix = np.where(both, matrix, np.eye(most))
    sign = state.sign[each, active]
    right = problems.cy[each, active] - np.einsum("pna,pn->pa", shrunk, problems.zy)
    right -= (state.variance / problems.tau)[:, None] * sign
    target = _solved(matrix, np.where(within, right, 0.0))

    now = state.delta[each, active]
    wrong = within & (target * sign <= 0)
    crossed: Bools = wrong.any(axis=1)
    way = np.where(wrong, now / np.where(wrong, now - target, 1.0), np.inf)
    first = np.argmin(way, axis=1)
    share = np.where(crossed, way[each[:, 0], first], 1.0)[:, None]
    delta = np.where(crossed[:, None], now + share * (target - now), target)
    dropped = crossed[:, None] & (np.arange(most) == first[:, None])
    kept = within & ~dropped
    state.excluded[each, active] |= dropped & (now == 0)
    state.delta[each, active] = np.where(kept, delta, 0.0)
    state.sign[each, active] = np.where(kept, sign, 0.0)
    return crossed


def _solved(matrix: Floats, right: Floats) -> Floats:
    """x of matrix x = right, (P, a, a) and (P, a).

    Hinges that are one and the same to the last digit share what is theirs.
    """
    columns = right[:, :, None]
    try:
        return np.linalg.solve(matrix, columns)[:, :, 0].astype(np.float64, copy=False)
    except np.linalg.LinAlgError:
        nudge = _EPS * np.trace(matrix, axis1=1, axis2=2)[:, None, None]
        matrix = matrix + nudge * np.eye(matrix.shape[1])
        return np.linalg.solve(matrix, columns)[:, :, 0].astype(np.float64, copy=False)


def _times(matrices: Floats, vectors: Floats) -> Floats:
    """(P, a, b) by (P, b) is (P, a)."""
    products: Floats = np.matmul(matrices, vectors[:, :, None])[:, :, 0]
    return products


def _residual(problems: Problems, state: _State) -> tuple[Floats, Floats]:
    """The sum of squared residuals where delta and rotated are optimal, and the sum of the
    sizes of the terms it is computed from; both (P,).

    There the residual is orthogonal to the fit but for the priors' pull: r'r = r'y - r'fit.
    """
    penalty = np.abs(state.delta).sum(axis=1) / problems.tau + (state.rotated**2).sum(axis=1)
    fits = np.concatenate([problems.zy * state.rotated, problems.cy * state.delta], axis=1)
    rss = problems.yy - fits.sum(axis=1) - state.variance * penalty
    return np.maximum(rss, 0.0), problems.yy + np.abs(fits).sum(axis=1)
