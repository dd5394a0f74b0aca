import numpy as np
import pytest

from functions.forecasting.engines.batched.map_problem import FEW, Problems, RunningSums, rotated

SCALES = np.array([5.0, 5.0, 10.0])
CUTS = np.array([[12, 30], [9, 21]])
PLACES = np.array([3, 8, 11, 20])
STRETCH, SHIFT, SHRINK = 1.5, 0.3, 0.8


@pytest.fixture(scope="module")
def columns() -> np.ndarray:
    """Two series of 30 and 21 rows: u, 1 and a wave, and behind them y."""
    rng = np.random.default_rng(1)
    u = np.minimum(np.sort(rng.random((2, 30)), axis=1), 1)
    made = np.stack([u, np.ones_like(u), np.sin(9 * u), rng.random((2, 30))], axis=2)
    made[1, 21:] = 0
    return made


@pytest.fixture(scope="module")
def problems(columns: np.ndarray) -> Problems:
    """The whole series as problems, time stretched, the wave shifted and y shrunk."""
    sums, y = RunningSums.of(columns[:, :, :3]), columns[:, :, 3]
    each, cuts, places = np.arange(2), CUTS[:, 1], np.minimum(PLACES, CUTS[:, 1:] - 1)
    hinges, bend = sums.hinges(each, cuts, places)
    moves = np.tile([STRETCH, 1, 1], (2, 1)), np.tile([0, 0, SHIFT], (2, 1))
    found = rotated(sums.products(CUTS)[:, 1], hinges, bend, *moves, SCALES, cuts, 0.05)
    with_y = sums.products_with(y, CUTS)[:, 1], sums.hinges_with(y, each, cuts, places)
    return found.with_y(*with_y, np.full(2, SHRINK))


@pytest.mark.parametrize("series", [0, 1])
def test_products_are_those_of_the_rows_up_to_each_cut(columns: np.ndarray, series: int):
    products = RunningSums.of(columns).products(CUTS)
    for k, cut in enumerate(CUTS[series]):
        rows = columns[series, :cut]
        np.testing.assert_allclose(products[series, k], rows.T @ rows, rtol=1e-13)


@pytest.mark.parametrize("series", [0, 1])
def test_problems_hold_the_products_of_the_scaled_rows_and_hinges(columns, problems, series: int):
    rows = columns[series, : CUTS[series, 1]] * [STRETCH, 1, 1, SHRINK] + [0, 0, SHIFT, 0]
    z, y, t = rows[:, :3] * SCALES, rows[:, 3], rows[:, 0]
    c = np.maximum(t[:, None] - t[np.minimum(PLACES, len(t) - 1)], 0)
    turn = problems.turn[series] / SCALES[:, None]
    np.testing.assert_allclose(turn.T @ turn, np.eye(3), atol=1e-12)
    np.testing.assert_allclose((z @ turn).T @ (z @ turn), np.diag(problems.d[series]), atol=1e-10)
    np.testing.assert_allclose(problems.zy[series], turn.T @ z.T @ y, atol=1e-11)
    np.testing.assert_allclose(problems.zc[series], turn.T @ z.T @ c, atol=1e-11)
    np.testing.assert_allclose(problems.cc[series], c.T @ c, atol=1e-12)
    np.testing.assert_allclose(problems.cy[series], c.T @ y, atol=1e-12)
    assert problems.yy[series] == pytest.approx(y @ y)


def test_a_direction_without_a_row_is_exactly_untold(columns: np.ndarray):
    twin = columns[:, :, :3].copy()
    twin[:, :, 2] = twin[:, :, 0]
    sums = RunningSums.of(twin)
    hinges, bend = sums.hinges(np.arange(2), CUTS[:, 1], PLACES[None, :2].repeat(2, 0))
    moves = np.ones((2, 3)), np.zeros((2, 3))
    found = rotated(sums.products(CUTS)[:, 1], hinges, bend, *moves, SCALES, CUTS[:, 1], 0.05)
    assert (found.d[:, 0] == 0).all()
    assert (found.back[:, 0] == 0).all()
    assert (found.d[:, 1:] > 0).all()


def test_running_sums_of_a_series_are_the_same_bytes_alone_and_among_many():
    many = np.random.default_rng(2).normal(size=(FEW + 1, 50, 4))
    many[:, :3] = -0.0  # the sign of a zero is a bit like any other
    sums = RunningSums.of(many)
    for i in range(len(many)):
        alone = RunningSums.of(many[i : i + 1])
        assert alone.plain[:, 0].tobytes() == sums.plain[:, i].tobytes()
        assert alone.by_time[:, 0].tobytes() == sums.by_time[:, i].tobytes()
