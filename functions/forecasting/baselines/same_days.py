"""The methods that look at the last days of the same weekday and promotion flag, for many fits of
many series at once.

Guaranteed: a series' numbers are the same bytes alone and in any company.
"""

import numpy as np
import numpy.typing as npt

from functions.forecasting.baselines.smoothing import ERROR_ROWS, GROUPS
from functions.forecasting.series.panel import Floats

Ints = npt.NDArray[np.int64]

_RECENT_ROWS = 28  # whose mean serves a weekday that was never seen


def same_days(
    units: Floats, groups: Ints, starts: Ints, ends: Ints, count: int
) -> tuple[Floats, Floats]:
    """The means of the last `count` days of each group, (P, GROUPS), and their errors on the last
    days, (P, ERROR_ROWS), NaN where there are none.

    The P fits are to the rows from `starts` to before `ends`, at least 1 each, of the columns
    `units` and `groups` of many series, one after the other; every series has a fit.
    """
    series = np.searchsorted(np.unique(starts), np.arange(len(units)), side="right")
    before, after = _means(units, series * GROUPS + groups, count)
    rows = np.arange(len(units))
    own = np.where(groups[:, None] == np.arange(GROUPS), rows[:, None], -1)
    newest = np.maximum.accumulate(own, axis=0)[ends - 1]
    levels = np.where(newest >= starts[:, None], after[newest], np.nan)
    # A group without a row: its weekday's level with or without promotion, or a mean.
    levels = np.where(np.isnan(levels), np.roll(levels, 7, axis=1), levels)
    recent = _last(units, starts, ends, _RECENT_ROWS)
    known = np.isfinite(recent)
    mean = np.where(known, recent, 0.0).sum(axis=1) / known.sum(axis=1)
    levels = np.where(np.isnan(levels), mean[:, None], levels)
    return levels, _last(units - before, starts, ends, ERROR_ROWS)


def _last(values: Floats, starts: Ints, ends: Ints, count: int) -> Floats:
    """The last `count` values of each fit, NaN where it has fewer; (P, count)."""
    rows = ends[:, None] + np.arange(-count, 0)
    return np.where(rows >= starts[:, None], values[np.maximum(rows, 0)], np.nan)


def _means(units: Floats, keys: Ints, count: int) -> tuple[Floats, Floats]:
    """The mean of the last `count` units of each row's key, without (NaN where there are none)
    and with the row.
    """
    order = np.argsort(keys, kind="stable")
    _, first, sizes = np.unique(keys[order], return_index=True, return_counts=True)
    run = np.repeat(np.arange(len(sizes)), sizes)
    ends = np.arange(1, len(order) + 1) - np.repeat(first, sizes)
    total = np.zeros((len(sizes), sizes.max(initial=0) + 1))
    total[run, ends] = units[order]
    np.cumsum(total, axis=1, out=total)
    starts = np.maximum(ends - count, 0)
    with_row = np.maximum(total[run, ends] - total[run, starts], 0) / (ends - starts)
    without = np.where(ends > 1, np.roll(with_row, 1), np.nan)
    before, after = np.empty(len(units)), np.empty(len(units))
    before[order], after[order] = without, with_row
    return before, after
