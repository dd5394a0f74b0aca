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
from functions.forecasting.strategy import NAIVE, Strategies, Strategy
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


def choose(
    days: Panel,
    strategy: Strategy,
    known: Strategies,
    entrants: Entrants,
    evidence: Evidence,
    weighing: Weighing,
    naive_serves: bool,
) -> list[Choice]:
    """The choice of each series of `days`."""
    choices = []
    for i in range(len(days)):
        findings = _against(entrants.asked, i, days, weighing, naive_serves)
        chosen = NAIVE if findings else entrants.asked
        if entrants.asked == NAIVE:
            findings = []
        if strategy.method == "warm-start":
            warm = _warm(i, days, strategy, known, entrants, evidence, weighing)
            if isinstance(warm, Choice):
                choices.append(warm)
                continue
            findings = [*findings, warm]
        members, weights = _members(chosen, i, evidence, weighing)
        choices.append(Choice(chosen, members, weights, tuple(findings)))
    return choices


def _against(
    asked: str, i: int, days: Panel, weighing: Weighing, naive_serves: bool
) -> list[Finding]:
    """Why the i-th series is not served by the strategy asked for; empty if it is."""
    why, score = weighing.tested[asked].reasons[i], weighing.score(asked, i)
    if why is not None:
        return [Finding("naive-as-unfit", {"reason": why.reason})]
    if not np.isfinite(score):
        return [Finding("naive-as-unmeasured", {"rows": int(days.rows[i])})]
    if naive_serves and score > 1:
        return [Finding("naive-as-better", {"strategy": asked, "score": score})]
    return []


def _members(
    name: str, i: int, evidence: Evidence, weighing: Weighing
) -> tuple[tuple[Member, ...], tuple[float, ...]]:
    """The models of the i-th series by that strategy, and how much each counts."""
    shares = weighing.shares(name, i)
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
    i: int,
    days: Panel,
    strategy: Strategy,
    known: Strategies,
    entrants: Entrants,
    evidence: Evidence,
    weighing: Weighing,
) -> Choice | Finding:
    """The champion's model at today's level, or why there is nothing to start from. Its
    strategy's own folds measure it.
    """
    champion, serving, own = entrants.champions[i], entrants.serving[i], alone(days, i)
    if champion is None or not can_start_from(champion.model, own):
        return Finding("cold-start")
    if serving is None or not np.isfinite(weighing.score(serving, i)):
        return Finding("cold-start-as-unmeasured", {"strategy": champion.strategy})
    parts = known[serving].candidates or (serving,)
    fresh = [member for part in parts for member in evidence.members(part, i)]
    moved = refreshed(champion.model, fresh, own, strategy)
    through = Finding("warm-start", {"through": str(champion.model.last_day)})
    return Choice(serving, moved, champion.model.weights, (through,))
