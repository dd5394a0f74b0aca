from collections.abc import Callable
from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from functions.forecasting.backtest import Backtest
from functions.forecasting.baselines.baseline import BaselineModel
from functions.forecasting.prophet.parameters import ProphetParameters
from functions.forecasting.series.failures import FitFailure
from functions.forecasting.series.panel import Panel
from functions.forecasting.strategy import (
    NAIVE,
    EnsembleStrategy,
    ProphetStrategy,
    SelectionStrategy,
    Strategy,
    strategy,
    table,
)
from functions.forecasting.training.backtests import MIN_BLOCK
from functions.forecasting.training.caps import CAP
from functions.forecasting.training.train import train
from functions.forecasting.training.trained import Champion, Trained
from tests.unit.forecasting.generated import weekly_sales
from tests.unit.forecasting.walks import served

AS_OF = date(2015, 7, 6)  # 26 weeks after the series' first Monday
ALL = ProphetStrategy(name="all-days")
SHORT = ProphetStrategy(name="short", window_days=60)
BOTH = EnsembleStrategy(name="both", members=("all-days", "short"))
EITHER = SelectionStrategy(name="either", candidates=("all-days", "short"))
OWN = table([ALL, SHORT, BOTH, EITHER])


def off_by(units: float) -> Callable[[np.ndarray], np.ndarray]:
    """Forecasts that are too high by so many units on every second day, and too low between."""
    return lambda actual: actual + units * (-1.0) ** np.arange(len(actual))


@pytest.fixture
def noisy(make_panel) -> Panel:
    """Four series of 26 weeks, whose naive is off by some 300 units."""
    return make_panel(*(weekly_sales(182, seed) for seed in range(4)))


def test_an_engine_sees_the_open_days_of_the_window_only(make_panel, quick, windowed):
    panel = make_panel(np.ones(300), closed_sundays=True)
    train(panel, windowed, AS_OF, quick)
    [(seen, asked, _, blocks)] = quick.seen
    assert seen.dates.min() == np.datetime64("2015-03-09")  # the 120th day before is a Sunday
    assert seen.dates.max() == np.datetime64("2015-07-04")  # Sunday the 5th is closed
    assert seen.is_open.all()
    assert asked == windowed
    assert blocks.tolist() == [MIN_BLOCK]


def test_a_trained_series_knows_its_key_model_errors_and_days(noisy, quick, windowed):
    quick.says["windowed"] = off_by(30.0)
    trained = train(noisy, windowed, AS_OF, quick)[1]
    assert isinstance(trained, Trained)
    assert (trained.key, trained.chosen, trained.notes) == (("2", "all"), "windowed", ())
    assert trained.model.members == (quick.model,)
    assert (trained.first_day, trained.rows) == (quick.model.first_day, quick.model.rows)
    assert trained.data_through == date(2015, 7, 5)
    assert trained.metrics.mae == pytest.approx(30.0)
    assert trained.metrics.bias == pytest.approx(30 / 35 / 5500, rel=0.1)
    assert [fold.metrics.mae for fold in trained.folds] == pytest.approx([30.0] * 5)
    assert [(fold.first_day, fold.last_day) for fold in trained.folds][-1] == (
        date(2015, 6, 29),
        date(2015, 7, 5),
    )
    assert trained.model.cap == CAP * noisy.units[noisy.series(1)].max()


def test_strategies_are_compared_on_the_same_folds_the_best_first(noisy, quick):
    quick.says |= {"all-days": off_by(50.0), "short": off_by(20.0)}
    for trained in train(noisy, EITHER, AS_OF, quick, known=OWN):
        assert trained.chosen == "either"
        compared = {each.strategy: each for each in trained.comparison}
        assert compared.keys() == {"either", "short", "all-days", "naive"}
        scores = [each.score for each in trained.comparison]
        assert scores == sorted(scores)
        assert compared["naive"].score == pytest.approx(1.0)
        assert compared["short"].metrics.mae == pytest.approx(20)
        assert compared["all-days"].metrics.mae == pytest.approx(50)
        assert not any(each.champion for each in trained.comparison)
    tests = {asked.name: seen for seen, asked, _, blocks in quick.seen if (blocks == 7).all()}
    assert set(tests) == {"all-days", "short"}


def test_members_are_averaged_and_both_kept(noisy, quick):
    quick.says |= {"all-days": off_by(50.0), "short": off_by(-20.0)}
    trained = train(noisy, BOTH, AS_OF, quick, known=OWN)[0]
    assert trained.chosen == "both"
    assert trained.metrics.mae == pytest.approx(15.0)
    assert trained.model.members == (quick.model, quick.model)


def test_members_that_can_not_be_fitted_are_left_out_and_named(noisy, quick):
    quick.fails["short"] = "no optimum"
    quick.says["all-days"] = off_by(50.0)
    trained = train(noisy, BOTH, AS_OF, quick, known=OWN)[0]
    assert trained.chosen == "both"
    assert trained.model.members == (quick.model,)
    assert trained.notes == ("without short, which it has no days for",)
    assert trained.metrics.mae == pytest.approx(50.0)


def test_candidates_count_by_what_their_folds_say_of_them(noisy, quick):
    quick.says |= {"all-days": off_by(50.0), "short": off_by(-45.0)}
    quick.models["short"] = replace(quick.model, m=0.5)
    trained = train(noisy, EITHER, AS_OF, quick, known=OWN)[0]
    weights = {each.strategy: each.weight for each in trained.comparison}
    assert weights["either"] is weights["naive"] is None
    assert weights["short"] > weights["all-days"] > 0
    assert weights["short"] + weights["all-days"] == pytest.approx(1)
    assert trained.model.weights == pytest.approx((weights["all-days"], weights["short"]))
    mean = 50 * weights["all-days"] - 45 * weights["short"]
    assert trained.metrics.mae == pytest.approx(abs(mean))


def test_windows_that_hold_the_same_days_are_fitted_once(make_panel, quick):
    """Of young series, next to an old one; the model has one member, which counts alone."""
    panel = make_panel(weekly_sales(182, 1), weekly_sales(182, 2))
    panel = panel.only(np.arange(2 * 182) >= np.repeat([0, 2 * 182 - 50], 182))
    [alone] = train(panel.select([1]), EITHER, AS_OF, quick, known=OWN, naive_serves=False)
    assert [(asked.name, len(seen)) for seen, asked, _, _ in quick.seen] == [("all-days", 1)]
    quick.seen.clear()
    _, young = train(panel, EITHER, AS_OF, quick, known=OWN, naive_serves=False)
    seen = {asked.name: len(seen) for seen, asked, _, blocks in quick.seen if len(blocks)}
    assert seen == {"all-days": 2, "short": 1}
    assert (young.model, young.folds) == (alone.model, alone.folds)
    assert (young.model.members, young.model.weights) == ((quick.model,), ())
    assert {each.strategy for each in young.comparison} == {"either", "all-days", "short", NAIVE}


def test_a_candidate_that_is_biased_counts_less_than_one_as_far_off_by_day(noisy, quick):
    quick.says |= {"all-days": lambda actual: actual + 40.0, "short": off_by(45.0)}
    trained = train(noisy, EITHER, AS_OF, quick, known=OWN)[0]
    by_name = {each.strategy: each for each in trained.comparison}
    assert by_name["all-days"].metrics.wape < by_name["short"].metrics.wape
    assert (by_name["all-days"].weight or 0) < by_name["short"].weight


def naives_loss(panel: Panel) -> float:
    """The naive's loss on one series, from its own fold metrics."""
    [trained] = train(panel, strategy(NAIVE), AS_OF, never)
    metrics = [fold.metrics for fold in trained.folds]
    days = np.array([panel.units[-35:]]).reshape(1, 5, 7)
    means = [abs(m.bias) * units.sum() / 7 for m, units in zip(metrics, days[0], strict=True)]
    by_day, by_fold = np.mean([m.mae for m in metrics]), np.mean(means)
    return float(by_day + by_fold) / 2


class Never:
    """An engine that is not to be asked."""

    def walk_forward(self, *_: object) -> None:
        raise AssertionError("no engine is needed")


never = Never()


@pytest.mark.parametrize(("times", "winner"), [(0.99, "all-days"), (1.10, "naive")])
def test_the_naive_serves_where_nothing_beats_it(make_panel, quick, times, winner):
    panel = make_panel(weekly_sales(182))
    # Off by as much every day, in turn up and down, is a loss of about half of that.
    error = 2 * times * naives_loss(panel) / (1 + 1 / 7)
    quick.says["all-days"] = lambda actual: actual + error * (-1.0) ** (np.arange(len(actual)) % 7)
    [trained] = train(panel, ALL, AS_OF, quick, known=OWN)
    assert trained.chosen == winner
    if winner == "naive":
        [note] = trained.notes
        assert note.startswith("the naive serves: all-days scores 1.0")
        [member] = trained.model.members
        assert isinstance(member, BaselineModel)
    [forced] = train(panel, ALL, AS_OF, quick, known=OWN, naive_serves=False)
    assert forced.chosen == "all-days"


def test_the_champions_strategy_is_backtested_on_the_same_folds(noisy, quick, made_up):
    quick.says |= {"all-days": off_by(50.0), "short": off_by(20.0)}
    champion = Champion("short", served(made_up))
    results = train(noisy, ALL, AS_OF, quick, champions={("2", "all"): champion}, known=OWN)
    marked = [[each for each in result.comparison if each.champion] for result in results]
    assert [len(each) for each in marked] == [0, 1, 0, 0]
    assert (marked[1][0].strategy, marked[1][0].metrics.mae) == ("short", pytest.approx(20.0))
    assert [result.chosen for result in results] == ["all-days"] * 4
    by_name = {asked.name: (seen, blocks) for seen, asked, _, blocks in quick.seen}
    seen, blocks = by_name["short"]
    assert seen.keys == (("2", "all"),)
    assert (blocks == by_name["all-days"][1][1]).all()


def test_a_champion_of_the_strategy_asked_for_is_marked_beside_it(noisy, quick, made_up):
    quick.says["all-days"] = off_by(20.0)
    champions = {key: Champion("all-days", served(made_up)) for key in noisy.keys}
    trained = train(noisy, ALL, AS_OF, quick, champions=champions, known=OWN)[0]
    named = [(each.strategy, each.champion) for each in trained.comparison]
    assert named == [("all-days", False), ("all-days", True), ("naive", False)]


def test_a_champion_of_a_strategy_that_is_gone_is_not_compared(noisy, quick, made_up):
    champions = {key: Champion("forgotten", served(made_up)) for key in noisy.keys}
    for trained in train(noisy, ALL, AS_OF, quick, champions=champions, known=OWN):
        assert not any(each.champion for each in trained.comparison)


def test_a_champion_is_measured_on_the_folds_asked_for(noisy, quick, made_up):
    many = ProphetStrategy(name="many", min_open_days=20)
    few = ProphetStrategy(name="few", min_open_days=3, window_days=90)
    known = table([many, few])
    champions = {key: Champion("few", served(made_up)) for key in noisy.keys}
    ten = Backtest(n_splits=10)
    trained = train(noisy, many, AS_OF, quick, champions=champions, known=known, backtest=ten)[0]
    assert len(trained.folds) == 10
    assert {each.strategy for each in trained.comparison} == {"many", "few", "naive"}
    assert {seen.n_splits for seen in quick.backtests} == {10}


def test_intervals_that_miss_are_widened_and_their_coverage_before_is_told(noisy, quick):
    quick.says["all-days"] = lambda actual: actual * 1.2  # and reaches a tenth to either side
    trained = train(noisy, ALL, AS_OF, quick, known=OWN, naive_serves=False)[0]
    assert trained.coverage_before == 0.0
    # 1.2 - 1 is 1 2/3 times a tenth of 1.2.
    assert trained.model.interval_scale == pytest.approx((0.2 / 0.12,) * 7, rel=1e-6)
    assert trained.metrics.coverage > 0.9


def test_too_few_open_days_are_served_by_the_naive_which_says_so(make_panel, quick, windowed):
    [trained] = train(make_panel([4.0, 8.0, 6.0]), windowed, date(2015, 1, 31), quick)
    [note] = trained.notes
    assert note == (
        "the naive serves: 3 open days in the 120 days before 2015-01-31; "
        "windowed needs at least 10"
    )
    assert trained.chosen == "naive"
    assert trained.model.members[0].levels[:4] == (4.0, 8.0, 6.0, 6.0)
    assert (trained.folds, trained.comparison, trained.coverage_before) == ((), (), None)
    assert trained.metrics.mae is None
    assert quick.seen == []


def test_of_several_candidates_none_of_which_has_the_days_the_naive_serves(make_panel, quick):
    [trained] = train(make_panel([4.0, 8.0, 6.0]), EITHER, AS_OF, quick, known=OWN)
    assert "3 open days in all days before 2015-07-06" in trained.notes[0]
    assert trained.chosen == NAIVE


def test_all_history_is_named_as_such(make_panel, quick):
    [trained] = train(make_panel(np.ones(3)), ALL, date(2015, 1, 31), quick, known=OWN)
    assert "3 open days in all days before 2015-01-31" in trained.notes[0]


def test_a_series_that_sells_too_rarely_for_a_strategy_is_not_fitted_by_it(make_panel, quick):
    often = replace(ALL, most_zero_days=0.2)
    units = np.where(np.arange(182) % 3 == 0, 5.0, 0.0)
    [trained] = train(make_panel(units), often, AS_OF, quick, known=table([often]))
    assert trained.chosen == "naive"
    assert "nothing sold on 66% of the open days" in trained.notes[0]


def test_a_nan_is_refused_by_its_day(make_panel, quick, windowed):
    units = np.ones(100)
    units[[40, 50]] = np.nan
    (unfit,) = train(make_panel(units), windowed, date(2015, 4, 15), quick)
    assert unfit.reason.startswith("units are nan on 2015-02-14 (2 such days in 100)")


def test_negative_units_are_refused_by_their_day(make_panel, quick, windowed):
    """There is no logarithm of them, so a strategy on the log scale would lose the series."""
    units = np.ones(100)
    units[40] = -2.0
    (unfit,) = train(make_panel(units), windowed, date(2015, 4, 15), quick)
    assert unfit == FitFailure(
        "units are -2.0 on 2015-02-14 (1 such days in 100); finite numbers from 0 on are needed"
    )


def test_a_nan_on_a_closed_day_or_from_as_of_on_harms_nothing(make_panel, quick, windowed):
    units = np.ones(200)
    units[76] = np.nan  # a Sunday
    units[182] = np.inf  # as_of itself
    (trained,) = train(make_panel(units, closed_sundays=True), windowed, AS_OF, quick)
    assert isinstance(trained, Trained)
    assert trained.data_through == date(2015, 7, 4)


def test_results_are_in_the_panels_order_and_bad_series_do_not_harm_good_ones(
    make_panel, quick, windowed
):
    good, bad = np.ones(100), np.full(100, np.nan)
    panel = make_panel(good, bad, [], good)
    results = train(panel, windowed, date(2015, 4, 15), quick)
    assert [type(each) for each in results] == [Trained, FitFailure, FitFailure, Trained]
    assert results[2] == FitFailure("no open day before 2015-04-15; at least 1 is needed")
    assert results[3].key == ("4", "all")


def test_what_an_engine_can_not_fit_is_served_by_the_naive_which_says_why(noisy, quick):
    quick.fails["all-days"] = "the fit failed"
    trained = train(noisy, ALL, AS_OF, quick, known=OWN)[0]
    assert (trained.chosen, trained.notes) == ("naive", ("the naive serves: the fit failed",))


def test_closed_weekdays_are_those_without_an_open_day_lately(make_panel, quick, windowed):
    panel = make_panel(np.ones(364))
    sunday = (panel.dates.astype(np.int64) + 3) % 7 == 6
    lately = np.arange(364) > 364 - 150
    wednesday = (panel.dates.astype(np.int64) + 3) % 7 == 2
    panel = replace(panel, is_open=~(sunday & lately) & ~(wednesday & (np.arange(364) % 14 < 7)))
    [trained] = train(panel, windowed, date(2016, 1, 4), quick)
    assert trained.model.closed_weekdays == (6,)
    assert trained.model.rest_weekdays == (2,)  # half of the Wednesdays


def test_a_longer_horizon_has_longer_folds_where_the_history_has_room(make_panel, quick):
    panel = make_panel(np.ones(182), np.ones(30))
    train(panel, ALL, AS_OF, quick, horizon=14, known=OWN)
    assert quick.seen[0][3].tolist() == [14, 5]


def test_a_model_keeps_what_is_usual_of_its_drivers(make_panel, quick):
    told = replace(ALL, drivers=True)
    promo = np.tile([1.0, 0, 0, 0, 0, 0, 0], 26)
    panel = make_panel(np.ones(182), drivers={"promo": promo})
    [trained] = train(panel, told, AS_OF, quick, known=table([told]))
    assert trained.model.typical_drivers == {"promo": (1, 0, 0, 0, 0, 0, 0)}
    assert quick.seen[0][2].names == ("driver/promo",)


def test_an_empty_panel_trains_nothing(make_panel, quick, windowed: Strategy):
    nothing: Panel = make_panel()
    assert train(nothing, windowed, AS_OF, quick) == []


def test_the_made_up_model_is_what_every_series_gets(noisy, quick, made_up: ProphetParameters):
    results = train(noisy, ALL, AS_OF, quick, known=OWN, naive_serves=False)
    assert [result.model.members for result in results] == [(made_up,)] * 4
