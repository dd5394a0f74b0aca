"""Fits of many series' first rows, all in one go: scaling, the problems, their optima.

A fit here is of one series up to one cut. A backtest's folds and the final fit differ in
their cuts alone, so they are more problems of one kind, on the same running sums; and fits to
units on the linear and on the log scale differ in y alone.
"""

from dataclasses import dataclass, replace
from itertools import product

import numpy as np
import numpy.typing as npt

from functions.forecasting.engines.batched.fits import Fits
from functions.forecasting.engines.batched.map_problem import (
    TREND_SCALE,
    Problems,
    Rotated,
    RunningSums,
    rotated,
)
from functions.forecasting.engines.batched.optimum import solve
from functions.forecasting.engines.batched.padded import Histories, until
from functions.forecasting.engines.batched.standardize import standards
from functions.forecasting.prophet.changepoints import placed
from functions.forecasting.prophet.parameters import Seasonality
from functions.forecasting.prophet.seasonality import (
    YEARLY_COLUMNS,
    Terms,
    auto_terms,
    columns,
    seasonalities,
)
from functions.forecasting.series.panel import Floats
from functions.forecasting.strategy import ProphetStrategy

Ints = npt.NDArray[np.int64]

CONSTANT_SIGMA = 1e-9  # Prophet's own for a history whose values are all the same


def fit_prefixes(
    histories: Histories, cuts: Ints, strategy: ProphetStrategy, prior_scales: Floats
) -> Fits:
    """The optima of n series at their K cuts; see `Prefixes`."""
    return Prefixes.of(histories, cuts, strategy, prior_scales).fitted(histories.units)


@dataclass(frozen=True, eq=False)
class Prefixes:
    """n series up to their K cuts, ready to be fitted to units on any scale.

    `unfitted` is what is known of the fits beforehand: all coefficients are 0 and `y_scale` is 1.
    The columns of `sums` are u, 1, the Fourier columns that any fit has, and the drivers, where u
    and the drivers are scaled to each series' last cut; beyond it they are 0.
    """

    unfitted: Fits
    cuts: Ints
    sums: RunningSums
    kinds: "tuple[_Kind, ...]"

    @staticmethod
    def of(
        histories: Histories, cuts: Ints, strategy: ProphetStrategy, prior_scales: Floats
    ) -> "Prefixes":
        """`cuts` (n, K) rise and are at least 2; `prior_scales` (p,) are the drivers'. Series of
        similar length belong together: they are padded to the longest.
        """
        fits = _unfitted(histories, cuts, strategy)
        yearly, weekly = bool(fits.terms.yearly.any()), bool(fits.terms.weekly.any())
        terms = seasonalities(strategy, yearly, weekly)
        sums = RunningSums.of(_columns(fits, histories, cuts, terms))
        q = sums.columns.shape[2]
        products = sums.products(cuts).reshape(cuts.size, q, q)
        kinds = []
        for of_year, of_week in product((False, True), repeat=2):
            some = np.flatnonzero((fits.terms.yearly == of_year) & (fits.terms.weekly == of_week))
            if len(some) == 0:
                continue
            own = seasonalities(strategy, of_year, of_week)
            fourier = 2 * sum(term.fourier_order for term in own)
            start = 2 + YEARLY_COLUMNS * (yearly and not of_year)
            chosen = np.r_[0, 1, start : start + fourier, q - len(prior_scales) : q]
            rows = fits.rows[some]
            hinges, bend = sums.hinges(some // cuts.shape[1], rows, fits.places[some])
            stretch, shift = _moves(fits, some, cuts.shape[1], fourier)
            scales = np.r_[
                TREND_SCALE,
                TREND_SCALE,
                np.full(fourier, strategy.seasonality_prior_scale),
                prior_scales,
            ]
            without_y = rotated(
                products[some][:, chosen[:, None], chosen],
                hinges[:, :, chosen],
                bend,
                stretch,
                shift,
                scales,
                rows,
                strategy.changepoint_prior_scale,
            )
            kinds.append(_Kind(some, chosen, YEARLY_COLUMNS * (not of_year), fourier, without_y))
        return Prefixes(fits, cuts, sums, tuple(kinds))

    def fitted(self, units: Floats) -> Fits:
        """The optima for these units (n, T), finite in the rows before the last cut."""
        cuts = self.cuts
        highest = until(np.maximum.accumulate(units, axis=1), cuts).ravel()
        lowest = until(np.minimum.accumulate(units, axis=1), cuts).ravel()
        largest = np.maximum(abs(highest), abs(lowest))
        new = {name: np.zeros_like(getattr(self.unfitted, name)) for name in _FITTED}
        fits = replace(self.unfitted, y_scale=np.where(largest == 0, 1.0, largest), **new)

        # Prophet's own way with a history whose values are all the same.
        constant = highest == lowest
        fits.m[constant] = (highest / fits.y_scale)[constant]
        fits.sigma[constant] = CONSTANT_SIGMA
        fits.done[constant] = True

        rows = self.sums.columns.shape[1]
        last = np.arange(cuts.shape[1] - 1, cuts.size, cuts.shape[1])
        used = np.arange(rows) < fits.rows[last, None]
        y = np.where(used, units[:, :rows] / fits.y_scale[last, None], 0.0)
        products = self.sums.products_with(y, cuts).reshape(cuts.size, -1)
        series = np.repeat(np.arange(len(cuts)), cuts.shape[1])
        hinges = self.sums.hinges_with(y, series, fits.rows, fits.places)
        times = fits.y_scale[last[series]] / fits.y_scale
        for kind in self.kinds:
            some = kind.some
            problems = kind.rotated.with_y(
                products[some][:, np.append(kind.columns, -1)], hinges[some], times[some]
            )
            kind.put(fits, problems, np.flatnonzero(~constant[some]))
        return fits


_FITTED = ("k", "m", "sigma", "delta", "seasonal", "driven", "rounds", "done")


@dataclass(frozen=True, eq=False)
class _Kind:
    """The fits `some` (P,), which have the same terms: which of the shared columns are theirs,
    where the first of their `fourier` coefficients belongs, and their problems but for y.
    """

    some: npt.NDArray[np.intp]
    columns: npt.NDArray[np.intp]
    where: int
    fourier: int
    rotated: Rotated

    def put(self, fits: Fits, problems: Problems, chosen: npt.NDArray[np.intp]) -> None:
        """Solves the chosen ones of the problems, and puts the results in place."""
        some, fourier = self.some[chosen], self.fourier
        if len(some) == 0:
            return
        solution = solve(problems if len(chosen) == len(problems) else problems.at(chosen))
        b = (problems.turn[chosen] @ solution.rotated[:, :, None])[:, :, 0]
        delta = np.where(fits.changepoints[some, None] > 0, solution.delta, 0.0)
        # Where Prophet placed no changepoint its dummy bends at 0, which is the slope itself.
        fits.k[some] = b[:, 0] + (solution.delta - delta).sum(axis=1)
        fits.m[some] = b[:, 1]
        fits.delta[some] = delta
        fits.seasonal[some, self.where : self.where + fourier] = b[:, 2 : 2 + fourier]
        fits.driven[some] = np.where(fits.standards.varies[some], b[:, 2 + fourier :], 0.0)
        fits.sigma[some] = np.sqrt(solution.variance)
        fits.rounds[some], fits.done[some] = solution.rounds, solution.done


def _unfitted(histories: Histories, cuts: Ints, strategy: ProphetStrategy) -> Fits:
    """What is known of the fits before any is made; all coefficients are 0."""
    terms = auto_terms(histories.days, cuts)
    p, rows = cuts.size, cuts.ravel()
    places, changepoints = placed(rows, strategy.n_changepoints, strategy.changepoint_range)
    series = np.repeat(np.arange(len(cuts)), cuts.shape[1])
    first = histories.days[series, 0]
    return Fits(
        k=np.zeros(p),
        m=np.zeros(p),
        sigma=np.zeros(p),
        y_scale=np.ones(p),
        rows=rows,
        first=first,
        span=histories.days[series, rows - 1] - first,
        delta=np.zeros(places.shape),
        places=places,
        changepoints=changepoints,
        terms=Terms(terms.yearly.ravel(), terms.weekly.ravel()),
        seasonal=np.zeros((p, YEARLY_COLUMNS + 2 * strategy.weekly_order)),
        driven=np.zeros((p, histories.drivers.shape[2])),
        standards=standards(histories.drivers, cuts),
        rounds=np.zeros(p, np.int64),
        done=np.zeros(p, bool),
    )


def _columns(
    fits: Fits, histories: Histories, cuts: Ints, terms: tuple[Seasonality, ...]
) -> Floats:
    """u, 1, the terms' columns and the drivers, scaled to each series' last cut; (n, T, q)."""
    last = np.arange(cuts.shape[1] - 1, cuts.size, cuts.shape[1])
    days = histories.days[:, : cuts.max(initial=0)]
    drivers = histories.drivers[:, : days.shape[1]]
    behind = 2 + 2 * sum(term.fourier_order for term in terms)
    rows = np.empty((*days.shape, behind + drivers.shape[2]))
    rows[:, :, 0] = (days - days[:, :1]) / fits.span[last, None]
    rows[:, :, 1] = 1.0
    rows[:, :, 2:behind] = columns(terms, days)
    np.subtract(drivers, fits.standards.mean[last, None], out=rows[:, :, behind:])
    rows[:, :, behind:] /= fits.standards.std[last, None]
    rows[np.arange(days.shape[1]) >= fits.rows[last, None]] = 0.0
    return rows


def _moves(
    fits: Fits, some: npt.NDArray[np.intp], cuts: int, fourier: int
) -> tuple[Floats, Floats]:
    """By what the columns are stretched, and then shifted, from the scales of the last cut to those
    of each fit; both (P, N).
    """
    last = some - some % cuts + cuts - 1
    standard, varies = fits.standards, fits.standards.varies[some]
    behind = 2 + fourier
    stretch = np.ones((len(some), behind + varies.shape[1]))
    shift = np.zeros(stretch.shape)
    stretch[:, 0] = fits.span[last] / fits.span[some]
    std = standard.std[some]
    stretch[:, behind:] = np.where(varies, standard.std[last] / std, 0.0)
    moved = (standard.mean[last] - standard.mean[some]) / std
    shift[:, behind:] = np.where(varies, moved, 0.0)
    return stretch, shift
