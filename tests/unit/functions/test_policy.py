from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.payloads import Compared
from functions.records import Candidate
from functions.registry.policy import BIAS_BOUND, TOLERANCE, choose_champion

NOON = datetime(2015, 8, 1, 12, tzinfo=UTC)
OLD = Candidate("old", date(2015, 7, 1), NOON, "full")
NEW = Candidate("new", date(2015, 8, 1), NOON, "windowed")


def entry(name: str, score: float, model_id: str | None = None, **metrics: float) -> Compared:
    return Compared(strategy=name, model_id=model_id, score=score, metrics=metrics)


def compared(new: float, champion: float, /, **biases: float) -> list[Compared]:
    """The new model's score, the champion's and the naive's; biases by `new` and `champion`."""
    told = {who: {"bias": bias} for who, bias in biases.items()}
    return [
        entry("naive", 1.0),
        entry("windowed", new, **told.get("new", {})),
        entry("full", champion, "old", **told.get("champion", {})),
    ]


def judged(comparison, policy="if-better", model=NEW, champion=OLD, metrics=None):
    return choose_champion(policy, model, champion, comparison, metrics or {})


def test_a_better_model_is_promoted_with_the_numbers():
    verdict = judged(compared(0.7, 0.8))
    assert verdict.promote
    assert verdict.reason == "score 0.700, champion 0.800 on the same folds (naive 1)"
    assert (verdict.champion_model_id, verdict.score, verdict.champion_score) == ("old", 0.7, 0.8)


def test_a_model_that_loses_stays_challenger_and_says_by_how_much():
    verdict = judged(compared(0.83, 0.8))
    assert not verdict.promote
    assert "score 0.830, champion 0.800" in verdict.reason
    assert "loses by more than 2%" in verdict.reason


def test_a_loss_within_the_tolerance_is_none():
    assert judged(compared(0.8 * (1 + TOLERANCE), 0.8)).promote
    assert not judged(compared(0.8 * (1 + TOLERANCE) * 1.0001, 0.8)).promote


def test_a_model_that_loses_to_the_naive_stays_challenger():
    verdict = judged(compared(1.01, 1.0))
    assert not verdict.promote
    assert "the naive is better" in verdict.reason


def test_a_model_that_loses_to_the_naive_replaces_a_champion_that_is_worse():
    assert judged(compared(1.1, 1.3)).promote


def test_the_naive_itself_may_be_champion():
    naive = Candidate("new", NEW.data_through, NOON, "naive")
    assert judged([entry("naive", 1.0), entry("full", 1.0, "old")], model=naive).promote
    assert not judged([entry("naive", 1.0), entry("full", 0.9, "old")], model=naive).promote


def test_the_first_model_of_a_series_is_promoted_even_if_it_loses_to_the_naive():
    verdict = judged([entry("naive", 1.0), entry("windowed", 2.0)], champion=None)
    assert verdict.promote
    assert verdict.champion_model_id is None


@pytest.mark.parametrize(
    ("comparison", "whose"),
    [
        ([], "its own"),
        ([entry("full", 0.1, "old")], "its own"),
        ([entry("windowed", 9.0), entry("naive", 1.0)], "the champion's"),
    ],
)
def test_what_cannot_be_compared_is_promoted_for_being_the_newest(comparison, whose):
    verdict = judged(comparison)
    assert verdict.promote
    assert verdict.reason.startswith("not comparable")
    assert f"no score of {whose} strategy" in verdict.reason


def test_a_champion_that_came_meanwhile_is_compared_by_its_strategy():
    comparison = [entry("windowed", 0.9), entry("full", 0.5), entry("calendar", 0.99, "older")]
    verdict = judged(comparison)
    assert (verdict.promote, verdict.champion_score) == (False, 0.5)


@pytest.mark.parametrize("policy", ["always", "if-better"])
def test_an_older_model_never_replaces_a_newer_champion(policy):
    comparison = [entry("full", 0.1), entry("windowed", 0.9, "new")]
    verdict = judged(comparison, policy, model=OLD, champion=NEW)
    assert not verdict.promote
    assert "older than the champion: data through 2015-07-01" in verdict.reason
    early = Candidate("new", NEW.data_through, NOON - timedelta(hours=1), "windowed")
    assert not judged([], policy, model=early, champion=NEW).promote


def test_never_keeps_and_always_takes_whatever_the_scores_are():
    assert not judged(compared(0.1, 0.9), "never").promote
    assert not judged([], "never", champion=None).promote
    assert judged(compared(9.0, 0.9, new=5.0, champion=0.0), "always").promote


def test_a_better_score_does_not_excuse_a_bias_beyond_the_bound():
    verdict = judged(compared(0.5, 0.8, new=-0.3, champion=0.04))
    assert not verdict.promote
    assert "bias -30%, champion +4%, beyond 25%" in verdict.reason
    assert judged(compared(0.5, 0.8, new=BIAS_BOUND, champion=0.0)).promote
    assert judged(compared(0.5, 0.8, new=0.3, champion=-0.4)).promote, "the champion's is worse"
    assert judged(compared(0.5, 0.8, new=0.3)).promote, "the champion's is unknown"


def test_a_bias_that_only_the_models_own_metrics_have_counts():
    assert not judged(compared(0.5, 0.8, champion=0.0), metrics={"bias": 0.6}).promote
    assert judged(compared(0.5, 0.8, champion=0.0), metrics={"bias": None}).promote


scores = st.floats(0.01, 10)


@given(new=scores, champion=scores, better=st.floats(0.0, 1.0))
def test_a_better_score_never_turns_a_promotion_into_a_refusal(new, champion, better):
    if judged(compared(new, champion)).promote:
        assert judged(compared(new * better, champion)).promote


@given(new=scores, champion=scores)
def test_what_is_promoted_does_not_lose_by_more_than_the_tolerance(new, champion):
    if judged(compared(new, champion)).promote:
        assert new <= champion * (1 + TOLERANCE)
        assert new <= 1 or champion > new
