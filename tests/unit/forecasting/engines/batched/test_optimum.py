import numpy as np
import pytest

from functions.forecasting.engines.batched.map_problem import Problems
from functions.forecasting.engines.batched.optimum import FLOOR, _solved, solve


def problem(cy: float, yy: float, rows: int = 50) -> Problems:
    """One orthonormal Gaussian column without a pull, and one hinge of length 1 across it."""
    return Problems(
        turn=np.ones((1, 1, 1)),
        d=np.ones((1, 1)),
        zy=np.zeros((1, 1)),
        zc=np.zeros((1, 1, 1)),
        cc=np.ones((1, 1, 1)),
        cy=np.array([[cy]]),
        yy=np.array([yy]),
        rows=np.array([rows]),
        tau=0.05,
    )


def test_a_hinge_that_pulls_less_than_its_prior_stays_flat():
    solution = solve(problem(cy=0.1, yy=1.0))
    assert solution.delta.tolist() == [[0.0]]
    expected = 2 * 1.0 / (50 + np.sqrt(50**2 + 16))
    assert solution.variance[0] == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("sign", [1, -1])
def test_a_hinge_that_pulls_more_is_soft_thresholded(sign: int):
    solution = solve(problem(cy=sign * 0.9, yy=1.0))
    v = solution.variance[0]
    assert solution.delta[0, 0] == pytest.approx(sign * (0.9 - v / 0.05), rel=1e-9)
    rss = 1.0 - 2 * 0.9 * abs(solution.delta[0, 0]) + solution.delta[0, 0] ** 2
    assert v == pytest.approx(2 * rss / (50 + np.sqrt(50**2 + 16 * rss)), rel=1e-9)
    assert solution.done.all()
    assert solution.rounds[0] < 20


def test_a_fit_without_error_ends_at_the_floor():
    solution = solve(problem(cy=1.0, yy=1.0))
    assert solution.variance[0] == FLOOR
    assert solution.delta[0, 0] == pytest.approx(1.0, abs=1e-6)


def test_no_problems_have_no_solutions():
    empty = problem(1.0, 1.0).at(np.empty(0, np.intp))
    assert solve(empty).delta.shape == (0, 1)


def test_dependent_hinges_do_not_end_the_whole_batch():
    matrices = np.stack([np.eye(2), np.ones((2, 2))])
    found = _solved(matrices, np.ones((2, 2)))
    np.testing.assert_allclose(np.einsum("pab,pb->pa", matrices, found), 1.0)
