"""Fits of many series' first rows, all in one go: scaling, the problems, their optima.

A fit here is of one series up to one cut. A backtest's folds and the final fit differ in
their cuts alone, so they are more problems of one kind, on the same running sums.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from functions.forecasting.active_set import solve
from functions.forecasting.changepoints import placed
from functions.forecasting.drivers import standards
from functions.forecasting.fits import Fits
from functions.forecasting.histories import Histories, until
from functions.forecasting.map_problem import TREND_SCALE, RunningSums, turned
from functions.forecasting.panel import Floats
from functions.forecasting.seasonality import (
    YEARLY_COLUMNS,
    Terms,
    auto_terms,
    columns,
    seasonalities,
)
from functions.forecasting.strategy import Strategy

Ints = npt.NDArray[np.int64]

CONSTANT_SIGMA = 1e-9  # Prophet's own for a history whose values are all the same


def fit_prefixes(
    histories: Histories, cuts: Ints, strategy: Strategy, prior_scales: Floats
) -> Fits:
    """The optima of n series at their K cuts; `cuts` (n, K) rise and are at least 2.

    Units must be finite in the rows before the last cut. `prior_scales` (p,) are the
    drivers'. Series of similar length belong together: they are padded to the longest.
    """
    highest = until(np.maximum.accumulate(histories.units, axis=1), cuts).ravel()
    lowest = until(np.minimum.accumulate(histories.units, axis=1), cuts).ravel()
    fits = _unfitted(histories, cuts, strategy, np.maximum(abs(highest), abs(lowest)))

    # Prophet's own way with a history whose values are all the same.
    constant = highest == lowest
    fits.m[constant] = (highest / fits.y_scale)[constant]
    fits.sigma[constant] = CONSTANT_SIGMA
    fits.done[constant] = True

    shared = _Shared.of(fits, histories, cuts, strategy, prior_scales)
    for yearly in (False, True):
        for weekly in (False, True):
            kind = (fits.terms.yearly == yearly) & (fits.terms.weekly == weekly) & ~constant
            if kind.any():
                shared.fit(np.flatnonzero(kind), yearly, weekly)
    return fits


def _unfitted(histories: Histories, cuts: Ints, strategy: Strategy, largest: Floats) -> Fits:
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
        y_scale=np.where(largest == 0, 1.0, largest),
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


@dataclass(frozen=True, eq=False)
class _Shared:
    """What the fits of one call have in common.

    The columns of `sums` are u, 1, the Fourier columns that any fit has, the drivers and
    y, where u, the drivers and y are scaled to each series' last cut; `products` (P, q, q)
    are theirs up to each cut.
    """

    fits: Fits
    strategy: Strategy
    prior_scales: Floats
    sums: RunningSums
    products: Floats
    yearly: bool
    cuts: int

    @staticmethod
    def of(
        fits: Fits, histories: Histories, cuts: Ints, strategy: Strategy, prior_scales: Floats
    ) -> "_Shared":
        yearly, weekly = bool(fits.terms.yearly.any()), bool(fits.terms.weekly.any())
        last = np.arange(cuts.shape[1] - 1, cuts.size, cuts.shape[1])
        days = histories.days[:, : cuts.max(initial=0)]
        until_last = slice(0, days.shape[1])
        used = np.arange(days.shape[1]) < fits.rows[last, None]
        standard = fits.standards
        rows = np.concatenate(
            [
                ((days - days[:, :1]) / fits.span[last, None])[:, :, None],
                np.ones((*days.shape, 1)),
                columns(seasonalities(strategy, yearly, weekly), days),
                (histories.drivers[:, until_last] - standard.mean[last, None])
                / standard.std[last, None],
                (histories.units[:, until_last] / fits.y_scale[last, None])[:, :, None],
            ],
            axis=2,
        )
        sums = RunningSums.of(np.where(used[:, :, None], rows, 0.0))
        products = sums.products(cuts).reshape(cuts.size, rows.shape[2], rows.shape[2])
        return _Shared(fits, strategy, prior_scales, sums, products, yearly, cuts.shape[1])

    def fit(self, some: npt.NDArray[np.intp], yearly: bool, weekly: bool) -> None:
        """Fits the problems `some`, which have these terms, and puts the results in place."""
        fits, strategy = self.fits, self.strategy
        terms = seasonalities(strategy, yearly, weekly)
        fourier = 2 * sum(term.fourier_order for term in terms)
        drivers = len(self.prior_scales)
        start = 2 + YEARLY_COLUMNS * (self.yearly and not yearly)
        q = self.products.shape[1]
        chosen = np.r_[0, 1, start : start + fourier, q - 1 - drivers : q]
        scales = np.concatenate(
            [
                [TREND_SCALE, TREND_SCALE],
                np.full(fourier, strategy.seasonality_prior_scale),
                self.prior_scales,
            ]
        )
        series, rows = some // self.cuts, fits.rows[some]
        hinges, bend = self.sums.hinges(series, rows, fits.places[some])
        problems = turned(
            self.products[some][:, chosen[:, None], chosen],
            hinges[:, :, chosen],
            bend,
            self._change(some, fourier),
            scales,
            rows,
            strategy.changepoint_prior_scale,
        )
        solution = solve(problems)
        b = (problems.turn @ solution.turned[:, :, None])[:, :, 0]
        delta = np.where(fits.changepoints[some, None] > 0, solution.delta, 0.0)
        # Where Prophet placed no changepoint its dummy bends at 0, which is the slope itself.
        fits.k[some] = b[:, 0] + (solution.delta - delta).sum(axis=1)
        fits.m[some] = b[:, 1]
        fits.delta[some] = delta
        where = YEARLY_COLUMNS * (not yearly)
        fits.seasonal[some, where : where + fourier] = b[:, 2 : 2 + fourier]
        fits.driven[some] = np.where(fits.standards.varies[some], b[:, 2 + fourier :], 0.0)
        fits.sigma[some] = np.sqrt(solution.variance)
        fits.rounds[some], fits.done[some] = solution.rounds, solution.done

    def _change(self, some: npt.NDArray[np.intp], fourier: int) -> Floats:
        """What takes the columns from their scales to those of each fit; (P, q, q)."""
        fits, drivers = self.fits, len(self.prior_scales)
        last = some - some % self.cuts + self.cuts - 1
        now, then = fits.standards, fits.standards
        stretch = np.ones((len(some), 2 + fourier + drivers + 1))
        stretch[:, 0] = fits.span[last] / fits.span[some]
        stretch[:, -1] = fits.y_scale[last] / fits.y_scale[some]
        change = np.zeros((*stretch.shape, stretch.shape[1]))
        if drivers:
            varies = now.varies[some]
            behind = slice(2 + fourier, 2 + fourier + drivers)
            stretch[:, behind] = np.where(varies, then.std[last] / now.std[some], 0.0)
            shift = (now.mean[some] - then.mean[last]) / now.std[some]
            change[:, 1, behind] = np.where(varies, -shift, 0.0)
        at = np.arange(stretch.shape[1])
        change[:, at, at] = stretch
        return change
