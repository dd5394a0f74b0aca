import pytest

from functions.forecasting.model import SeriesModel
from functions.forecasting.strategy import BUILT_IN, COLD, NAIVE, Strategies
from functions.forecasting.training.entrants import Entrants, entrants_of
from functions.forecasting.training.trained import Champion


@pytest.fixture
def champion(made_up):
    model = SeriesModel((made_up,), made_up.last_day, 1.0)
    return lambda name: Champion(name, model)


def entered(name: str, champions: list, known: Strategies = BUILT_IN) -> Entrants:
    return entrants_of(BUILT_IN[name], champions, known)


def test_a_plain_strategy_is_compared_with_the_naive():
    found = entered("windowed", [None, None])
    assert (found.asked, found.candidates) == ("windowed", ("windowed",))
    assert found.wanted == {"windowed": None, NAIVE: None}


def test_candidates_are_backtested_for_every_series():
    found = entered("auto", [None])
    assert found.wanted == dict.fromkeys([*BUILT_IN["auto"].candidates, NAIVE])


def test_a_champions_strategy_is_backtested_for_the_series_that_it_serves(champion):
    found = entered("windowed", [champion("full"), None, champion("full"), champion("tsb")])
    assert found.serving == ["full", None, "full", "tsb"]
    assert {name: at.tolist() for name, at in found.wanted.items() if at is not None} == {
        "full": [0, 2],
        "tsb": [3],
    }
    assert list(found.mixed) == ["windowed", "full", "tsb"]


def test_what_is_backtested_for_all_stays_so(champion):
    assert entered("windowed", [champion("windowed")]).wanted["windowed"] is None


def test_the_series_of_champions_that_share_a_candidate_come_together(champion):
    found = entered("windowed", [champion("auto"), champion("smoothed"), champion(NAIVE)])
    assert found.wanted["smoothed"].tolist() == [0, 1]
    assert found.wanted["local"].tolist() == [0]
    assert found.wanted[NAIVE] is None


def test_a_champion_of_a_strategy_that_is_gone_is_not_compared(champion):
    found = entered("windowed", [champion("of-last-year")])
    assert (found.serving, found.wanted.keys()) == ([None], {"windowed", NAIVE})


def test_a_warm_start_is_compared_as_what_it_falls_back_on():
    assert entered("warm-start", [None]).asked == COLD
