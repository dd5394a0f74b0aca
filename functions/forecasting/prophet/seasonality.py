"""Which seasonal terms a history can carry: Prophet's 'auto' rule, and a guard on yearly.

Weekly: at least two weeks from the first to the last row, and somewhere two rows less
than a week apart. Yearly: at least 730 days, and (ours) rows all over the year. Prophet
asks for the span alone, and then two islands of 60 days that lie years apart get 20
coefficients for months without a row, and forecasts beyond all bounds.
Source of the rule: Prophet 1.5, forecaster.py, `Prophet.set_auto_seasonalities`.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from functions.forecasting.prophet.parameters import Seasonality
from functions.forecasting.prophet.prediction import fourier
from functions.forecasting.series.panel import Dates, Floats
from functions.forecasting.strategy import ProphetStrategy

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

YEARLY_ORDER = 10  # Prophet's
YEARLY_COLUMNS = 2 * YEARLY_ORDER
_YEARLY_SPAN = 730
_MONTH = 365.25 / 12
# Each twelfth of the year needs two weeks of rows; and of the 24 or more months that two
# years have, 18 need a row: one full year and a lone month much later do not show a year.
_ROWS_PER_TWELFTH = 14
_MONTHS_WITH_ROWS = 18


@dataclass(frozen=True, eq=False)
class Terms:
    """Which of the two terms each problem has; bool arrays of one shape."""

    yearly: Bools
    weekly: Bools


def auto_terms(days: Ints, cuts: Ints) -> Terms:
    """The terms for the rows before each cut. `days` is (n, T), `cuts` (n, K), >= 1."""
    span = np.take_along_axis(days, cuts - 1, axis=1) - days[:, :1]
    gaps = np.diff(days, axis=1, prepend=days[:, :1] - 7)
    closest = np.take_along_axis(np.minimum.accumulate(gaps, axis=1), cuts - 1, axis=1)
    yearly = span >= _YEARLY_SPAN
    long = np.flatnonzero(yearly.any(axis=1))
    yearly[long] &= _all_over_the_year(days[long], cuts[long])
    return Terms(yearly, (span >= 14) & (closest < 7))


def seasonalities(strategy: ProphetStrategy, yearly: bool, weekly: bool) -> tuple[Seasonality, ...]:
    """The terms' definitions, in Prophet's order."""
    prior = strategy.seasonality_prior_scale
    every_year = Seasonality("yearly", 365.25, YEARLY_ORDER, prior)
    every_week = Seasonality("weekly", 7.0, strategy.weekly_order, prior)
    return (every_year,) * yearly + (every_week,) * (weekly and strategy.weekly_order > 0)


def seasonalities_of(dates: Dates, strategy: ProphetStrategy) -> tuple[Seasonality, ...]:
    """The terms of a single history of at least 1 row."""
    terms = auto_terms(
        dates.astype("datetime64[D]").astype(np.int64)[None], np.array([[len(dates)]])
    )
    return seasonalities(strategy, bool(terms.yearly[0, 0]), bool(terms.weekly[0, 0]))


def columns(terms: tuple[Seasonality, ...], days: Ints) -> Floats:
    """The terms' Fourier columns on days of any shape (...); shape (..., columns).

    Each day is computed once however many series share it. Without terms: no columns.
    """
    if not terms or days.size == 0:
        return np.empty((*days.shape, 0))
    first, last = int(days.min()), int(days.max())
    if last - first < days.size:
        return fourier(terms, np.arange(first, last + 1).astype("datetime64[D]"))[days - first]
    distinct, at = np.unique(days, return_inverse=True)
    return fourier(terms, distinct.astype("datetime64[D]"))[at.reshape(days.shape)]


def _all_over_the_year(days: Ints, cuts: Ints) -> Bools:
    """Whether the rows before each cut are spread over the year, as said above; (n, K)."""
    month = np.floor(days / _MONTH).astype(np.int64)
    months = np.cumsum(np.diff(month, axis=1, prepend=month[:, :1] - 1) > 0, axis=1)
    spread = np.take_along_axis(months, cuts - 1, axis=1) >= _MONTHS_WITH_ROWS
    for twelfth in range(12):
        rows = np.cumsum(month % 12 == twelfth, axis=1)
        spread &= np.take_along_axis(rows, cuts - 1, axis=1) >= _ROWS_PER_TWELFTH
    return spread
