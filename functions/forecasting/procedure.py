"""Training by the book: keep open days, backtest, choose, calibrate, fit on all of them.

`as_of` is a parameter, so any run can be repeated on old data. Every series with an open day
gets a model: where its strategy can't be fitted, or loses to the honest naive, the naive
serves, and the result says so.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from functions.forecasting import conformal, outliers
from functions.forecasting.caps import caps
from functions.forecasting.engine import Engine
from functions.forecasting.evidence import Evidence
from functions.forecasting.findings import Finding, said
from functions.forecasting.metrics import (
    Metrics,
    fold_metrics,
    mean_metrics,
    metrics_of,
)
from functions.forecasting.opening import opening
from functions.forecasting.own_drivers import alone
from functions.forecasting.panel import Floats, Key, Panel
from functions.forecasting.parameters import ProphetParameters
from functions.forecasting.regressors import rest_weekdays
from functions.forecasting.scale import Band
from functions.forecasting.series_model import Member, SeriesModel
from functions.forecasting.strategy import BUILT_IN, COLD, NAIVE, Strategies, Strategy
from functions.forecasting.unfit import Unfit, not_sales
from functions.forecasting.warm_start import can_start_from, refreshed
from functions.forecasting.weighing import Weighing

MAX_DAYS_NAMED = 31  # of those that are left out for one reason, the newest


@dataclass(frozen=True)
class Fold:
    """How far off one fold's forecasts were, and of which open days they were."""

    first_day: date
    last_day: date
    metrics: Metrics


@dataclass(frozen=True)
class Comparison:
    """A strategy's backtest; `champion` marks the one of the model that serves so far.

    `score` is its loss relative to the honest naive's, `weight` its share in the forecast, None
    for what was not weighed.
    """

    strategy: str
    score: float
    metrics: Metrics
    champion: bool = False
    weight: float | None = None


@dataclass(frozen=True)
class Champion:
    """What serves a series so far: the strategy it was made by, and the model."""

    strategy: str
    model: SeriesModel


@dataclass(frozen=True)
class Trained:
    """A trained series: its model, how well folds of its strategy did, and against what.

    `chosen` is the strategy that the model has, which may be another than was asked for.
    `coverage_before` is the folds' coverage before their intervals were widened.
    """

    key: Key
    chosen: str
    model: SeriesModel
    first_day: date
    rows: int
    metrics: Metrics
    coverage_before: float | None
    folds: tuple[Fold, ...]
    comparison: tuple[Comparison, ...]
    findings: tuple[Finding, ...]

    @property
    def notes(self) -> tuple[str, ...]:
        """The findings in words."""
        return tuple(said(each.code, each.values) for each in self.findings)

    @property
    def data_through(self) -> date:
        """The last open day used."""
        return self.model.last_day


def train(
    panel: Panel,
    strategy: Strategy,
    as_of: date,
    engine: Engine,
    horizon: int = 7,
    champions: Mapping[Key, Champion] | None = None,
    known: Strategies = BUILT_IN,
    naive_serves: bool = True,
) -> list[Trained | Unfit]:
    """Trains every series of `panel` on the open days before `as_of`, in the panel's order.

    `champions` are what serves a series so far: their strategies are backtested as well, and a
    warm start begins from their models.
    `naive_serves` is False where a model is wanted even if it loses to the honest naive. A
    series without an open day, or with units that are negative or not finite, is an `Unfit` in its
    place. Days from `as_of` on are never looked at.
    """
    days = panel.window(as_of, None).open_days()
    refused = [_refusal(days, i, as_of) for i in range(len(days))]
    sound = [i for i, reason in enumerate(refused) if reason is None]
    results: list[Trained | Unfit | None] = list(refused)
    if sound:
        some = days if len(sound) == len(days) else days.select(sound)
        training = _Training(some, strategy, as_of, engine, horizon, champions or {}, known)
        for i, result in zip(sound, training.results(naive_serves), strict=True):
            results[i] = result
    return [result for result in results if result is not None]


def _refusal(days: Panel, i: int, as_of: date) -> Unfit | None:
    rows = days.series(i)
    if rows.start == rows.stop:
        return Unfit(f"no open day before {as_of}; at least 1 is needed")
    return not_sales(days.dates[rows], days.units[rows])


class _Training:
    """The training of sound series: what was backtested, and what came of it."""

    def __init__(
        self,
        days: Panel,
        strategy: Strategy,
        as_of: date,
        engine: Engine,
        horizon: int,
        champions: Mapping[Key, Champion],
        known: Strategies,
    ) -> None:
        self.days, self.strategy, self.known, self.as_of = days, strategy, known, as_of
        self.warm = strategy.method == "warm-start"
        self.asked = COLD if self.warm else strategy.name
        self.candidates = strategy.candidates or (self.asked,)
        self.champions = [champions.get(key) for key in days.keys]
        self.serving = [
            None if each is None or each.strategy not in known else each.strategy
            for each in self.champions
        ]
        wanted: dict[str, np.ndarray | None] = dict.fromkeys([*self.candidates, NAIVE])
        for name in sorted({name for name in self.serving if name is not None}):
            at = np.flatnonzero([serving == name for serving in self.serving])
            for part in known[name].candidates or (name,):
                before = wanted.get(part, at)
                if before is not None:
                    wanted[part] = np.union1d(before, at)
        self.tests = Evidence(
            days,
            as_of,
            horizon,
            strategy.n_splits,
            wanted,
            known,
            engine,
            with_year=bool(strategy.candidates),
        )
        asked = dict.fromkeys([self.asked, *filter(None, self.serving)])
        self.weighing = Weighing(self.tests, known, wanted, self.candidates, asked)
        self.tested = self.weighing.tested

    def results(self, naive_serves: bool) -> list[Trained | Unfit]:
        chosen, reasons = self._choose(naive_serves)
        warm = self._warm_members(chosen, reasons) if self.warm else {}
        tests, level = self.tests, self.strategy.interval_level
        band = self._band_of(chosen)
        # What weighs candidates learns from its company, so its intervals do too.
        known = tests.weekday if self.strategy.candidates else None
        times = conformal.widening(tests.actual, band, level, known)
        raw = fold_metrics(tests.actual, band)
        weekday = np.nan_to_num(tests.weekday).astype(np.int64)
        measured = fold_metrics(tests.actual, conformal.widened(band, times, weekday))
        means = mean_metrics(measured)
        coverage = mean_metrics(raw)[:, Metrics.place("coverage")]
        compared = {
            name: mean_metrics(fold_metrics(tests.actual, tested.band))
            for name, tested in self.tested.items()
        }
        evident = self.days.only(~tests.discounted)
        bounds, rest = caps(evident), rest_weekdays(self.days)
        opened = opening(self.days, self.as_of)
        members = [
            warm[i] if i in warm else self._members(chosen[i], i) for i in range(len(self.days))
        ]
        results: list[Trained | Unfit] = []
        for i, key in enumerate(self.days.keys):
            model = SeriesModel(
                members=members[i].members,
                weights=members[i].weights,
                last_day=self.days.dates[self.days.offsets[i + 1] - 1].item(),
                cap=float(bounds[i]),
                closed_weekdays=tuple(np.flatnonzero(opened.chances[i] == 0).tolist()),
                opening=opened.of(i),
                rest_weekdays=tuple(np.flatnonzero(rest[i]).tolist()),
                widening=tuple(times[i].tolist()),
                usual=tests.usual(i),
            )
            first_day, rows = _used(self.days, i, model.members)
            results.append(
                Trained(
                    key=key,
                    chosen=chosen[i],
                    model=model,
                    first_day=first_day,
                    rows=rows,
                    metrics=metrics_of(means[i].tolist()),
                    coverage_before=None if np.isnan(coverage[i]) else float(coverage[i]),
                    folds=tuple(
                        Fold(first, last, metrics_of(measured[i, k].tolist()))
                        for k, first, last in tests.fold_days(i)
                    ),
                    comparison=self._comparison(i, compared),
                    findings=(
                        *reasons[i],
                        *self._findings(chosen[i], i),
                        *_unused(model),
                        *opened.findings[i],
                    ),
                )
            )
        return results

    def _members(self, name: str, i: int) -> "_Members":
        """The models of the i-th series by that strategy, and how much each counts."""
        shares = self.weighing.shares(name, i)
        if name in shares:
            return _Members(self.tests.members(name, i), ())
        members: list[Member] = []
        weights: list[float] = []
        for part, share in shares.items():
            made = self.tests.members(part, i)
            for member in made:
                if member not in members:  # of a young series, by two windows of the same days
                    members.append(member)
                    weights.append(0.0)
                weights[members.index(member)] += share / len(made)
        return _Members(tuple(members), () if len(members) == 1 else tuple(weights))

    def _findings(self, name: str, i: int) -> list[Finding]:
        """What to know of how the i-th series' models were fitted, and of which days."""
        found: list[Finding] = []
        for part in self.weighing.shares(name, i):
            found += [each for each in self.tests.findings(part, i) if each not in found]
        drivers = self.tests.left_out(i)
        return [*found, *self._discounted(i), *([] if drivers is None else [drivers])]

    def _discounted(self, i: int) -> list[Finding]:
        rows = self.days.series(i)
        why = self.tests.why_discounted[rows]
        return [
            Finding(
                code,
                {
                    "days": len(days),
                    "first": str(days[0]),
                    "last": str(days[-1]),
                    "newest": [str(day) for day in days[-MAX_DAYS_NAMED:]],
                },
            )
            for reason, code in outliers.REASONS.items()
            if len(days := self.days.dates[rows][why == reason])
        ]

    def _choose(self, naive_serves: bool) -> tuple[list[str], list[list[Finding]]]:
        """The strategy of each series, and what there is to say about it: the one asked for, or
        the naive where that can't be fitted or measured, or is worse.
        """
        chosen: list[str] = []
        findings: list[list[Finding]] = []
        for i in range(len(self.days)):
            why, score = self.tested[self.asked].reasons[i], self.weighing.score(self.asked, i)
            found: list[Finding] = []
            if why is not None:
                found.append(Finding("naive-as-unfit", {"reason": why.reason}))
            elif not np.isfinite(score):
                found.append(Finding("naive-as-unmeasured", {"rows": int(self.days.rows[i])}))
            elif naive_serves and score > 1:
                values = {"strategy": self.asked, "score": score}
                found.append(Finding("naive-as-better", values))
            chosen.append(NAIVE if found else self.asked)
            findings.append(found if self.asked != NAIVE else [])
        return chosen, findings

    def _warm_members(
        self, chosen: list[str], findings: list[list[Finding]]
    ) -> dict[int, "_Members"]:
        """Members that start from the champion's, where it has any; `chosen` and `findings` of
        those series are made to say so. Its strategy's own folds measure it.
        """
        found: dict[int, _Members] = {}
        for i, champion in enumerate(self.champions):
            days = alone(self.days, i)
            if champion is None or not can_start_from(champion.model, days):
                findings[i].append(Finding("cold-start"))
                continue
            serving = self.serving[i]
            if serving is None or not np.isfinite(self.weighing.score(serving, i)):
                values = {"strategy": champion.strategy}
                findings[i].append(Finding("cold-start-as-unmeasured", values))
                continue
            parts = self.known[serving].candidates or (serving,)
            fresh = [member for part in parts for member in self.tests.members(part, i)]
            moved = refreshed(champion.model, fresh, days, self.strategy)
            found[i] = _Members(moved, champion.model.weights)
            chosen[i] = serving
            findings[i][:] = [Finding("warm-start", {"through": str(champion.model.last_day)})]
        return found

    def _band_of(self, chosen: list[str]) -> Band:
        """Each series' folds by its chosen strategy."""
        band = Band.empty(self.tests.actual.shape)
        for name in set(chosen):
            at = np.flatnonzero([each == name for each in chosen])
            band.put(at, self.tested[name].band.at(at))
        return band

    def _comparison(self, i: int, compared: Mapping[str, Floats]) -> tuple[Comparison, ...]:
        """Every strategy that was measured on the i-th series, the best first."""
        shares = self.weighing.shares(self.asked, i)
        found = [
            Comparison(
                name,
                score,
                metrics_of(compared[name][i].tolist()),
                champion=champion,
                weight=shares.get(name) if name != self.asked else None,
            )
            for name in self.tested
            if np.isfinite(score := self.weighing.score(name, i))
            for champion in ((False, True) if name == self.serving[i] else (False,))
            if champion or name in (*self.candidates, self.asked, NAIVE)
        ]
        return tuple(sorted(found, key=lambda each: each.score))


@dataclass(frozen=True)
class _Members:
    """The models that a forecast is a mean of; `weights` are empty if they count the same."""

    members: tuple[Member, ...]
    weights: tuple[float, ...]


def _unused(model: SeriesModel) -> list[Finding]:
    names = sorted(model.usual.keys() - model.drivers)
    return [Finding("drivers-unused", {"names": names})] if names else []


def _used(days: Panel, i: int, members: Sequence[Member]) -> tuple[date, int]:
    """The first open day that any of a series' members was fitted to, and how many it was."""
    fitted = [each for each in members if isinstance(each, ProphetParameters)]
    if len(fitted) < len(members):  # a level has no first day: it knew them all
        return days.dates[days.offsets[i]].item(), int(days.rows[i])
    return min(each.first_day for each in fitted), max(each.rows for each in fitted)
