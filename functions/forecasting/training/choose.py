"""The fourth step of training: which strategy each series' model is made by, and of which members.

The one asked for, or the naive where that can't be fitted or measured, or is worse; or, for a warm
start, the champion's own model at today's level.
"""

from dataclasses import dataclass

import numpy as np

from functions.forecasting.findings import Finding
from functions.forecasting.model import Member
from functions.forecasting.series.own_drivers import alone
from functions.forecasting.series.panel import Panel
from functions.forecasting.strategy import NAIVE, Strategies, Strategy, WarmStartStrategy
from functions.forecasting.strategy import weighed as parts_of
from functions.forecasting.training.entrants import Entrants
from functions.forecasting.training.evidence import Evidence
from functions.forecasting.training.warm_start import can_start_from, refreshed
from functions.forecasting.training.weighing import Weighing


@dataclass(frozen=True)
class Choice:
    """A series' strategy, the models that its forecast is a mean of, and why it is this one.
    `weights` are empty if the members count the same.
    """

    strategy: str
    members: tuple[Member, ...]
    weights: tuple[float, ...]
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, eq=False)
class Weighed:
    """What the first three steps found: open days, who was backtested on them, and how well."""

    days: Panel
    entrants: Entrants
    evidence: Evidence
    weighing: Weighing


def choose(
    weighed: Weighed, strategy: Strategy, known: Strategies, naive_serves: bool
) -> list[Choice]:
    """The choice of each series."""
    asked, choices = weighed.entrants.asked, []
    for i in range(len(weighed.days)):
        findings = _against(asked, i, weighed, naive_serves)
        chosen = NAIVE if findings else asked
        if asked == NAIVE:
            findings = []
        if isinstance(strategy, WarmStartStrategy):
            warm = _warm(i, weighed, strategy, known)
            if isinstance(warm, Choice):
                choices.append(warm)
                continue
            findings = [*findings, warm]
        members, weights = _members(chosen, i, weighed)
        choices.append(Choice(chosen, members, weights, tuple(findings)))
    return choices


def _against(asked: str, i: int, weighed: Weighed, naive_serves: bool) -> list[Finding]:
    """Why the i-th series is not served by the strategy asked for; empty if it is."""
    weighing = weighed.weighing
    why, score = weighing.tested[asked].reasons[i], weighing.score(asked, i)
    if why is not None:
        return [Finding("naive-as-unfit", {"reason": why.reason})]
    if not np.isfinite(score):
        return [Finding("naive-as-unmeasured", {"rows": int(weighed.days.rows[i])})]
    if naive_serves and score > 1:
        return [Finding("naive-as-better", {"strategy": asked, "score": score})]
    return []


def _members(name: str, i: int, weighed: Weighed) -> tuple[tuple[Member, ...], tuple[float, ...]]:
    """The models of the i-th series by that strategy, and how much each counts."""
    shares, evidence = weighed.weighing.shares(name, i), weighed.evidence
    if name in shares:
        return evidence.members(name, i), ()
    members: list[Member] = []
    weights: list[float] = []
    for part, share in shares.items():
        made = evidence.members(part, i)
        for member in made:
            if member not in members:  # of a young series, by two windows of the same days
                members.append(member)
                weights.append(0.0)
            weights[members.index(member)] += share / len(made)
    return tuple(members), () if len(members) == 1 else tuple(weights)


def _warm(
    i: int, weighed: Weighed, strategy: WarmStartStrategy, known: Strategies
) -> Choice | Finding:
    """The champion's model at today's level, or why there is nothing to start from. Its
    strategy's own folds measure it.
    """
    entrants, own = weighed.entrants, alone(weighed.days, i)
    champion, serving = entrants.champions[i], entrants.serving[i]
    if champion is None or not can_start_from(champion.model, own):
        return Finding("cold-start")
    if serving is None or not np.isfinite(weighed.weighing.score(serving, i)):
        return Finding("cold-start-as-unmeasured", {"strategy": champion.strategy})
    parts = parts_of(serving, known)
    fresh = [member for part in parts for member in weighed.evidence.members(part, i)]
    moved = refreshed(champion.model, fresh, own, strategy)
    through = Finding("warm-start", {"through": str(champion.model.last_day)})
    return Choice(serving, moved, champion.model.weights, (through,))
