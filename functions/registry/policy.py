"""Decide whether a new model becomes the champion of its series. Pure.

A score is the error in the backtest relative to the naive's on the same folds: 1 equals the
naive, less is better. The champion's score is not from its own training; its strategy is
backtested again on the new model's folds.
"""

from collections.abc import Mapping, Sequence

from events.payloads import Compared, Policy
from functions.forecasting.training.selection import TOLERANCE
from functions.records import Candidate, Verdict

BIAS_BOUND = 0.25  # share of units sold; beyond it shelves are empty or overfull whatever the score
NAIVE = "naive"


def choose_champion(
    policy: Policy,
    model: Candidate,
    champion: Candidate | None,
    comparison: Sequence[Compared],
    metrics: Mapping[str, float | None],
) -> Verdict:
    """Decide whether the model replaces the champion, with the reason in words and numbers.

    An older model never does; under `never` no model does, under `always` every newer one. Under
    `if-better` its score may exceed the champion's by at most TOLERANCE, it may lose to the naive
    only if the champion is worse, and its bias may exceed BIAS_BOUND only if the champion's is as
    large. `comparison` and `metrics` are the new model's.
    """
    of_champion = None if champion is None else champion.model_id
    new = _new(model, comparison)
    old = None if champion is None else _champions(champion, comparison)
    promote, reason = _decide(policy, model, champion, new, old, metrics)
    score = None if new is None else new.score
    return Verdict(promote, reason, of_champion, score, None if old is None else old.score)


def _new(model: Candidate, comparison: Sequence[Compared]) -> Compared | None:
    own = (c for c in comparison if c.strategy == model.forecasts_by and c.model_id is None)
    return next(own, None)


def _champions(champion: Candidate, comparison: Sequence[Compared]) -> Compared | None:
    """Return the champion's entry, or its strategy's if it became champion after the training."""
    named = (c for c in comparison if c.model_id == champion.model_id)
    alike = (c for c in comparison if c.strategy == champion.forecasts_by)
    return next(named, None) or next(alike, None)


def _decide(
    policy: Policy,
    model: Candidate,
    champion: Candidate | None,
    new: Compared | None,
    old: Compared | None,
    metrics: Mapping[str, float | None],
) -> tuple[bool, str]:
    if policy == "never":
        return False, "policy never: it is champion only if a person promotes it"
    if champion is None:
        return True, "the series had no champion"
    if model.age < champion.age:
        return False, f"older than the champion: {_aged(model)}, the champion {_aged(champion)}"
    if policy == "always":
        return True, "policy always: the newest model is champion"
    if new is None or old is None:
        whose = "the champion's" if new is not None else "its own"
        return True, f"not comparable, so the newest is champion: no score of {whose} strategy"
    return _compare(model, new, old, metrics)


def _compare(
    model: Candidate, new: Compared, old: Compared, metrics: Mapping[str, float | None]
) -> tuple[bool, str]:
    scores = f"score {new.score:.3f}, champion {old.score:.3f} on the same folds (naive 1)"
    if new.score > old.score * (1 + TOLERANCE):
        return False, f"{scores}: it loses by more than {TOLERANCE:.0%}"
    if new.score > 1 and model.forecasts_by != NAIVE and old.score <= new.score:
        return False, f"{scores}: the naive is better, and the champion no worse"
    bias, champions_bias = new.metrics.get("bias", metrics.get("bias")), old.metrics.get("bias")
    if bias is not None and champions_bias is not None and abs(bias) > BIAS_BOUND:
        biases = f"bias {bias:+.0%}, champion {champions_bias:+.0%}"
        if abs(champions_bias) < abs(bias):
            return False, f"{scores}: but {biases}, beyond {BIAS_BOUND:.0%}"
    return True, scores


def _aged(model: Candidate) -> str:
    return f"data through {model.data_through}, requested {model.requested_at:%Y-%m-%d %H:%M:%S}"
