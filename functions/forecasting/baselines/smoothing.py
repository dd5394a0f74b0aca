"""The method `smoothed`: a level, times a factor for each of weekday and promotion, for many fits
of many series at once.

Factors are taken from the last year. Of three smoothing weights the one is taken that would have
forecast the last days best, a week ahead.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from functions.forecasting.series.new_level import BEYOND, NEWEST_BEYOND, NEWEST_ROWS
from functions.forecasting.series.panel import Floats

Ints = npt.NDArray[np.int64]

GROUPS = 14  # 7 weekdays, without and with a promotion
ERROR_ROWS = 120  # of a series' last days, for intervals
_SMOOTHING = np.array([0.03, 0.08, 0.2])  # weights of a new day
_FACTOR_ROWS = 364
_MIN_FACTOR = 0.02  # a day divided by less than this would swamp the level
_FIRST_ROWS = 14  # whose mean the smoothing starts from
_AHEAD = 7  # days


@dataclass(frozen=True, eq=False)
class Smoothed:
    """P fits: `levels` (P, GROUPS), and `errors` (P, ERROR_ROWS) a week ahead before each cut, NaN
    where there is none.
    """

    levels: Floats
    errors: Floats


def smoothed(units: Floats, groups: Ints, ends: Ints, rows: Ints) -> Smoothed:
    """Fits to the `rows` (P,), at least 1 each, before the places `ends` (P,) of the columns
    `groups` and `units` of many series, one after the other. No unit may be far above 1.
    """
    factors = _factors(units, groups, ends, np.minimum(rows, _FACTOR_ROWS))
    wide = 2 * ERROR_ROWS
    at = ends[:, None] - wide + np.arange(wide)
    known = np.arange(wide) >= wide - rows[:, None]
    at = np.where(known, at, ends[:, None] - 1)
    sold = units[at]
    factor = np.maximum(np.take_along_axis(factors, groups[at], axis=1), _MIN_FACTOR)
    plain = np.where(known, sold / factor, 0.0)
    levels = _walked(plain, known)
    before = levels[:, : wide - _AHEAD + 1]  # known a week before the rows from _AHEAD - 1 on
    errors = sold[:, _AHEAD - 1 :, None] - before * factor[:, _AHEAD - 1 :, None]
    scored = known[:, : wide - _AHEAD + 1] | (np.arange(wide - _AHEAD + 1) == wide - rows[:, None])
    errors = np.where(scored[:, :, None], errors, np.nan)[:, -ERROR_ROWS:]
    count = np.maximum(np.isfinite(errors).sum(axis=1), 1)
    best = np.argmin(np.nansum(np.abs(errors), axis=1) / count, axis=1)
    each = np.arange(len(ends))
    level = _moved(levels[each, -1, best], plain, known)
    return Smoothed(level[:, None] * factors, errors[each, :, best])


def _walked(plain: Floats, known: npt.NDArray[np.bool_]) -> Floats:
    """The level before the first of W rows and after each, by each weight; (P, W + 1, 3)."""
    wide = plain.shape[1]
    first = known & (np.cumsum(known, axis=1) <= _FIRST_ROWS)
    level = (plain * first).sum(axis=1) / first.sum(axis=1)
    level = np.repeat(level[:, None], len(_SMOOTHING), axis=1)
    levels = np.empty((len(plain), wide + 1, len(_SMOOTHING)))
    levels[:, 0] = level
    weights = known[:, :, None] * _SMOOTHING
    for row in range(wide):
        level = level + weights[:, row] * (plain[:, row, None] - level)
        levels[:, row + 1] = level
    return levels


def _moved(level: Floats, plain: Floats, known: npt.NDArray[np.bool_]) -> Floats:
    """The levels, or those of the newest days where those left them; see `new_level`."""
    newest = plain[:, -NEWEST_ROWS:]
    older = slice(-ERROR_ROWS, -NEWEST_ROWS)
    count = known[:, older].sum(axis=1)
    some = np.maximum(count, 1)
    mean = plain[:, older].sum(axis=1) / some
    off = np.where(known[:, older], plain[:, older] - mean[:, None], 0.0)
    far = BEYOND * np.sqrt((off**2).sum(axis=1) / some)
    away = newest - level[:, None]
    beyond = np.maximum((away > far[:, None]).sum(axis=1), (away < -far[:, None]).sum(axis=1))
    moved = (beyond >= NEWEST_BEYOND) & (count >= NEWEST_ROWS)
    return np.where(moved, newest.mean(axis=1), level)


def _factors(units: Floats, groups: Ints, ends: Ints, rows: Ints) -> Floats:
    """How many times the mean each group sells, shape (P, GROUPS). A group's own mean is shrunk
    towards 1 by what the days of a group scatter, compared with what the groups differ by.
    """
    # Only the rows that some fit looks at: a decade before them would only cost memory.
    looked = np.zeros(len(units) + 1, np.int64)
    np.add.at(looked, ends - rows, 1)
    np.add.at(looked, ends, -1)
    kept = np.cumsum(looked[:-1]) > 0
    place = np.concatenate([[0], np.cumsum(kept)])
    units, groups = units[kept], groups[kept]
    ends, starts = place[ends], place[ends - rows]
    member = groups[:, None] == np.arange(GROUPS)

    def over(values: Floats) -> Floats:
        total = np.concatenate([np.zeros((1, GROUPS)), np.cumsum(member * values[:, None], axis=0)])
        return np.asarray(total[ends] - total[starts], np.float64)

    count, total = over(np.ones(len(units))), over(units)
    seen = count > 0
    middle = np.maximum(total.sum(axis=1) / rows, 1e-12)[:, None]
    own = np.where(seen, total / np.where(seen, count, 1.0) / middle, 1.0)
    squares = (over(units**2) / middle**2).sum(axis=1) - (count * own**2).sum(axis=1)
    within = np.maximum(squares, 0.0) / np.maximum(rows - seen.sum(axis=1), 1)
    kinds = seen.sum(axis=1)
    spread = np.where(seen, (own - 1) ** 2, 0.0).sum(axis=1) / kinds
    noise = np.where(seen, within[:, None] / np.where(seen, count, 1.0), 0.0).sum(axis=1) / kinds
    prior = within / np.maximum(np.maximum(spread - noise, 1e-9 * within), 1e-12)
    factors: Floats = 1 + count / np.maximum(count + prior[:, None], 1) * (own - 1)
    return factors
