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
from functions.forecasting.backtests import Backtests, Tested
from functions.forecasting.engine import Engine
from functions.forecasting.metrics import (
    Metrics,
    fold_metrics,
    mean_metrics,
    metrics_of,
)
from functions.forecasting.own_drivers import alone
from functions.forecasting.panel import Floats, Key, Panel
from functions.forecasting.parameters import ProphetParameters
from functions.forecasting.regressors import rest_weekdays
from functions.forecasting.scale import Band
from functions.forecasting.series_model import Member, SeriesModel
from functions.forecasting.strategy import BUILT_IN, COLD, NAIVE, Strategies, Strategy
from functions.forecasting.unfit import Unfit, not_sales
from functions.forecasting.warm_start import can_start_from, refreshed

CAP = 2.0  # times the largest day of CAP_DAYS, which no forecast exceeds
CAP_DAYS = 730
RECENT_DAYS = 120  # a weekday without an open day in so many is a closed one


@dataclass(frozen=True)
class Fold:
    """How far off one fold's forecasts were, and of which open days they were."""

    first_day: date
    last_day: date
    metrics: Metrics


@dataclass(frozen=True)
class Comparison:
    """A strategy's backtest; `champion` marks the one of the model that serves so far."""

    strategy: str
    score: float
    metrics: Metrics
    champion: bool = False


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
        self.days, self.strategy, self.known = days, strategy, known
        self.warm = strategy.method == "warm-start"
        self.candidates = list(strategy.candidates or (COLD if self.warm else strategy.name,))
        self.champions = [champions.get(key) for key in days.keys]
        self.serving = [None if each is None else each.strategy for each in self.champions]
        wanted: dict[str, np.ndarray | None] = dict.fromkeys([*self.candidates, NAIVE])
        for name in sorted({name for name in self.serving if name is not None and name in known}):
            at = np.flatnonzero([serving == name for serving in self.serving])
            wanted.setdefault(name, at)
        self.names = list(wanted)
        self.tests = Backtests(days, as_of, horizon, strategy.n_splits, wanted, known, engine)
        self.tested: dict[str, Tested] = {name: self.tests[name] for name in self.names}
        loss = np.stack(
            [choice.losses(self.tests.actual, self.tested[name].band.yhat) for name in self.names],
            axis=1,
        )
        self.scores = choice.scores(self.tests.actual, loss, loss[:, self.names.index(NAIVE)])

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
        caps, rest, closed = _caps(self.days), rest_weekdays(self.days), _closed(self.days)
        members = [warm.get(i) or tests.members(chosen[i], i) for i in range(len(self.days))]
        used = [_used(self.days, i, members[i]) for i in range(len(self.days))]
        return [
            Trained(
                key=key,
                chosen=chosen[i],
                model=SeriesModel(
                    members=members[i],
                    last_day=self.days.dates[self.days.offsets[i + 1] - 1].item(),
                    cap=float(caps[i]),
                    closed_weekdays=tuple(np.flatnonzero(closed[i]).tolist()),
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
                    for k, (first, last) in enumerate(tests.fold_days(i))
                ),
                comparison=self._comparison(i, compared),
                notes=(*reasons[i], *tests.notes(chosen[i], i)),
            )
            for i, key in enumerate(self.days.keys)
        ]

    def _choose(self, naive_serves: bool) -> tuple[list[str], list[list[str]]]:
        """The strategy of each series, and what there is to say about it."""
        considered = list(dict.fromkeys([*self.candidates, *([NAIVE] * naive_serves)]))
        places = [self.names.index(name) for name in considered]
        hedges = np.array([NAIVE in self.known[name].members for name in considered])
        champions = np.array([self._score(i, name) for i, name in enumerate(self.serving)])
        score = self.scores[:, places]
        won = choice.chosen(score, hedges, self.days.rows, champions)
        lowest = choice.best(score)
        chosen: list[str] = []
        notes: list[list[str]] = []
        for i, place in enumerate(won.tolist()):
            name = considered[place] if place >= 0 else NAIVE
            said: list[str] = []
            asked = self.candidates[0] if len(self.candidates) == 1 else name
            why = self.tested[asked].reasons[i]
            if name != asked and why is not None:
                said.append(f"the naive serves: {why.reason}")
            elif place < 0:
                said.append(
                    f"the naive serves: {self.days.rows[i]} open days are too few to measure"
                )
            elif name != asked:
                told = self._score(i, asked)
                said.append(
                    f"the naive serves: {asked} scores {told:.3f} on the folds, the naive 1"
                )
            elif place != lowest[i]:
                low = considered[lowest[i]]
                said.append(
                    f"a hedge: the folds say too little for {low}, which has the best score"
                )
            chosen.append(name)
            notes.append(said)
        return chosen, notes

    def _warm_members(
        self, chosen: list[str], notes: list[list[str]]
    ) -> dict[int, tuple[Member, ...]]:
        """Members that start from the champion's, where it has any; `chosen` and `notes` of
        those series are made to say so. Its strategy's own folds measure it.
        """
        found: dict[int, tuple[Member, ...]] = {}
        for i, champion in enumerate(self.champions):
            days = alone(self.days, i)
            if champion is None or not can_start_from(champion.model, days):
                notes[i].append(
                    "a cold start: no champion has parameters that can be moved to these days"
                )
                continue
            if not np.isfinite(self._score(i, champion.strategy)):
                notes[i].append(f"a cold start: {champion.strategy} can't be measured today")
                continue
            fresh = self.tests.members(champion.strategy, i)
            found[i] = refreshed(champion.model, fresh, days, self.strategy)
            chosen[i] = champion.strategy
            notes[i][:] = [f"a warm start from the model of days up to {champion.model.last_day}"]
        return found

    def _score(self, i: int, name: str | None) -> float:
        return float(self.scores[i, self.names.index(name)]) if name in self.names else np.nan

    def _band_of(self, chosen: list[str]) -> Band:
        """Each series' folds by its chosen strategy."""
        band = Band.empty(self.tests.actual.shape)
        for name in set(chosen):
            at = np.flatnonzero([each == name for each in chosen])
            band.put(at, self.tested[name].band.at(at))
        return band

    def _comparison(self, i: int, compared: Mapping[str, Floats]) -> tuple[Comparison, ...]:
        """Every strategy that was measured on the i-th series, the best first."""
        found = [
            Comparison(
                name,
                float(self.scores[i, at]),
                metrics_of(compared[name][i].tolist()),
                champion=champion,
            )
            for at, name in enumerate(self.names)
            if np.isfinite(self.scores[i, at])
            for champion in ((False, True) if name == self.serving[i] else (False,))
            if champion or name in self.candidates or name == NAIVE
        ]
        return tuple(sorted(found, key=lambda each: each.score))


def _used(days: Panel, i: int, members: Sequence[Member]) -> tuple[date, int]:
    """The first open day that any of a series' members was fitted to, and how many it was."""
    fitted = [each for each in members if isinstance(each, ProphetParameters)]
    if len(fitted) < len(members):  # a level has no first day: it knew them all
        return days.dates[days.offsets[i]].item(), int(days.rows[i])
    return min(each.first_day for each in fitted), max(each.rows for each in fitted)


def _caps(days: Panel) -> Floats:
    """No series' forecast exceeds this; shape (n,)."""
    last = days.dates[days.offsets[1:] - 1]
    recent = days.dates > np.repeat(last, days.rows) - np.timedelta64(CAP_DAYS, "D")
    largest = np.maximum.reduceat(np.where(recent, days.units, 0.0), days.offsets[:-1])
    return np.maximum(CAP * largest, 1.0)


def _closed(days: Panel) -> np.ndarray:
    """The weekdays without an open day lately; bool, shape (n, 7)."""
    last = days.dates[days.offsets[1:] - 1]
    recent = days.dates > np.repeat(last, days.rows) - np.timedelta64(RECENT_DAYS, "D")
    opened = np.zeros((len(days), 7), bool)
    series = np.repeat(np.arange(len(days)), days.rows)
    opened[series[recent], (days.dates[recent].astype(np.int64) + 3) % 7] = True
    # So few days show no pattern: they say nothing of the weekdays that they lack.
    few = days.rows < 7
    return ~opened & ~few[:, None]
