import numpy as np
import pytest

from functions.forecasting.model import SeriesModel
from functions.forecasting.strategy import (
    BUILT_IN,
    NAIVE,
    ProphetStrategy,
    SelectionStrategy,
    table,
)
from functions.forecasting.training.trained import Champion
from tests.unit.forecasting.generated import weekly_sales
from tests.unit.forecasting.training.steps import steps

ALL, SHORT = ProphetStrategy(name="all-days"), ProphetStrategy(name="short", window_days=60)
EITHER = SelectionStrategy(name="either", candidates=("all-days", "short"))
OWN = table([ALL, SHORT, EITHER])


@pytest.fixture
def noisy(make_panel):
    return make_panel(*(weekly_sales(182, seed) for seed in range(3)))


def codes(choice) -> list[str]:
    return [finding.code for finding in choice.findings]


def test_what_was_asked_for_is_taken_where_it_beats_the_naive(noisy, quick):
    for choice in steps(noisy, ALL, quick, OWN).choices():
        assert (choice.strategy, codes(choice)) == ("all-days", [])
        assert (choice.members, choice.weights) == ((quick.model,), ())


@pytest.mark.parametrize(
    ("naive_serves", "strategy", "said"),
    [(True, NAIVE, ["naive-as-better"]), (False, "all-days", [])],
)
def test_the_naive_serves_where_it_is_better_unless_a_model_is_wanted(
    noisy, quick, naive_serves, strategy, said
):
    quick.says["all-days"] = lambda actual: actual + 5000.0
    for choice in steps(noisy, ALL, quick, OWN).choices(naive_serves):
        assert (choice.strategy, codes(choice)) == (strategy, said)


def test_the_naive_serves_what_can_not_be_fitted_and_the_reason_is_told(noisy, quick):
    quick.fails["all-days"] = "no optimum"
    for choice in steps(noisy, ALL, quick, OWN).choices():
        assert (choice.strategy, codes(choice)) == (NAIVE, ["naive-as-unfit"])
        assert choice.findings[0].values == {"reason": "no optimum"}


def test_the_naive_that_was_asked_for_needs_no_reason(noisy, quick):
    for choice in steps(noisy, BUILT_IN[NAIVE], quick).choices():
        assert (choice.strategy, codes(choice)) == (NAIVE, [])


def test_candidates_count_by_their_weights_which_sum_to_one(noisy, quick, made_up):
    shorter = made_up.__class__(**{**vars(made_up), "k": 0.2})
    quick.models |= {"all-days": made_up, "short": shorter}
    quick.says |= {
        "all-days": lambda actual: actual + 30.0 * (-1.0) ** np.arange(len(actual)),
        "short": lambda actual: actual + 33.0 * (-1.0) ** np.arange(len(actual)),
    }
    for choice in steps(noisy, EITHER, quick, OWN).choices():
        assert (choice.strategy, choice.members) == ("either", (made_up, shorter))
        assert sum(choice.weights) == pytest.approx(1.0)
        assert choice.weights[0] > choice.weights[1] > 0


def test_one_model_by_two_candidates_counts_for_both(noisy, quick):
    for choice in steps(noisy, EITHER, quick, OWN).choices():
        assert (choice.members, choice.weights) == ((quick.model,), ())


def test_a_warm_start_moves_the_champions_model_where_there_is_one(noisy, quick, made_up):
    model = SeriesModel((made_up,), made_up.last_day, 1.0)
    champions = {noisy.keys[0]: Champion("windowed", model), noisy.keys[1]: Champion("gone", model)}
    found = steps(noisy, BUILT_IN["warm-start"], quick, champions=champions).choices()
    assert [each.strategy for each in found] == ["windowed", "calendar", "calendar"]
    assert [codes(each) for each in found] == [
        ["warm-start"],
        ["cold-start-as-unmeasured"],
        ["cold-start"],
    ]
    moved = found[0].members[0]
    assert (moved.k, moved.beta) == (made_up.k, made_up.beta)
    assert moved.shift != 0
