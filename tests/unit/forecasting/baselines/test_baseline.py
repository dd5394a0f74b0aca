from statistics import median

import numpy as np
import pandas as pd
import pytest

from functions.forecasting.backtest import Backtest
from functions.forecasting.baselines.baseline import (
    BaselineModel,
    _smoothed,
    promotion_driver,
    walk_forward,
)
from functions.forecasting.series.failures import FitFailure
from functions.forecasting.series.panel import Panel
from functions.forecasting.strategy import strategy
from tests.unit.forecasting.generated import days_from

NO_FOLDS = np.zeros(1, np.int64)


def model_of(panel: Panel, name: str) -> BaselineModel:
    walk = walk_forward(panel, strategy(name), np.zeros(len(panel), np.int64))
    assert walk.reasons == [None] * len(panel)
    return walk.model(0)


@pytest.fixture
def six_weeks(make_panel) -> Panel:
    """Day t sells t; promotions on the Mondays (0, 7, 14, ...) of the odd weeks."""
    promo = [float(day in (7, 21, 35)) for day in range(42)]
    return make_panel(np.arange(42.0), drivers={"price": np.ones(42), "promo": promo})


def test_the_naive_is_the_mean_of_the_last_4_days_with_the_weekday_and_promotion(six_weeks):
    model = model_of(six_weeks, "naive")
    assert model.promotion == "promo"
    assert model.levels[0] == (0 + 14 + 28) / 3  # Mondays without promotion: all three
    assert model.levels[7] == (7 + 21 + 35) / 3
    assert model.levels[1] == (15 + 22 + 29 + 36) / 4
    assert model.levels[6] == (20 + 27 + 34 + 41) / 4
    assert model.levels[8:] == model.levels[1:7]  # no other weekday had one: as without


def test_the_seasonal_naive_is_the_last_such_day(six_weeks):
    levels = model_of(six_weeks, "seasonal-naive").levels
    assert levels == (28, 36, 37, 38, 39, 40, 41, 35, 36, 37, 38, 39, 40, 41)


def test_the_weekday_mean_is_that_of_the_last_12_such_days(make_panel):
    model = model_of(make_panel(np.arange(7.0 * 20)), "weekday-mean")
    assert model.levels[:2] == (7 * np.mean(range(8, 20)), 1 + 7 * np.mean(range(8, 20)))
    assert model.promotion is None


def test_recent_mean_and_median_are_those_of_the_windows_days_whatever_the_weekday(make_panel):
    units = np.r_[np.full(50, 1e9), np.arange(56.0) ** 2]
    panel = make_panel(units)
    assert model_of(panel, "recent-mean").levels == pytest.approx((np.mean(units[50:]),) * 14)
    assert model_of(panel, "recent-median").levels == (median(units[50:].tolist()),) * 14


def test_tsb_is_the_smoothed_chance_of_a_sale_times_its_smoothed_size(make_panel):
    units = [0.0, 4.0, 0.0, 0.0, 8.0]
    chance, size = 2 / 5, (4 + 8) / 2
    for sold in units:
        chance += 0.05 * ((sold > 0) - chance)
        size += 0.1 * (sold - size) if sold else 0.0
    assert model_of(make_panel(units), "tsb").levels == pytest.approx((chance * size,) * 14)
    assert model_of(make_panel(np.zeros(40)), "tsb").levels == (0.0,) * 14


def test_smoothing_of_an_even_series_finds_its_level_and_its_weekdays(make_panel):
    week = np.array([10.0, 20, 30, 40, 50, 60, 70])
    levels = np.array(model_of(make_panel(np.tile(week, 40)), "smoothed").levels)
    np.testing.assert_allclose(levels[:7], week)
    np.testing.assert_allclose(levels[7:], 40)  # of promotions nothing is known


def test_factors_of_a_weekday_are_worth_what_the_noise_leaves_of_them(make_panel):
    """Without a weekday pattern they are near 1, however much single days scatter."""
    units = np.random.default_rng(3).poisson(0.5, 364).astype(float)
    levels = np.array(model_of(make_panel(units), "smoothed").levels[:7])
    raw = units.reshape(-1, 7).mean(axis=0)
    assert levels.std() / levels.mean() < raw.std() / raw.mean() / 2


def test_smoothing_chooses_the_weight_that_would_have_forecast_best_a_week_ahead(make_panel):
    rng = np.random.default_rng(2)
    still = np.full(200, 100.0) + rng.normal(0, 20, 200)
    jumped = np.where(np.arange(200) < 150, 100.0, 300.0)
    slow, quick = (model_of(make_panel(units), "smoothed").levels[0] for units in (still, jumped))
    assert slow == pytest.approx(still.mean(), rel=0.06)
    assert quick > 290  # the slowest would still be at 256


def test_a_weekday_that_never_was_has_the_mean_of_the_last_28_days(make_panel):
    panel = make_panel(np.arange(70.0), closed_sundays=True).open_days()
    for name in ("naive", "seasonal-naive", "weekday-mean"):
        expected = panel.units[-28:].mean()
        assert model_of(panel, name).levels[6] == pytest.approx(expected)


def test_a_promotion_that_exists_in_the_future_only_has_the_weekdays_level(make_panel):
    panel = make_panel(np.arange(70.0), drivers={"promo": np.zeros(70)})
    model = model_of(panel, "naive")
    assert model.promotion == "promo"
    assert model.levels[7:] == model.levels[:7]


def test_an_unknown_flag_counts_as_no_promotion(make_panel):
    promo = np.tile([np.nan, 1.0], 35)
    known = np.nan_to_num(promo)
    both = [make_panel(np.arange(70.0), drivers={"promo": flags}) for flags in (promo, known)]
    assert model_of(both[0], "naive") == model_of(both[1], "naive")


def test_the_promotion_is_the_first_driver_named_so():
    assert promotion_driver(("price", "promo", "promotion")) == "promo"
    assert promotion_driver(("price", "school_holiday")) is None


def test_an_interval_is_made_of_the_errors_of_the_last_120_days(make_panel):
    rng = np.random.default_rng(3)
    units = np.r_[np.full(70, 1e6), rng.normal(100, 10, 7 * 60)]
    model = model_of(make_panel(units), "seasonal-naive")
    errors = (units[7:] - units[:-7])[-120:]
    assert model.below == pytest.approx(np.quantile(errors, 0.025))
    assert model.above == pytest.approx(np.quantile(errors, 0.975))


def test_with_few_errors_an_interval_reaches_as_far_as_the_level_itself(make_panel):
    model = model_of(make_panel([5.0, 8.0]), "naive")
    assert (model.below, model.above) == (-8.0, 8.0)
    nothing = model_of(make_panel([0.0]), "naive")
    assert (nothing.below, nothing.above) == (0.0, 1.0)


@pytest.mark.parametrize(
    "name",
    ["naive", "seasonal-naive", "weekday-mean", "smoothed", "recent-mean", "recent-median", "tsb"],
)
def test_each_fold_is_the_method_on_the_rows_before_it_alone(make_panel, name: str):
    rng = np.random.default_rng(6)
    units = rng.poisson(3, 160).astype(float)
    promo = (rng.random(160) < 0.3).astype(float)
    whole = walk_forward(make_panel(units, drivers={"promo": promo}), strategy(name), NO_FOLDS + 7)
    weekday = (days_from(np.datetime64("2015-01-05").item(), 160).astype(np.int64) + 3) % 7
    for k, cut in enumerate(range(125, 160, 7)):
        before = make_panel(units[:cut], drivers={"promo": promo[:cut]})
        model = model_of(before, name)
        days = slice(cut, cut + 7)
        yhat = np.array(model.levels)[weekday[days] + 7 * promo[days].astype(int)]
        np.testing.assert_allclose(whole.band.yhat[0, k], yhat)
        np.testing.assert_allclose(whole.band.lower[0, k], np.maximum(yhat + model.below, 0))
        np.testing.assert_allclose(whole.band.upper[0, k], yhat + model.above)


def test_what_is_not_finite_or_empty_is_unfit_in_its_place(make_panel):
    panel = make_panel([], [1.0, np.nan], np.ones(6))
    walk = walk_forward(panel, strategy("naive"), np.array([0, 0, 1]))
    assert [type(reason) for reason in walk.reasons] == [FitFailure, FitFailure, type(None)]
    assert "nan on 2015-01-06" in walk.reasons[1].reason


def test_a_strategys_interval_level_is_that_of_its_interval(make_panel):
    panel = make_panel(np.random.default_rng(4).normal(100, 10, 200))
    wide, narrow = (
        walk_forward(panel, strategy("naive"), NO_FOLDS, Backtest(interval_level=level)).model(0)
        for level in (0.95, 0.5)
    )
    assert wide.above > 2 * narrow.above
    assert wide.levels == narrow.levels


def test_the_json_of_a_level_model_is_exact():
    model = BaselineModel(
        "naive", tuple(np.geomspace(1e-9, 1e9, 14).tolist()), -0.1, 1 / 3, "promo"
    )
    assert BaselineModel.from_json_dict(model.to_json_dict()) == model


@pytest.mark.parametrize("weight", [0.05, 0.1, 0.3, 0.5, 0.7, 0.9])
def test_smoothing_is_to_the_bit_that_of_pandas(weight: float):
    for length in (1, 2, 1000):
        values = np.random.default_rng(length).poisson(0.7, length) * 1.1

        theirs = pd.Series(values).ewm(alpha=weight, adjust=False).mean()

        assert _smoothed(values, weight).tolist() == theirs.tolist()
