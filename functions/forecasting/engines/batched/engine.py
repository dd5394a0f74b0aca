"""The engine that solves all fits of a panel together, without Stan.

It finds the maximum of the same posterior that stock Prophet's optimiser climbs (linear
growth, additive terms), exactly, so its log density is never below Stan's. It uses one
thread apart from numpy's own and no other process; results are the same bytes for the same
panel, and for a series in other company the same to nine digits.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from functions.forecasting.backtest import DEFAULT, Backtest
from functions.forecasting.engines.batched.fits import FinalFits, Fits, continued, finals
from functions.forecasting.engines.batched.padded import Histories
from functions.forecasting.engines.batched.prefix_fits import Prefixes
from functions.forecasting.engines.batched.recent_residual import recent_residual
from functions.forecasting.engines.engine import Engine
from functions.forecasting.findings import Finding
from functions.forecasting.folds import FoldForecasts, empty_folds, fold_cuts
from functions.forecasting.prophet.intervals import Errors, quantiles
from functions.forecasting.prophet.parameters import ProphetParameters
from functions.forecasting.series.failures import FitFailure, refusals
from functions.forecasting.series.panel import Floats, Panel
from functions.forecasting.series.regressors import Design
from functions.forecasting.series.scale import Band, fitted_on, in_units, smeared
from functions.forecasting.strategy import ProphetStrategy

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

# So many rows, padding included, are taken at a time: with yearly terms and their running
# sums these are 60 MB, with fifty regressors 150 MB, and a panel of any size fits in it.
CHUNK_ROWS = 50_000
# Of more regressors the fewer rows, so that rows times columns stay what they are with these;
# and the fewer series, whose columns are multiplied with each other for every fold: 24 MB.
ORDINARY_REGRESSORS = 100
CHUNK_PRODUCTS = 3_000_000
_OTHER_COLUMNS = 29  # at most: trend, season and units
_UNSOLVED = "the batched solver found no optimum"


@dataclass(frozen=True)
class BatchedEngine:
    """An `Engine` in plain numpy. It has no state, so one may serve any number of threads.

    `fallback` gets the series for which no optimum was found, and all of a strategy whose
    posterior is not concave; without it they are `FitFailure`.
    """

    fallback: Engine | None = None

    def walk_forward(
        self,
        panel: Panel,
        strategies: Sequence[ProphetStrategy],
        design: Design,
        blocks: Ints,
        backtest: Backtest = DEFAULT,
    ) -> list[FoldForecasts[ProphetParameters]]:
        """Folds and a last fit of every series; see `Engine.walk_forward`."""
        first = strategies[0]
        if not first.concave:
            return self._elsewhere(panel, strategies, design, blocks, backtest)
        reasons = refusals(panel, backtest.n_splits * (blocks > 0) * blocks + 2)
        walks = [
            _Walked(empty_folds(backtest.n_splits, blocks), [*reasons], {}, {}) for _ in strategies
        ]
        splits = backtest.n_splits if (blocks > 0).any() else 0
        level = backtest.interval_level
        sound = np.flatnonzero([reason is None for reason in reasons])
        varying = _varying(panel, design, sound)
        for chosen in _chunks(panel.rows, sound, varying, splits + 1):
            solved = _solved(panel, chosen, strategies, design, blocks[chosen], splits, level)
            for walk, result in zip(walks, solved, strict=True):
                walk.take(chosen, *result)
        for strategy, walk in zip(strategies, walks, strict=True):
            if self.fallback is not None and len(unsolved := walk.unsolved()):
                kept = np.isin(np.repeat(np.arange(len(panel)), panel.rows), unsolved)
                some = panel.select(unsolved.tolist())
                [other] = self.fallback.walk_forward(
                    some, [strategy], design.rows(kept), blocks[unsolved], backtest
                )
                walk.fall_back(unsolved, other)
        return [walk.as_folds() for walk in walks]

    def _elsewhere(
        self,
        panel: Panel,
        strategies: Sequence[ProphetStrategy],
        design: Design,
        blocks: Ints,
        backtest: Backtest,
    ) -> list[FoldForecasts[ProphetParameters]]:
        """The fallback's walks of all series."""
        if self.fallback is not None:
            finding = Finding("stock-as-not-concave")
            return [
                replace(
                    walk,
                    findings={i: finding for i, why in enumerate(walk.reasons) if why is None},
                )
                for walk in self.fallback.walk_forward(panel, strategies, design, blocks, backtest)
            ]
        return [
            _Walked(
                empty_folds(backtest.n_splits, blocks),
                [
                    FitFailure(
                        "the batched solver has linear growth and additive terms only; "
                        f"{strategy.name} has {strategy.growth} growth and "
                        f"{strategy.seasonality_mode} terms"
                    )
                ]
                * len(panel),
                {},
                {},
            ).as_folds()
            for strategy in strategies
        ]


def _varying(panel: Panel, design: Design, sound: Ints) -> Bools:
    """Which regressors ever vary in each of the series `sound`, shape (sound, r); all of them, if
    they are too few to matter.
    """
    if len(design.names) <= ORDINARY_REGRESSORS:
        return np.ones((len(sound), len(design.names)), bool)
    values = (design.values[panel.series(i)] for i in sound.tolist())
    return np.array([(own != own[:1]).any(axis=0) for own in values], bool).reshape(
        len(sound), len(design.names)
    )


def _chunks(rows: Ints, sound: Ints, varying: Bools, fits: int) -> Iterator[Ints]:
    """The indices `sound`, by rising number of rows, cut so that each part has few rows times
    columns, and few products of columns with each other in its `fits` of each series.
    """
    by_rows = np.argsort(rows[sound], kind="stable")
    order, varying = sound[by_rows], varying[by_rows]
    start = 0
    while start < len(order):
        count = np.arange(1, len(order) - start + 1)
        # What is added last sets the length and the columns of all before it.
        padded = rows[order[start:]] * count
        fitting = padded <= CHUNK_ROWS
        if varying.shape[1] > ORDINARY_REGRESSORS:
            columns = np.logical_or.accumulate(varying[start:], axis=0).sum(axis=1)
            products = count * fits * (columns + _OTHER_COLUMNS) ** 2
            fitting &= padded * columns <= CHUNK_ROWS * ORDINARY_REGRESSORS
            fitting &= products <= CHUNK_PRODUCTS
        length = max(int(fitting.sum()), 1)
        yield order[start : start + length]
        start += length


def _solved(
    panel: Panel,
    chosen: Ints,
    strategies: Sequence[ProphetStrategy],
    design: Design,
    blocks: Ints,
    splits: int,
    level: float,
) -> Iterator[tuple[Band, FinalFits, Bools]]:
    """By each strategy the chosen series' folds (n, K, B), last fits, and whether all fits were
    solved.
    """
    raw = Histories.of(panel, chosen, design.values)
    varies = (raw.drivers != raw.drivers[:, :1]).any(axis=(0, 1))
    raw = replace(raw, drivers=raw.drivers[:, :, varies])
    names = tuple(name for name, kept in zip(design.names, varies.tolist(), strict=True) if kept)
    scales = design.prior_scales[varies]
    cuts = fold_cuts(raw.rows, blocks, splits)
    prefixes = Prefixes.of(raw, cuts, strategies[0], scales)
    for strategy in strategies:
        histories = replace(raw, units=fitted_on(raw.units, strategy.scale))
        fits = prefixes.fitted(histories.units)
        shift = recent_residual(fits, histories, cuts, strategy)
        last = finals(fits, histories, shift, names, scales, strategy)
        band = _folds(fits, histories, cuts, shift, strategy, int(blocks.max(initial=1)), level)
        beyond = np.arange(band.yhat.shape[2]) >= blocks[:, None, None]
        for values in (band.yhat, band.lower, band.upper):
            np.copyto(values, np.nan, where=beyond)
        done: Bools = np.asarray(fits.done.reshape(cuts.shape).all(axis=1))
        yield band, last, done


def _folds(
    fits: Fits,
    histories: Histories,
    cuts: Ints,
    shift: Floats,
    strategy: ProphetStrategy,
    length: int,
    level: float,
) -> Band:
    """Forecasts of the `length` rows after each cut but the last; shape (n, K, length)."""
    n, splits = len(cuts), cuts.shape[1] - 1
    tests = np.arange(cuts.size).reshape(cuts.shape)[:, :-1].ravel()
    some, starts = fits.at(tests), cuts[:, :-1]
    if splits == 0:
        return Band.empty((n, 0, length))
    center = continued(some, histories, starts, length, strategy) + shift[:, :-1, None]
    rows = np.minimum(starts[:, :, None] + np.arange(length), histories.rows[:, None, None] - 1)
    days = histories.days[np.arange(n)[:, None, None], rows].reshape(len(tests), length)
    ahead = days - (some.first + some.span)[:, None]
    errors = Errors.of(some.sigma, some.delta, np.maximum(some.changepoints, 1), some.span)
    widths = quantiles(errors, ahead, (1 + level) / 2) * some.y_scale[:, None]
    on_log = np.array(strategy.scale == "log")
    noise = (some.sigma * some.y_scale).reshape(n, splits, 1)
    added = smeared(np.array(strategy.smearing), noise, on_log)
    return in_units(center, widths.reshape(center.shape), on_log, added)


@dataclass(frozen=True, eq=False)
class _Walked:
    """A walk that is filled chunk by chunk; `at` says where a series' last fit is."""

    band: Band
    reasons: list[FitFailure | None]
    at: dict[int, tuple[FinalFits, int] | ProphetParameters]
    findings: dict[int, Finding]

    def take(self, chosen: Ints, band: Band, last: FinalFits, done: Bools) -> None:
        """The results of some series; those not done have none."""
        for i, place in enumerate(chosen.tolist()):
            if done[i]:
                self.at[place] = last, i
            else:
                rows = int(last.fits.rows[i])
                self.reasons[place] = FitFailure(f"{_UNSOLVED} for {rows} open days")
        _, splits, length = band.yhat.shape
        self.band.put((chosen[done], slice(splits), slice(length)), band.at(done))

    def unsolved(self) -> Ints:
        """The series that were tried in vain."""
        why = [reason.reason if reason else "" for reason in self.reasons]
        return np.flatnonzero([text.startswith(_UNSOLVED) for text in why])

    def fall_back(self, series: Ints, walk: FoldForecasts[ProphetParameters]) -> None:
        """Another engine's results in place of what was not solved."""
        length = walk.band.yhat.shape[2]
        for i, place in enumerate(series.tolist()):
            self.reasons[place] = walk.reasons[i]
            if walk.reasons[i] is None:
                self.band.put((place, slice(None), slice(length)), walk.band.at(i))
                self.at[place] = walk.model(i)
                self.findings[place] = Finding("stock-as-unsolved")

    def as_folds(self) -> FoldForecasts[ProphetParameters]:
        """The walk as it stands."""

        def model(i: int) -> ProphetParameters:
            found = self.at[i]
            return found if isinstance(found, ProphetParameters) else found[0].model(found[1])

        return FoldForecasts(self.band, self.reasons, model, self.findings)
