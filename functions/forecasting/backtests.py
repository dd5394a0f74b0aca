"""Backtests of several strategies on the same folds of the same series.

Plain strategies are walked forward once each, however many others average or consider
them. Windows, features and folds are cut here; engines see open days only.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

import numpy as np
import numpy.typing as npt

from functions.forecasting import levels
from functions.forecasting.engine import Engine
from functions.forecasting.panel import Floats, Panel
from functions.forecasting.regressors import Design, design
from functions.forecasting.scale import Band
from functions.forecasting.series_model import Member
from functions.forecasting.strategy import Strategies, Strategy, plain
from functions.forecasting.unfit import Unfit
from functions.forecasting.walk import Walk, empty_folds, walk_cuts

Ints = npt.NDArray[np.int64]

SHORTEST_BLOCK = 7  # open days in a fold, if the history has room for them


@dataclass(frozen=True, eq=False)
class Tested:
    """One strategy's backtest: forecasts of the folds (n, K, B), NaN where it has none, and
    why a series has none.
    """

    band: Band
    reasons: Sequence[Unfit | None]


class Backtests:
    """What every strategy asked for made of the open days `panel` before `as_of`.

    `wanted` maps the name of a strategy to the series it is for (None: all of them).
    """

    def __init__(
        self,
        panel: Panel,
        as_of: date,
        horizon: int,
        n_splits: int,
        wanted: Mapping[str, Ints | None],
        known: Strategies,
        engine: Engine,
    ) -> None:
        self.panel, self._as_of, self._engine, self._known = panel, as_of, engine, known
        self._n_splits = n_splits
        leaves = _leaves(wanted, known)
        common = [leaf for leaf, some in leaves if some is None and leaf.method == "prophet"]
        self.blocks = _blocks(panel, as_of, horizon, n_splits, common)
        self.actual = _actual(panel, self.blocks, n_splits)
        self._designs: dict[tuple[bool, ...], Design] = {}
        self._walks = {leaf.name: self._walk(leaf, some) for leaf, some in leaves}

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

    def notes(self, name: str, i: int) -> list[str]:
        """What to know of how they were fitted."""
        members = {leaf.name: self._walks[leaf.name] for leaf in plain(name, self._known)}
        said = [walk.notes[i] for walk in members.values() if i in walk.notes]
        left_out = [name for name, walk in members.items() if walk.reasons[i] is not None]
        return said + [f"without {', '.join(left_out)}, which it has no days for"] * bool(left_out)

    def usual(self, i: int) -> dict[str, tuple[float, ...]]:
        """The usual values of the drivers of the i-th series, by weekday."""
        found: dict[str, tuple[float, ...]] = {}
        for each in self._designs.values():
            for at, name in enumerate(each.driver_names):
                if np.isfinite(values := each.usual[i, :, at]).all():
                    found[name] = tuple(np.round(values, 4).tolist())
        return found

    def fold_days(self, i: int) -> list[tuple[date, date]]:
        """The first and the last day of each fold of the i-th series."""
        block = int(self.blocks[i])
        if block == 0:
            return []
        dates = self.panel.dates[self.panel.series(i)]
        starts = walk_cuts(self.panel.rows[i : i + 1], self.blocks[i : i + 1], self._n_splits)[0]
        return [
            (dates[start].item(), dates[start + block - 1].item()) for start in starts[:-1].tolist()
        ]

    def _walk(self, leaf: Strategy, some: Ints | None) -> Walk[Member]:
        """The leaf's walk of every series; `Unfit` where it is not wanted or has too few days."""
        panel, splits = self.panel, self._n_splits
        leaf = _split(leaf, splits)
        inside = np.ones(len(panel.dates), bool)
        if leaf.window_days is not None and leaf.method == "prophet":
            start = np.datetime64(self._as_of, "D") - np.timedelta64(leaf.window_days, "D")
            inside = panel.dates >= start
        rows = np.diff(np.concatenate([[0], np.cumsum(inside)])[panel.offsets])
        needed = np.ones(len(panel), np.int64)
        if leaf.method == "prophet":
            needed = np.maximum(leaf.min_open_days, splits * self.blocks + 2)
        zero = np.concatenate([[0], np.cumsum(inside & (panel.units == 0))])
        zero_days = np.diff(zero[panel.offsets]) / np.maximum(rows, 1)
        reasons: list[Unfit | None] = [
            _unfit(leaf, self._as_of, *facts)
            for facts in zip(rows.tolist(), needed.tolist(), zero_days.tolist(), strict=True)
        ]
        if some is not None:
            for i in set(range(len(panel))) - set(some.tolist()):
                reasons[i] = Unfit(f"{leaf.name} is not asked for")
        fit = np.array([reason is None for reason in reasons])
        chosen = np.flatnonzero(fit)
        kept = inside & np.repeat(fit, panel.rows)
        part = panel if kept.all() and fit.all() else panel.only(kept).select(chosen.tolist())
        if leaf.method == "prophet":
            walk: Walk[Member] = self._engine.walk_forward(
                part, leaf, self._design(leaf, kept), self.blocks[chosen]
            )
        else:
            walk = levels.walk_forward(part, leaf, self.blocks[chosen])
        return _spread(walk, chosen, reasons, splits, self.blocks)

    def _design(self, leaf: Strategy, kept: npt.NDArray[np.bool_]) -> Design:
        kind = (leaf.drivers, leaf.driver_weekdays, leaf.calendar_terms)
        if kind not in self._designs:
            self._designs[kind] = design(self.panel, leaf)
        made = self._designs[kind]
        return made if kept.all() else made.rows(kept)


def _split(leaf: Strategy, splits: int) -> Strategy:
    """The strategy with as many folds as all are compared by, and the open days they need."""
    least = max(leaf.min_open_days, splits + 2)
    window = None if leaf.window_days is None else max(leaf.window_days, least)
    return replace(leaf, n_splits=splits, min_open_days=least, window_days=window)


def _unfit(leaf: Strategy, as_of: date, rows: int, needed: int, zero: float) -> Unfit | None:
    if rows < needed:
        return Unfit(
            f"{rows} open days in {leaf.window} before {as_of}; {leaf.name} needs at least {needed}"
        )
    if zero > leaf.most_zero_days:
        return Unfit(
            f"nothing sold on {zero:.0%} of the open days; {leaf.name} is for series with at "
            f"most {leaf.most_zero_days:.0%}"
        )
    return None


def _leaves(
    wanted: Mapping[str, Ints | None], known: Strategies
) -> list[tuple[Strategy, Ints | None]]:
    """Every plain strategy once, with the series that need it (None: all)."""
    found: dict[str, tuple[Strategy, Ints | None]] = {}
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
    panel: Panel, as_of: date, horizon: int, n_splits: int, leaves: Iterable[Strategy]
) -> Ints:
    """Rows in each series' folds (n,): those of the horizon, or as many as the shortest
    window has room for, so that every strategy that can be fitted has the same; 0 where the
    history has no room at all.
    """
    room = panel.rows // (n_splits + 1)
    for leaf in leaves:
        rows = panel.window(as_of, leaf.window_days).rows
        room = np.where(rows >= leaf.min_open_days, np.minimum(room, rows // (n_splits + 1)), room)
    return np.minimum(room, max(horizon, SHORTEST_BLOCK))


def _actual(panel: Panel, blocks: Ints, n_splits: int) -> Floats:
    """What was sold on the days of each fold, shape (n, K, B), NaN beyond a series' block."""
    actual = empty_folds(n_splits, blocks).yhat
    cuts = walk_cuts(panel.rows, blocks, n_splits)
    for length in np.unique(blocks[blocks > 0]).tolist():
        some = np.flatnonzero(blocks == length)
        rows = panel.offsets[some][:, None, None] + cuts[some, :-1, None] + np.arange(length)
        actual[some, :, :length] = panel.units[rows]
    return actual


def _spread(
    walk: Walk[Member], chosen: Ints, reasons: list[Unfit | None], splits: int, blocks: Ints
) -> Walk[Member]:
    """A walk of some of the series as one of all of them."""
    for place, reason in zip(chosen.tolist(), walk.reasons, strict=True):
        reasons[place] = reason
    band = empty_folds(splits, blocks)
    band.put((chosen, slice(None), slice(walk.band.yhat.shape[2])), walk.band)
    at = {place: i for i, place in enumerate(chosen.tolist())}
    notes = {int(chosen[i]): note for i, note in walk.notes.items()}
    return Walk(band, reasons, lambda place: walk.model(at[place]), notes)
