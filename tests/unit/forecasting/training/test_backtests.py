from datetime import date

import numpy as np
import pytest

from functions.forecasting.backtest import DEFAULT
from functions.forecasting.strategy import (
    EnsembleStrategy,
    ProphetStrategy,
    SelectionStrategy,
    strategy,
    table,
)
from functions.forecasting.training.backtests import Backtests
from functions.forecasting.training.train import train
from tests.unit.forecasting.generated import weekly_sales
from tests.unit.forecasting.training.steps import AS_OF

ALL = ProphetStrategy(name="all-days")
SHORT = ProphetStrategy(name="short", window_days=60)
BOTH = EnsembleStrategy(name="both", members=("all-days", "short"))
EITHER = SelectionStrategy(name="either", candidates=("all-days", "short"))
OWN = table([ALL, SHORT, BOTH, EITHER])


@pytest.fixture
def noisy(make_panel):
    return make_panel(*(weekly_sales(182, seed) for seed in range(4)))


def backtests(panel, wanted, quick, as_of=AS_OF, horizon=7):
    return Backtests(
        panel, np.zeros(len(panel.dates), bool), as_of, horizon, DEFAULT, wanted, OWN, quick
    )


def test_every_strategy_has_the_same_folds(noisy, quick):
    quick.says = {"all-days": lambda actual: actual + 5.0, "short": lambda actual: actual - 3.0}
    tests = backtests(noisy, {"all-days": None, "short": None}, quick)
    assert tests.actual.shape == (4, 5, 7)
    assert np.allclose(tests["all-days"].band.yhat, tests.actual + 5.0)
    assert np.allclose(tests["short"].band.yhat, tests.actual - 3.0)


def test_a_mean_of_members_is_the_mean_of_their_folds_and_has_both_models(noisy, quick):
    quick.says = {"all-days": lambda actual: actual + 5.0, "short": lambda actual: actual - 3.0}
    tests = backtests(noisy, {"both": None}, quick)
    assert np.allclose(tests["both"].band.yhat, tests.actual + 1.0)
    assert tests.members("both", 0) == (quick.model, quick.model)


def test_a_strategy_for_some_series_has_folds_of_those_alone(noisy, quick):
    tests = backtests(noisy, {"all-days": None, "short": np.array([1, 3])}, quick)
    known = np.isfinite(tests["short"].band.yhat).all(axis=(1, 2))
    assert known.tolist() == [False, True, False, True]
    assert [why is None for why in tests["short"].reasons] == known.tolist()
    assert tests.has("both")
    assert not backtests(noisy, {"all-days": None}, quick).has("both")


def test_folds_end_the_day_before_as_of_and_are_as_long_as_the_horizon(noisy, quick):
    tests = backtests(noisy, {"all-days": None}, quick, horizon=14)
    assert tests.fold_days(0)[-1] == (date(2015, 6, 22), date(2015, 7, 5))
    assert tests.actual.shape == (4, 5, 14)


def test_strategies_whose_windows_leave_out_nothing_are_walked_once(make_panel, noisy, quick):
    either = strategy("either", OWN)
    train(make_panel(weekly_sales(59)), either, date(2015, 3, 5), quick, known=OWN)
    assert [seen[1].name for seen in quick.seen] == ["all-days"]
    quick.seen.clear()
    train(noisy, either, AS_OF, quick, known=OWN)
    assert [seen[1].name for seen in quick.seen] == ["all-days", "short"]


def test_days_that_no_fit_sees_make_no_second_walk(make_panel, quick):
    panel, known = make_panel(weekly_sales(70)), {ALL.name: None, SHORT.name: None}
    as_of = date(2015, 3, 16)  # the day after the last; the first ten are beyond the window
    for discounted, walked in ((10, ["all-days"]), (9, ["all-days", "short"])):
        quick.seen.clear()
        Backtests(panel, np.arange(70) < discounted, as_of, 7, DEFAULT, known, OWN, quick)
        assert [seen[1].name for seen in quick.seen] == walked


def test_a_walk_whose_reasons_name_their_strategy_is_nobody_elses(make_panel, quick):
    quick.fails = {"all-days": "all-days can't be fitted"}
    either = strategy("either", OWN)
    train(make_panel(weekly_sales(59)), either, date(2015, 3, 5), quick, known=OWN)
    assert [seen[1].name for seen in quick.seen] == ["all-days", "short"]
