"""Training by the book: keep open days, backtest, choose, calibrate, fit on all of them.

`as_of` is a parameter, so any run can be repeated on old data. Every series with an open day
gets a model: where its strategy can't be fitted, or loses to the honest naive, the naive
serves, and the result says so.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from functions.forecasting import choice, conformal
from functions.forecasting.backtests import Tested
from functions.forecasting.engine import Engine
from functions.forecasting.evidence import Evidence
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

# No forecast exceeds so many times the largest day of CAP_DAYS, times what the last two weeks
# sold more than the two before: at 15 % a day a week triples.
CAP, CAP_DAYS, MOST_GROWTH = 2.0, 730, 4.0


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
    notes: tuple[str, ...]

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
        self.tested: dict[str, Tested] = {name: self.tests[name] for name in wanted}
        self._reference = self._middle()
        self.weights: dict[str, Floats] = {}
        for name in dict.fromkeys([self.asked, *filter(None, self.serving)]):
            if known[name].candidates:
                self._weigh(name)
        self.names = list(self.tested)
        self.scores = self._scores(self.names)
        naive = self.scores[:, [self.names.index(NAIVE)]]
        self.relative = self.scores / naive

    def _middle(self) -> Floats:
        """The loss that others are relative to: the middle one of the candidates and the naive."""
        actual = self.tests.actual
        some = dict.fromkeys([*self.candidates, NAIVE])
        losses = [choice.losses(actual, self.tested[name].band.yhat) for name in some]
        return choice.middle(actual, np.stack(losses, axis=2))

    def _scores(self, names: Sequence[str]) -> Floats:
        """The score of each of these strategies on each series; (n, len(names))."""
        actual = self.tests.actual
        losses = [choice.losses(actual, self.tested[name].band.yhat) for name in names]
        return choice.scores(actual, np.stack(losses, axis=2), self._reference)

    def _weigh(self, name: str) -> None:
        """Adds a strategy with candidates to what was tested: their weighted mean."""
        candidates = self.known[name].candidates
        tested = [self.tested[each] for each in candidates]
        fitted = np.array([[why is None for why in each.reasons] for each in tested]).T
        weights = choice.weights(np.where(fitted, self._scores(candidates), np.nan))
        band = Band.weighted([each.band for each in tested], weights)
        why = [
            None if None in reasons else reasons[0]
            for reasons in zip(*(each.reasons for each in tested), strict=True)
        ]
        self.weights[name] = weights
        self.tested[name] = Tested(band, why)

    def results(self, naive_serves: bool) -> list[Trained | Unfit]:
        chosen, reasons = self._choose(naive_serves)
        warm = self._warm_members(chosen, reasons) if self.warm else {}
        tests, level = self.tests, self.strategy.interval_level
        band = self._band_of(chosen)
        times = conformal.widening(tests.actual, band, level)
        raw = fold_metrics(tests.actual, band)
        measured = fold_metrics(tests.actual, conformal.widened(band, times))
        means = mean_metrics(measured)
        coverage = mean_metrics(raw)[:, Metrics.place("coverage")]
        compared = {
            name: mean_metrics(fold_metrics(tests.actual, tested.band))
            for name, tested in self.tested.items()
        }
        evident = self.days.only(~tests.discounted)
        caps, rest = _caps(evident), rest_weekdays(self.days)
        opened = opening(self.days, self.as_of)
        members = [
            warm[i] if i in warm else self._members(chosen[i], i) for i in range(len(self.days))
        ]
        used = [_used(self.days, i, members[i].members) for i in range(len(self.days))]
        return [
            Trained(
                key=key,
                chosen=chosen[i],
                model=SeriesModel(
                    members=members[i].members,
                    weights=members[i].weights,
                    last_day=self.days.dates[self.days.offsets[i + 1] - 1].item(),
                    cap=float(caps[i]),
                    closed_weekdays=tuple(np.flatnonzero(opened.chances[i] == 0).tolist()),
                    opening=opened.of(i),
                    rest_weekdays=tuple(np.flatnonzero(rest[i]).tolist()),
                    widening=float(times[i]),
                    usual=tests.usual(i),
                ),
                first_day=used[i][0],
                rows=used[i][1],
                metrics=metrics_of(means[i].tolist()),
                coverage_before=None if np.isnan(coverage[i]) else float(coverage[i]),
                folds=tuple(
                    Fold(first, last, metrics_of(measured[i, k].tolist()))
                    for k, first, last in tests.fold_days(i)
                ),
                comparison=self._comparison(i, compared),
                notes=(*reasons[i], *self._notes(chosen[i], i), *opened.notes[i]),
            )
            for i, key in enumerate(self.days.keys)
        ]

    def _parts(self, name: str, i: int) -> dict[str, float]:
        """The strategies that the i-th series' forecast by that one is a mean of; their shares."""
        if name not in self.weights:
            return {name: 1.0}
        shares = zip(self.known[name].candidates, self.weights[name][i].tolist(), strict=True)
        return {part: share for part, share in shares if share > 0}

    def _members(self, name: str, i: int) -> "_Members":
        """The models of the i-th series by that strategy, and how much each counts."""
        members: list[Member] = []
        weights: list[float] = []
        for part, share in self._parts(name, i).items():
            made = self.tests.members(part, i)
            members += made
            weights += [share / len(made)] * len(made)
        equal = name not in self.weights or len(members) == 1
        return _Members(tuple(members), () if equal else tuple(weights))

    def _notes(self, name: str, i: int) -> list[str]:
        """What to know of how the i-th series' models were fitted."""
        notes = [note for part in self._parts(name, i) for note in self.tests.notes(part, i)]
        drivers = self.tests.left_out(i)
        return [*notes, *self._discounted(i), *([] if drivers is None else [drivers])]

    def _discounted(self, i: int) -> list[str]:
        rows = self.days.series(i)
        days = self.days.dates[rows][self.tests.discounted[rows]]
        if len(days) == 0:
            return []
        if len(days) == 1:
            return [f"{days[0]} is no evidence of what it sells and left out"]
        return [
            f"{len(days)} days are no evidence of what it sells and left out, lastly {days[-1]}"
        ]

    def _choose(self, naive_serves: bool) -> tuple[list[str], list[list[str]]]:
        """The strategy of each series, and what there is to say about it: the one asked for, or
        the naive where that can't be fitted or measured, or is worse.
        """
        chosen: list[str] = []
        notes: list[list[str]] = []
        for i in range(len(self.days)):
            why, score = self.tested[self.asked].reasons[i], self._score(i, self.asked)
            said: list[str] = []
            if why is not None:
                said.append(f"the naive serves: {why.reason}")
            elif not np.isfinite(score):
                said.append(
                    f"the naive serves: {self.days.rows[i]} open days are too few to measure"
                )
            elif naive_serves and score > 1:
                said.append(
                    f"the naive serves: {self.asked} scores {score:.3f} on the folds, the naive 1"
                )
            chosen.append(NAIVE if said else self.asked)
            notes.append(said if self.asked != NAIVE else [])
        return chosen, notes

    def _warm_members(self, chosen: list[str], notes: list[list[str]]) -> dict[int, "_Members"]:
        """Members that start from the champion's, where it has any; `chosen` and `notes` of
        those series are made to say so. Its strategy's own folds measure it.
        """
        found: dict[int, _Members] = {}
        for i, champion in enumerate(self.champions):
            days = alone(self.days, i)
            if champion is None or not can_start_from(champion.model, days):
                notes[i].append(
                    "a cold start: no champion has parameters that can be moved to these days"
                )
                continue
            serving = self.serving[i]
            if serving is None or not np.isfinite(self._score(i, serving)):
                notes[i].append(f"a cold start: {champion.strategy} can't be measured today")
                continue
            parts = self.known[serving].candidates or (serving,)
            fresh = [member for part in parts for member in self.tests.members(part, i)]
            moved = refreshed(champion.model, fresh, days, self.strategy)
            found[i] = _Members(moved, champion.model.weights)
            chosen[i] = serving
            notes[i][:] = [f"a warm start from the model of days up to {champion.model.last_day}"]
        return found

    def _score(self, i: int, name: str | None) -> float:
        return float(self.relative[i, self.names.index(name)]) if name in self.names else np.nan

    def _band_of(self, chosen: list[str]) -> Band:
        """Each series' folds by its chosen strategy."""
        band = Band.empty(self.tests.actual.shape)
        for name in set(chosen):
            at = np.flatnonzero([each == name for each in chosen])
            band.put(at, self.tested[name].band.at(at))
        return band

    def _comparison(self, i: int, compared: Mapping[str, Floats]) -> tuple[Comparison, ...]:
        """Every strategy that was measured on the i-th series, the best first."""
        shares = self._parts(self.asked, i) if self.asked in self.weights else {}
        found = [
            Comparison(
                name,
                float(self.relative[i, at]),
                metrics_of(compared[name][i].tolist()),
                champion=champion,
                weight=shares.get(name),
            )
            for at, name in enumerate(self.names)
            if np.isfinite(self.relative[i, at])
            for champion in ((False, True) if name == self.serving[i] else (False,))
            if champion or name in (*self.candidates, self.asked, NAIVE)
        ]
        return tuple(sorted(found, key=lambda each: each.score))


@dataclass(frozen=True)
class _Members:
    """The models that a forecast is a mean of; `weights` are empty if they count the same."""

    members: tuple[Member, ...]
    weights: tuple[float, ...]


def _used(days: Panel, i: int, members: Sequence[Member]) -> tuple[date, int]:
    """The first open day that any of a series' members was fitted to, and how many it was."""
    fitted = [each for each in members if isinstance(each, ProphetParameters)]
    if len(fitted) < len(members):  # a level has no first day: it knew them all
        return days.dates[days.offsets[i]].item(), int(days.rows[i])
    return min(each.first_day for each in fitted), max(each.rows for each in fitted)


def _caps(days: Panel) -> Floats:
    """No series' forecast exceeds this; shape (n,)."""
    last = days.dates[days.offsets[1:] - 1]
    age = (np.repeat(last, days.rows) - days.dates).astype(np.int64)
    largest = np.maximum.reduceat(np.where(age < CAP_DAYS, days.units, 0.0), days.offsets[:-1])
    lately, before = (
        np.add.reduceat(
            np.where((age >= start) & (age < start + 14), days.units, 0.0), days.offsets[:-1]
        )
        for start in (0, 14)
    )
    growth = np.clip(lately / np.maximum(before, 1e-12), 1.0, MOST_GROWTH)
    return np.maximum(CAP * growth * largest, 1.0)
