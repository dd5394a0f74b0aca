"""Backtests of several strategies on the same folds of the same series.

Plain strategies are walked forward once each, however many others average or consider
them. Windows, features and folds are cut here; engines see open days only.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import compress

import numpy as np
import numpy.typing as npt

from functions.forecasting.backtest import Backtest
from functions.forecasting.baselines import baseline
from functions.forecasting.engines.engine import Engine
from functions.forecasting.findings import Finding
from functions.forecasting.folds import FoldForecasts, empty_folds, fold_cuts
from functions.forecasting.model import Member, renamed
from functions.forecasting.series.failures import FitFailure
from functions.forecasting.series.own_drivers import left_out, parts
from functions.forecasting.series.panel import Floats, Panel
from functions.forecasting.series.regressors import Design, design
from functions.forecasting.series.scale import Band
from functions.forecasting.strategy import (
    PlainStrategy,
    ProphetStrategy,
    Strategies,
    plain,
    same_columns,
)

Ints = npt.NDArray[np.int64]

MIN_BLOCK = 7  # open days in a fold, if the history has room for them


@dataclass(frozen=True, eq=False)
class Tested:
    """One strategy's backtest: forecasts of the folds (n, K, B), NaN where it has none, and
    why a series has none.
    """

    band: Band
    reasons: Sequence[FitFailure | None]


class Backtests:
    """What every strategy asked for made of the open days `whole` before `as_of`.

    The rows marked in `discounted` are left out, though not as days of closing. `wanted` maps the
    name of a strategy to the series it is for (None: all of them).
    """

    def __init__(
        self,
        whole: Panel,
        discounted: npt.NDArray[np.bool_],
        as_of: date,
        horizon: int,
        backtest: Backtest,
        wanted: Mapping[str, Ints | None],
        known: Strategies,
        engine: Engine,
    ) -> None:
        self._whole, self._discounted = whole, discounted
        panel = whole.only(~discounted) if discounted.any() else whole
        self.panel, self._as_of, self._engine, self._known = panel, as_of, engine, known
        self._backtest, n_splits = backtest, backtest.n_splits
        leaves = _leaves(wanted, known)
        common = [
            leaf for leaf, some in leaves if some is None and isinstance(leaf, ProphetStrategy)
        ]
        self.blocks = _blocks(panel, as_of, horizon, n_splits, common)
        self.actual = _of_folds(panel.units, panel, self.blocks, n_splits)
        weekday = ((panel.dates.astype(np.int64) + 3) % 7).astype(float)
        self.weekday = _of_folds(weekday, panel, self.blocks, n_splits)
        self._typical_drivers: list[dict[str, tuple[float, ...]]] = [{} for _ in panel.keys]
        self._left_out = left_out(whole)
        plans = [(_with_room(leaf, n_splits), some) for leaf, some in leaves]
        fitted = [leaf for leaf, _ in plans if isinstance(leaf, ProphetStrategy)]
        joined = {leaf.name: self._unwalked(leaf, some) for leaf, some in plans}
        # The regressors of one part at a time: they are the largest thing there is.
        for at, part in parts(whole):
            designs: dict[tuple[bool, ...], Design] = {}
            walked: list[ProphetStrategy] = []
            for twins in _twins(fitted):
                for leaf in twins:
                    self._take_over(leaf, at, part, joined, walked)
                self._fit(twins, at, part, joined, designs)
                walked += twins
            self._keep_usual(at, part, designs.values())
        for each, _ in plans:
            if not isinstance(each, ProphetStrategy):
                chosen = np.flatnonzero(joined[each.name].unwalked(np.arange(len(panel))))
                some = panel.select(chosen.tolist())
                walk = baseline.walk_forward(some, each, self.blocks[chosen], backtest)
                joined[each.name].put(chosen, some, walk)
        self._walks = {name: each.as_folds() for name, each in joined.items()}

    def has(self, name: str) -> bool:
        """Whether the strategy of that name was asked for."""
        return all(leaf.name in self._walks for leaf in plain(name, self._known))

    def __getitem__(self, name: str) -> Tested:
        """The backtest of the strategy of that name: the mean of the members it could fit."""
        walks = [self._walks[leaf.name] for leaf in plain(name, self._known)]
        reasons = [
            None if None in why else why[0]
            for why in zip(*(walk.reasons for walk in walks), strict=True)
        ]
        band = Band.mean([walk.band for walk in walks])
        return Tested(band, reasons)

    def members(self, name: str, i: int) -> tuple[Member, ...]:
        """The models of the i-th series by that strategy, fitted to all its rows."""
        walks = (self._walks[leaf.name] for leaf in plain(name, self._known))
        return tuple(walk.model(i) for walk in walks if walk.reasons[i] is None)

    def findings(self, name: str, i: int) -> list[Finding]:
        """What to know of how they were fitted."""
        members = {leaf.name: self._walks[leaf.name] for leaf in plain(name, self._known)}
        found = [walk.findings[i] for walk in members.values() if i in walk.findings]
        unfit = [name for name, walk in members.items() if walk.reasons[i] is not None]
        if unfit:
            found.append(Finding("members-unfit", {"strategies": unfit}))
        return found

    def left_out(self, i: int) -> Finding | None:
        """What to say of drivers of the i-th series that were not read."""
        return self._left_out[i]

    def typical_drivers(self, i: int) -> dict[str, tuple[float, ...]]:
        """The typical values of the drivers of the i-th series, by weekday."""
        return self._typical_drivers[i]

    def fold_days(self, i: int) -> list[tuple[date, date]]:
        """The first and the last day of each fold of the i-th series."""
        block = int(self.blocks[i])
        if block == 0:
            return []
        dates = self.panel.dates[self.panel.series(i)]
        starts = fold_cuts(
            self.panel.rows[i : i + 1], self.blocks[i : i + 1], self._backtest.n_splits
        )[0]
        return [
            (dates[start].item(), dates[start + block - 1].item()) for start in starts[:-1].tolist()
        ]

    def _inside(self, leaf: ProphetStrategy, panel: Panel) -> npt.NDArray[np.bool_]:
        """The rows that the leaf is fitted to."""
        if leaf.window_days is None:
            return np.ones(len(panel.dates), bool)
        start = np.datetime64(self._as_of, "D") - np.timedelta64(leaf.window_days, "D")
        inside: npt.NDArray[np.bool_] = panel.dates >= start
        return inside

    def _used(self, leaf: ProphetStrategy, at: Ints, part: Panel) -> npt.NDArray[np.bool_]:
        """The rows of `part`, which holds the series `at`, that the leaf is fitted to."""
        inside = self._inside(leaf, part)
        if self._discounted.any():
            rows = [self._discounted[self._whole.series(i)] for i in at.tolist()]
            inside &= ~np.concatenate(rows)
        return inside

    def _unwalked(self, leaf: PlainStrategy, some: Ints | None) -> "_Joined":
        """The leaf's walk before any series is walked, with a reason for each that is not wanted
        or has too few days.
        """
        reasons: list[FitFailure | None] = [None] * len(self.panel)
        if isinstance(leaf, ProphetStrategy):
            reasons = self._unfit(leaf)
        if some is not None:
            for i in set(range(len(reasons))) - set(some.tolist()):
                reasons[i] = FitFailure(f"{leaf.name} is not asked for")
        return _Joined(empty_folds(self._backtest.n_splits, self.blocks), reasons, {}, {})

    def _unfit(self, leaf: ProphetStrategy) -> list[FitFailure | None]:
        """Why each series has too few days for the leaf, or too many without sales."""
        panel, inside = self.panel, self._inside(leaf, self.panel)
        rows = np.diff(np.concatenate([[0], np.cumsum(inside)])[panel.offsets])
        needed = np.maximum(leaf.min_open_days, self._backtest.n_splits * self.blocks + 2)
        zero = np.concatenate([[0], np.cumsum(inside & (panel.units == 0))])
        zero_days = np.diff(zero[panel.offsets]) / np.maximum(rows, 1)
        return [
            _unfit(leaf, self._as_of, *facts)
            for facts in zip(rows.tolist(), needed.tolist(), zero_days.tolist(), strict=True)
        ]

    def _take_over(
        self,
        leaf: ProphetStrategy,
        at: Ints,
        part: Panel,
        joined: Mapping[str, "_Joined"],
        walked: Sequence[ProphetStrategy],
    ) -> None:
        """Takes the walks of the series `at` from strategies that differ in their window alone,
        where both windows hold the same days: young series are fitted once.
        """
        mine = joined[leaf.name]
        for other in walked:
            if replace(leaf, name=other.name, window_days=other.window_days) == other:
                apart = self._used(leaf, at, part) != self._used(other, at, part)
                same = np.diff(np.concatenate([[0], np.cumsum(apart)])[part.offsets]) == 0
                mine.take_over(at[same], joined[other.name])

    def _fit(
        self,
        twins: Sequence[ProphetStrategy],
        at: Ints,
        part: Panel,
        joined: Mapping[str, "_Joined"],
        designs: dict[tuple[bool, ...], Design],
    ) -> None:
        """Walks those of the series `at`, which `part` holds, that nothing speaks against and that
        are not walked yet; by all of the twins together that they are for.
        """
        first = twins[0]
        used = self._used(first, at, part)
        wanted = np.stack([joined[leaf.name].unwalked(at) for leaf in twins], axis=1)
        for which in np.unique(wanted[wanted.any(axis=1)], axis=0):
            fit = (wanted == which).all(axis=1)
            kept = used & np.repeat(fit, part.rows)
            chosen = np.flatnonzero(fit)
            some = part if kept.all() and fit.all() else part.only(kept).select(chosen.tolist())
            kind = (first.drivers, first.driver_weekdays, first.calendar_terms)
            if kind not in designs:
                designs[kind] = design(part, first)
            made = designs[kind] if kept.all() else designs[kind].rows(kept)
            leaves = list(compress(twins, which.tolist()))
            walks = self._engine.walk_forward(
                some, leaves, made, self.blocks[at[chosen]], self._backtest
            )
            for leaf, walk in zip(leaves, walks, strict=True):
                joined[leaf.name].put(at[chosen], some, walk)

    def _keep_usual(self, at: Ints, part: Panel, designs: Iterable[Design]) -> None:
        """Remembers the typical values of the drivers of the series `at`."""
        for each in designs:
            for i, place in enumerate(at.tolist() if each.driver_names else ()):
                for column, name in enumerate(part.names_of(i)):
                    if np.isfinite(values := each.typical[i, :, column]).all():
                        self._typical_drivers[place][name] = tuple(np.round(values, 4).tolist())


@dataclass(frozen=True, eq=False)
class _Joined:
    """A strategy's walk of all series, put together from those of parts."""

    band: Band
    reasons: list[FitFailure | None]
    at: dict[int, tuple[FoldForecasts[Member], int, tuple[str, ...]]]
    findings: dict[int, Finding]

    def unwalked(self, places: Ints) -> npt.NDArray[np.bool_]:
        """Which of the series at `places` nothing speaks against and no walk has yet."""
        return np.array([self.reasons[i] is None and i not in self.at for i in places.tolist()])

    def put(self, places: Ints, part: Panel, walk: FoldForecasts[Member]) -> None:
        """The walk of the series of `part`, which are those at `places` of all."""
        self.band.put((places, slice(None), slice(walk.band.yhat.shape[2])), walk.band)
        for i, place in enumerate(places.tolist()):
            self.reasons[place] = walk.reasons[i]
            self.at[place] = walk, i, part.own_names[i] if part.own_names else ()
            if i in walk.findings:
                self.findings[place] = walk.findings[i]

    def take_over(self, places: Ints, other: "_Joined") -> None:
        """The walks of the series at `places` as another strategy has them, where nothing speaks
        against either.
        """
        mine = [i for i in places.tolist() if self.reasons[i] is None]
        taken = [i for i in mine if i in other.at and other.reasons[i] is None]
        self.band.put(taken, other.band.at(taken))
        for place in taken:
            self.at[place] = other.at[place]
            if place in other.findings:
                self.findings[place] = other.findings[place]

    def as_folds(self) -> FoldForecasts[Member]:
        """The walk of all."""

        def model(place: int) -> Member:
            walk, i, names = self.at[place]
            return renamed(walk.model(i), names)

        return FoldForecasts(self.band, self.reasons, model, self.findings)


def _with_room(leaf: PlainStrategy, splits: int) -> PlainStrategy:
    """The strategy with the open days that the folds need which all are compared by."""
    if not isinstance(leaf, ProphetStrategy):
        return leaf
    least = max(leaf.min_open_days, splits + 2)
    window = None if leaf.window_days is None else max(leaf.window_days, least)
    return replace(leaf, min_open_days=least, window_days=window)


def _twins(leaves: Iterable[ProphetStrategy]) -> list[list[ProphetStrategy]]:
    """The leaves, those with the same columns together."""
    found: list[list[ProphetStrategy]] = []
    for leaf in leaves:
        others = next((twins for twins in found if same_columns(leaf, twins[0])), None)
        if others is None:
            found.append([leaf])
        else:
            others.append(leaf)
    return found


def _unfit(
    leaf: ProphetStrategy, as_of: date, rows: int, needed: int, zero: float
) -> FitFailure | None:
    if rows < needed:
        return FitFailure(
            f"{rows} open days in {leaf.window} before {as_of}; {leaf.name} needs at least {needed}"
        )
    if zero > leaf.most_zero_days:
        return FitFailure(
            f"nothing sold on {zero:.0%} of the open days; {leaf.name} is for series with at "
            f"most {leaf.most_zero_days:.0%}"
        )
    return None


def _leaves(
    wanted: Mapping[str, Ints | None], known: Strategies
) -> list[tuple[PlainStrategy, Ints | None]]:
    """Every plain strategy once, with the series that need it (None: all)."""
    found: dict[str, tuple[PlainStrategy, Ints | None]] = {}
    for name, some in wanted.items():
        for leaf in plain(name, known):
            if leaf.name in found and some is not None:
                before = found[leaf.name][1]
                some_and_before = None if before is None else np.union1d(before, some)
                found[leaf.name] = (leaf, some_and_before)
            else:
                found[leaf.name] = (leaf, some)
    return list(found.values())


def _blocks(
    panel: Panel, as_of: date, horizon: int, n_splits: int, leaves: Iterable[ProphetStrategy]
) -> Ints:
    """Rows in each series' folds (n,): those of the horizon, or as many as the shortest
    window has room for, so that every strategy that can be fitted has the same; 0 where the
    history has no room at all.
    """
    room = panel.rows // (n_splits + 1)
    for leaf in leaves:
        rows = panel.window(as_of, leaf.window_days).rows
        room = np.where(rows >= leaf.min_open_days, np.minimum(room, rows // (n_splits + 1)), room)
    return np.minimum(room, max(horizon, MIN_BLOCK))


def _of_folds(values: Floats, panel: Panel, blocks: Ints, n_splits: int) -> Floats:
    """What a panel's rows have, on the days of each fold; (n, K, B), NaN beyond a series' block."""
    found = empty_folds(n_splits, blocks).yhat
    cuts = fold_cuts(panel.rows, blocks, n_splits)
    for length in np.unique(blocks[blocks > 0]).tolist():
        some = np.flatnonzero(blocks == length)
        rows = panel.offsets[some][:, None, None] + cuts[some, :-1, None] + np.arange(length)
        found[some, :, :length] = values[rows]
    return found
