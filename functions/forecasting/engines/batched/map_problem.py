"""Prophet's posterior as small arrays: all that is left of the rows before the solver runs.

A problem is one training window: the first `cut` rows of a series. With y scaled by its
largest |y|, t running from 0 to 1 and hinges C_ij = max(t_i - s_j, 0), Prophet's model is

    y ~ N(Z b + C delta, sigma^2),  Z = [t, 1, Fourier columns, drivers]
    b_j ~ N(0, scale_j^2),  delta_j ~ Laplace(0, tau),  sigma ~ N+(0, 0.5^2)

Only Z'Z, Z'C, C'C, Z'y, C'y and y'y matter, and all folds of a series get them from the
same running sums: a hinge is a straight line from its changepoint on, so its products
are differences of two of those sums. Z is then rotated (Z scale = U sqrt(d) Q') so that the
Gaussian part separates for every sigma at once; `optimum` needs nothing else. All of this but
the products with y holds for any y, so two fits of the same rows, to units and to their logarithm,
share it.

Source: Taylor & Letham, Forecasting at Scale (2018), section 3, and Prophet 1.5's
prophet.stan. The rotated form is that of ridge regression: Hastie, Tibshirani & Friedman,
The Elements of Statistical Learning (2009), section 3.4.1.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from functions.forecasting.series.panel import Floats

TREND_SCALE = 5.0  # the prior's standard deviation of the slope k and of the offset m
FEW = 4  # series: with so few, numpy's own loop over the rows is quicker than Python's

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class RunningSums:
    """Sums over the rows of n series, from the first one on.

    `columns` (n, T, q) are the columns of Z; rows after a series' end are 0. The first column
    runs from 0 to 1 (call it u), the second is 1. `plain` and `by_time` (T + 1, n, q) sum the
    columns, and the columns times u, over the rows before.
    """

    columns: Floats
    plain: Floats
    by_time: Floats

    @staticmethod
    def of(columns: Floats) -> "RunningSums":
        """The sums of the columns (n, T, q)."""
        n, rows, q = columns.shape
        plain, by_time = np.zeros((rows + 1, n, q)), np.zeros((rows + 1, n, q))
        if n <= FEW:
            # It adds in the order of the loop below, so the sums are the same to the last bit.
            plain[1:] = columns.transpose(1, 0, 2)
            by_time[1:] = plain[1:] * plain[1:, :, :1]
            np.cumsum(plain, axis=0, out=plain)
            np.cumsum(by_time, axis=0, out=by_time)
            return RunningSums(columns, plain, by_time)
        # Row by row over all series: of many `cumsum` takes three times as long.
        for row in range(rows):
            now = columns[:, row]
            np.add(plain[row], now, out=plain[row + 1])
            np.multiply(now, now[:, :1], out=by_time[row + 1])
            by_time[row + 1] += by_time[row]
        return RunningSums(columns, plain, by_time)

    def products(self, cuts: Ints) -> Floats:
        """columns' columns over the rows before each cut: (n, K) rising to (n, K, q, q)."""
        n, _, q = self.columns.shape
        products = np.zeros((n, cuts.shape[1], q, q))
        for k, (rows, inside) in enumerate(_between(cuts)):
            some = self.columns[:, rows] * inside[:, :, None]
            # One array times itself: numpy computes half of such a product and mirrors it.
            products[:, k] = some.transpose(0, 2, 1) @ some
            products[:, k] += products[:, k - 1] if k else 0.0
        return products

    def products_with(self, y: Floats, cuts: Ints) -> Floats:
        """columns' y and, last, y'y over the rows before each cut: (n, T) and (n, K) to
        (n, K, q + 1).
        """
        n, _, q = self.columns.shape
        products = np.empty((n, cuts.shape[1], q + 1))
        for k, (rows, inside) in enumerate(_between(cuts)):
            some = (y[:, rows] * inside)[:, None]
            products[:, k, :q] = (some @ self.columns[:, rows])[:, 0]
            products[:, k, q] = (some @ some.transpose(0, 2, 1))[:, 0, 0]
        return np.cumsum(products, axis=1)

    def hinges(self, series: Ints, cuts: Ints, places: Ints) -> tuple[Floats, Floats]:
        """The hinges' products with the columns, and where the hinges bend.

        For P problems, the rows before `cuts` (P,) of `series` (P,), with changepoints at
        the rows `places` (P, S): sum_i max(u_i - s_j, 0) column_i, shape (P, S, q), and
        s_j, shape (P, S), both in units of u.
        """
        bend = self.columns[series[:, None], places, 0]
        after = np.minimum(places + 1, cuts[:, None])
        at, end = (after, series[:, None]), (cuts, series)
        plain = self.plain[end][:, None] - self.plain[at]
        by_time = self.by_time[end][:, None] - self.by_time[at]
        return by_time - bend[:, :, None] * plain, bend

    def hinges_with(self, y: Floats, series: Ints, cuts: Ints, places: Ints) -> Floats:
        """The hinges' products with y (n, T), as `hinges` has those with the columns; (P, S)."""
        pair = RunningSums.of(np.stack([self.columns[:, :, 0], y], axis=2))
        return pair.hinges(series, cuts, places)[0][:, :, 1]


def _between(cuts: Ints) -> Iterator[tuple[slice, Bools]]:
    """The rows between each cut (n, K) and the one before it: of all series at once, and which of
    them are inside, (n, length).
    """
    before = np.zeros(len(cuts), np.int64)
    for cut in cuts.T:
        first, last = int(before.min()), int(cut.max())
        some = np.arange(first, last)
        yield slice(first, last), (some >= before[:, None]) & (some < cut[:, None])
        before = cut


@dataclass(frozen=True, eq=False)
class Problems:
    """P problems of N Gaussian columns and S hinges, in the rotated coordinates.

    `turn` (P, N, N) takes rotated coefficients c to those of Z: b = turn @ c. `d` (P, N)
    are the squared singular values, `zy` (P, N) and `zc` (P, N, S) the rotated Z'y and
    Z'C, `cc` (P, S, S), `cy` (P, S) and `yy` (P,) the other products. `rows` (P,) counts
    the rows, `tau` is the prior scale of the slope changes.
    """

    turn: Floats
    d: Floats
    zy: Floats
    zc: Floats
    cc: Floats
    cy: Floats
    yy: Floats
    rows: Ints
    tau: float

    def __len__(self) -> int:
        return len(self.rows)

    def at(self, some: npt.NDArray[np.intp]) -> "Problems":
        """Some of the problems, without their `turn` (which a solver has no need of)."""
        return Problems(
            self.turn[:0],
            self.d[some],
            self.zy[some],
            self.zc[some],
            self.cc[some],
            self.cy[some],
            self.yy[some],
            self.rows[some],
            self.tau,
        )


@dataclass(frozen=True, eq=False)
class Rotated:
    """P problems without their y: `turn`, `d`, `zc`, `cc`, `rows` and `tau` of `Problems`, and
    how products with y become those of a problem.

    `back` (P, N, N) takes what is scaled to the rotated coordinates; `stretch` and `shift` (P, N)
    are the scales times those that `rotated` was given, `hinged` (P,) stretches hinges.
    """

    turn: Floats
    d: Floats
    zc: Floats
    cc: Floats
    rows: Ints
    tau: float
    back: Floats
    stretch: Floats
    shift: Floats
    hinged: Floats

    def with_y(self, products: Floats, hinges: Floats, times: Floats) -> Problems:
        """The problems of y `times` (P,) as large as it was in its `products` (P, N + 1), the last
        of them with itself, and in its products with hinges (P, S).
        """
        zy = products[:, :-1] * self.stretch + products[:, 1:2] * self.shift
        return Problems(
            turn=self.turn,
            d=self.d,
            zy=(self.back @ (zy * times[:, None])[:, :, None])[:, :, 0],
            zc=self.zc,
            cc=self.cc,
            cy=hinges * (self.hinged * times)[:, None],
            yy=products[:, -1] * times**2,
            rows=self.rows,
            tau=self.tau,
        )


def rotated(
    products: Floats,
    hinges: Floats,
    bend: Floats,
    stretch: Floats,
    shift: Floats,
    scales: Floats,
    rows: Ints,
    tau: float,
) -> Rotated:
    """The problems of products (P, N, N), hinge products (P, S, N) and knots (P, S).

    A column of Z is the one that the products are of times `stretch`, plus `shift`, both (P, N);
    a hinge is stretched as the first column is. `scales` (N,) are the Gaussian priors' scales.
    """
    n, hinged = len(scales), stretch[:, 0]
    # C'C: the product of two hinges is that of the later one with a line from the earlier.
    by_time, plain = hinges[:, None, :, 0], hinges[:, None, :, 1]
    cc = (by_time - bend[:, :, None] * plain) * (hinged**2)[:, None, None]
    cc = np.where(np.tri(bend.shape[1], dtype=bool), cc.transpose(0, 2, 1), cc)
    stretch, shift = stretch * scales, shift * scales

    def moved(rows: Floats) -> Floats:
        """Products with the columns, in the last axis, as those with the scaled ones of Z."""
        return rows * stretch[:, None] + rows[:, :, 1:2] * shift[:, None]

    products = moved(moved(products).transpose(0, 2, 1))
    d, turn = np.linalg.eigh(products)
    # Directions in which no row says anything are exactly so, whatever the rounding.
    identified = d > d[:, -1:] * n * np.finfo(float).eps
    back = (turn * identified[:, None, :]).transpose(0, 2, 1)
    return Rotated(
        turn=scales[:, None] * turn,
        d=np.where(identified, d, 0.0),
        zc=back @ (moved(hinges) * hinged[:, None, None]).transpose(0, 2, 1),
        cc=cc,
        rows=rows,
        tau=tau,
        back=back,
        stretch=stretch,
        shift=shift,
        hinged=hinged,
    )
