import numpy as np
import pytest

from functions.forecasting.training.selection import (
    MIN_WEIGHT,
    PRIOR_SERIES,
    SHARPNESS,
    SHRINKAGE_DAYS,
    losses,
    middle,
    scores,
    weights,
)

NAN = float("nan")


def test_a_loss_is_half_the_errors_by_day_and_half_that_of_the_folds_sum():
    actual = np.array([[[10.0, 10.0], [10.0, 10.0]]])
    yhat = np.array([[[12.0, 8.0], [13.0, 14.0]]])
    assert losses(actual, yhat).tolist() == [[(4 + 0) / 2, (7 + 7) / 2]]


def test_days_that_a_series_does_not_have_count_for_nothing():
    actual = np.array([[[10.0, NAN], [NAN, NAN]]])
    found = losses(actual, np.full((1, 2, 2), 12.0))
    assert found[0, 0] == 2.0
    assert np.isnan(found[0, 1])


def test_a_strategy_without_a_forecast_of_some_day_has_no_loss_on_its_fold():
    assert np.isnan(losses(np.ones((1, 1, 2)), np.array([[[1.0, NAN]]]))).all()


def test_the_median_of_an_intermittent_series_does_not_win():
    """Selling 10 on every third day, it is 0: best by day, and a whole week's sales off."""
    actual = np.tile([10.0, 0, 0, 0, 10.0, 0, 0], (1, 5, 1))
    mean = np.full_like(actual, actual.mean())
    by_day = [np.abs(actual - yhat).mean() for yhat in (0.0, mean)]
    assert by_day[0] < by_day[1]
    assert losses(actual, mean).sum() < losses(actual, np.zeros_like(actual)).sum()


def test_the_middle_is_the_median_of_those_that_have_a_loss():
    actual = np.zeros((1, 3, 1))
    loss = np.array([[[1.0, 5.0, 3.0], [1.0, NAN, 4.0], [NAN, NAN, NAN]]])
    found = middle(actual, loss)
    assert found[0, :2] == pytest.approx([3.0, 2.5])
    assert np.isnan(found[0, 2])


def test_a_middle_of_nothing_is_a_share_of_what_was_sold():
    actual = np.full((1, 1, 7), 100.0)
    assert middle(actual, np.zeros((1, 1, 2)))[0, 0] == pytest.approx(7.0)


def test_a_score_is_the_ratio_of_sums_so_that_no_fold_rules_by_a_ratio_to_nothing():
    """On one fold the middle loss is a thousandth, and a candidate a thousand times it."""
    actual = np.full((1, 2, 10 * SHRINKAGE_DAYS), 1e-9)
    loss = np.array([[[100.0], [1.0]]])
    found = scores(actual, loss, np.array([[100.0, 0.001]]))
    assert found[0, 0] == pytest.approx(1.01, rel=0.01)


def test_a_series_of_few_days_follows_the_fleet_and_one_of_many_itself():
    """The candidate is better for nine series and worse, by the same factor, for the tenth."""
    loss = np.full((10, 1, 1), 5.0)
    loss[9] = 20.0
    for days in (7, 10 * SHRINKAGE_DAYS):
        actual = np.full((10, 1, days), 1e-9)
        score = scores(actual, loss, np.full((10, 1), 10.0))
        weight = days / (days + SHRINKAGE_DAYS)
        fleet = (9 * np.log(0.5) + np.log(2)) / (10 + PRIOR_SERIES)
        expected = np.exp(weight * np.log(2) + (1 - weight) * fleet)
        assert score[9, 0] == pytest.approx(expected, rel=1e-6)
        assert (score[9, 0] > 1) == (days > SHRINKAGE_DAYS)


def test_one_series_that_went_wild_says_no_more_than_another():
    loss = np.array([5.0] * 99 + [1e9]).reshape(100, 1, 1)
    score = scores(np.ones((100, 1, 7)), loss, np.full((100, 1), 10.0))
    assert score[0, 0] < 0.65


def test_a_candidate_without_a_loss_has_no_score():
    found = scores(np.ones((1, 1, 7)), np.array([[[1.0, NAN]]]), np.array([[1.0]]))
    assert np.isnan(found[0, 1])


def test_weights_fall_with_the_score_and_sum_to_one():
    [share] = weights(np.array([[0.9, 1.0, NAN]]))
    assert share.sum() == pytest.approx(1)
    assert share[1] / share[0] == pytest.approx((1 / 0.9) ** -SHARPNESS)
    assert share[2] == 0


def test_what_would_hardly_count_is_left_out():
    bad = 1.01 * MIN_WEIGHT ** (-1 / SHARPNESS)
    assert weights(np.array([[1.0, bad, 1.0]])).tolist() == [[0.5, 0.0, 0.5]]


def test_a_series_without_a_score_has_no_weights():
    assert weights(np.array([[NAN, NAN]])).tolist() == [[0.0, 0.0]]
