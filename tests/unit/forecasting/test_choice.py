import numpy as np
import pytest

from functions.forecasting.choice import (
    HEDGE_ABOVE,
    HEDGE_ROWS,
    PRIOR_SERIES,
    SHRINKAGE_DAYS,
    TOLERANCE,
    best,
    chosen,
    losses,
    scores,
)

NAN = float("nan")


def test_a_loss_is_half_the_error_by_day_and_half_that_of_the_folds_means():
    actual = np.array([[[10.0, 10.0], [10.0, 10.0]]])
    yhat = np.array([[[12.0, 8.0], [13.0, 14.0]]])
    by_day = (2 + 2 + 3 + 4) / 4
    by_fold = (0 + 3.5) / 2
    assert losses(actual, yhat).tolist() == [(by_day + by_fold) / 2]


def test_days_that_a_series_does_not_have_count_for_nothing():
    actual = np.array([[[10.0, NAN], [10.0, NAN]], [[NAN, NAN], [NAN, NAN]]])
    found = losses(actual, np.full((2, 2, 2), 12.0))
    assert found[0] == 2.0
    assert np.isnan(found[1])


def test_a_strategy_without_a_forecast_of_some_day_has_no_loss():
    assert np.isnan(losses(np.ones((1, 1, 2)), np.array([[[1.0, NAN]]]))).all()


def test_the_median_of_an_intermittent_series_does_not_win():
    """Selling 10 on every third day, it is 0: best by day, and a whole week's sales off."""
    actual = np.tile([10.0, 0, 0, 0, 10.0, 0, 0], (1, 5, 1))
    mean = np.full_like(actual, actual.mean())
    loss = np.stack([losses(actual, np.zeros_like(actual)), losses(actual, mean)], axis=1)
    by_day = [np.abs(actual - yhat).mean() for yhat in (0.0, mean)]
    assert by_day[0] < by_day[1]
    assert loss[0, 1] < loss[0, 0]


def test_a_score_is_the_loss_relative_to_the_naives():
    actual = np.full((1, 5, 7), 100.0)
    loss = np.array([[8.0, 4.0, NAN]])
    found = scores(actual, loss, np.array([8.0]))
    least = 0.01 * 100
    own = np.log((4 + least) / (8 + least))
    weight = 35 / (35 + SHRINKAGE_DAYS)
    shrunk = np.exp(weight * own + (1 - weight) * own / (1 + PRIOR_SERIES))
    assert found[0, :2].tolist() == pytest.approx([1.0, shrunk])
    assert np.isnan(found[0, 2])


def test_a_series_of_few_days_follows_the_fleet_and_one_of_many_itself():
    """Strategy 1 is better for nine series and worse, by the same factor, for the tenth."""
    loss = np.full((10, 2), 10.0)
    loss[:9, 1], loss[9, 1] = 5.0, 20.0
    for days, own_wins in ((7, False), (10 * SHRINKAGE_DAYS, True)):
        actual = np.full((10, 1, days), 1e-9)  # so that the least loss plays no part
        score = scores(actual, loss, loss[:, 0])
        assert best(score)[:9].tolist() == [1] * 9
        assert (score[9, 1] > 1) == own_wins
        weight = days / (days + SHRINKAGE_DAYS)
        fleet = (9 * np.log(0.5) + np.log(2)) / (10 + PRIOR_SERIES)
        expected = np.exp(weight * np.log(2) + (1 - weight) * fleet)
        assert score[9, 1] == pytest.approx(expected, rel=1e-6)


def test_losses_far_below_the_units_sold_count_as_equal():
    actual = np.full((1, 5, 7), 1e6)
    [score] = scores(actual, np.array([[1.0, 2.0]]), np.array([2.0]))
    assert score[0] == pytest.approx(score[1], rel=1e-3)


def test_the_best_is_the_lowest_the_first_of_equals_and_minus_one_of_none():
    score = np.array([[1.0, 0.5, 0.5], [NAN, 2.0, NAN], [NAN, NAN, NAN]])
    assert best(score).tolist() == [1, 1, -1]


# Columns: a strategy, a hedge, the naive.
HEDGES = np.array([False, True, False])
FAR, NEAR = HEDGE_ABOVE - 0.1, HEDGE_ABOVE + 0.05


@pytest.mark.parametrize(
    ("score", "rows", "taken"),
    [
        ([FAR, FAR + 0.01, 1.0], HEDGE_ROWS, 0),
        ([FAR, FAR + 0.01, 1.0], HEDGE_ROWS - 1, 1),
        ([NEAR, NEAR + 0.01, 1.0], HEDGE_ROWS, 1),
        ([NEAR, NAN, 1.0], HEDGE_ROWS - 1, 0),
        ([NEAR, 1.01, 1.0], HEDGE_ROWS, 0),
        ([1.02, 1.01, 1.0], HEDGE_ROWS, 2),
        ([NAN, NAN, NAN], HEDGE_ROWS, -1),
    ],
    ids=[
        "much better than the naive",
        "a short history: the hedge",
        "little better than the naive: the hedge",
        "no hedge to take",
        "the hedge loses to the naive",
        "nothing beats the naive",
        "nothing to measure",
    ],
)
def test_a_hedge_is_taken_where_the_folds_say_little(score, rows, taken):
    assert taken_of(score, rows) == taken


def taken_of(score: list[float], rows: int = HEDGE_ROWS, champion: float = NAN) -> int:
    [place] = chosen(np.array([score]), HEDGES, np.array([rows]), np.array([champion])).tolist()
    return int(place)


def test_a_hedge_that_would_lose_to_what_serves_now_is_not_taken():
    score = [NEAR, NEAR * 1.05, 1.0]
    assert taken_of(score, champion=NEAR * 1.05 / (1 + TOLERANCE) + 1e-9) == 1
    assert taken_of(score, champion=NEAR) == 0
