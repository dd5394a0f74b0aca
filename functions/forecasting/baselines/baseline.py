"""Methods without a trend: a level for each weekday, with and without a promotion.

They serve where nothing better does (few days, intermittent demand), and one of them, the
honest naive, is what every other method has to beat:

    naive            the mean of the last 4 days of the same weekday and promotion flag
    seasonal-naive   the last such day
    weekday-mean     the mean of the last 12 such days
    smoothed         exponential smoothing of the level, times a factor for each of weekday
                     and promotion; the smoothing that would have forecast best a week ahead
    recent-mean, recent-median   of all days of the window
    tsb              Teunter-Syntetos-Babai: the smoothed chance of a sale times its smoothed
                     size, for intermittent demand

The promotion flag is the first driver whose name starts with `promo`, of those that the series
itself ever had; without one all days count as without. Intervals are quantiles of the errors
that the method made on the series' own last days, one week ahead where weekdays matter.
Source of tsb: Teunter, Syntetos & Babai, Intermittent demand: linking forecasting to
inventory obsolescence (2011), European Journal of Operational Research 214(3).
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from itertools import accumulate
from typing import Any

import numpy as np
import numpy.typing as npt

from functions.forecasting.backtest import DEFAULT, Backtest
from functions.forecasting.baselines.same_days import same_days
from functions.forecasting.baselines.smoothing import ERROR_ROWS, GROUPS, Smoothed, smoothed
from functions.forecasting.folds import FoldForecasts, empty_folds, fold_cuts
from functions.forecasting.series.failures import refusals
from functions.forecasting.series.panel import Dates, Floats, Panel
from functions.forecasting.series.scale import Band
from functions.forecasting.strategy import LevelStrategy

Ints = npt.NDArray[np.int64]

_SAME_DAYS = {"naive": 4, "seasonal-naive": 1, "weekday-mean": 12}
# Smoothing of chance and size, as the paper's own experiments favour for slow movers.
_CHANCE_WEIGHT, _SIZE_WEIGHT = 0.05, 0.1


@dataclass(frozen=True)
class BaselineModel:
    """`levels` has 14 values in units per day: Monday to Sunday, then the same for days with
    a promotion. An interval reaches from a level + `below` to a level + `above`.
    """

    method: str
    levels: tuple[float, ...]
    below: float
    above: float
    promotion: str | None

    def to_json_dict(self) -> dict[str, Any]:
        """The fields as JSON-compatible values."""
        return {**asdict(self), "levels": list(self.levels)}

    @staticmethod
    def from_json_dict(values: Mapping[str, Any]) -> "BaselineModel":
        """The inverse of `to_json_dict`."""
        return BaselineModel(**{**values, "levels": tuple(values["levels"])})


def promotion_driver(driver_names: tuple[str, ...]) -> str | None:
    """The driver that is taken for the promotion flag."""
    return next((name for name in driver_names if name.startswith("promo")), None)


def walk_forward(
    panel: Panel, strategy: LevelStrategy, blocks: Ints, backtest: Backtest = DEFAULT
) -> FoldForecasts[BaselineModel]:
    """Folds and a last level model of every series of open days; see `engine.Engine`."""
    reasons = refusals(panel, np.ones(len(panel), np.int64))
    flags, with_promo = _promotions(panel)
    groups = (panel.dates.astype(np.int64) + 3) % 7 + 7 * with_promo
    band = empty_folds(backtest.n_splits, blocks)
    cuts = fold_cuts(panel.rows, blocks, backtest.n_splits)
    sound = np.flatnonzero([reason is None for reason in reasons])
    levels, errors = _fitted(panel, strategy, groups, cuts, sound)
    below, above = _reach(errors, levels, backtest.interval_level)
    shape = (len(sound), backtest.n_splits + 1)
    levels = levels.reshape(*shape, GROUPS)
    below, above = below.reshape(shape), above.reshape(shape)

    ahead = np.arange(band.yhat.shape[2])
    rows = (panel.offsets[sound, None] + cuts[sound, :-1])[:, :, None] + ahead
    inside = ahead < blocks[sound, None, None]
    group = groups[np.where(inside, rows, 0)]
    yhat = np.where(inside, np.take_along_axis(levels[:, :-1], group, axis=2), np.nan)
    lower = np.maximum(yhat + below[:, :-1, None], 0)
    band.put(sound, Band(yhat, lower, yhat + above[:, :-1, None]))
    models = {
        i: BaselineModel(
            strategy.method,
            tuple(levels[at, -1].tolist()),
            float(below[at, -1]),
            float(above[at, -1]),
            flags[i],
        )
        for at, i in enumerate(sound.tolist())
    }
    return FoldForecasts(band, reasons, models.__getitem__, {})


def _fitted(
    panel: Panel, strategy: LevelStrategy, groups: Ints, cuts: Ints, sound: Ints
) -> tuple[Floats, Floats]:
    """Levels (P, GROUPS) and errors (P, ERROR_ROWS), NaN where there are none, of the series
    `sound` at their cuts (n, K); series by series, cut by cut.
    """
    if len(sound) == 0:
        return np.empty((0, GROUPS)), np.empty((0, ERROR_ROWS))
    if strategy.method == "smoothed":
        made = _smoothed_at(panel, groups, cuts, sound)
        return made.levels, made.errors
    if (count := _SAME_DAYS.get(strategy.method)) is not None:
        starts = np.repeat(panel.offsets[sound], cuts.shape[1])
        return same_days(panel.units, groups, starts, starts + cuts[sound].ravel(), count)
    levels = np.empty((cuts[sound].size, GROUPS))
    errors = np.full((len(levels), ERROR_ROWS), np.nan)
    at = 0
    for i in sound.tolist():
        history = _history(strategy, panel.units[panel.series(i)], panel.dates[panel.series(i)])
        for cut in cuts[i].tolist():
            levels[at], made_errors = history.fitted(cut, strategy)
            errors[at, ERROR_ROWS - len(made_errors) :] = made_errors
            at += 1
    return levels, errors


def _smoothed_at(panel: Panel, groups: Ints, cuts: Ints, sound: Ints) -> Smoothed:
    """Fits of the series `sound` at their cuts (n, K) by exponential smoothing."""
    sizes = np.where(np.isfinite(panel.units), np.abs(panel.units), 0.0)
    scale = np.ones(len(panel))
    scale[sound] = np.exp2(np.frexp(np.maximum.reduceat(sizes, panel.offsets[sound]))[1])
    ends = (panel.offsets[sound, None] + cuts[sound]).ravel()
    units = panel.units / np.repeat(scale, panel.rows)
    made = smoothed(units, groups, ends, cuts[sound].ravel())
    times = np.repeat(scale[sound], cuts.shape[1])[:, None]
    return Smoothed(made.levels * times, made.errors * times)


def _promotions(panel: Panel) -> tuple[list[str | None], Ints]:
    """The promotion flag of each series, and whether it was up on each row, shape (rows,)."""
    flags: list[str | None] = []
    up = np.zeros(len(panel.dates), np.int64)
    for i in range(len(panel)):
        rows, names = panel.series(i), panel.names_of(i)
        promotions = [at for at, name in enumerate(names) if promotion_driver((name,))]
        values = panel.drivers[rows][:, promotions]
        had = np.flatnonzero(np.isfinite(values).any(axis=0)).tolist()
        flags.append(names[promotions[had[0]]] if had else None)
        if had:
            up[rows] = np.nan_to_num(values[:, had[0]]) > 0
    return flags, up


@dataclass(frozen=True, eq=False)
class _History:
    """One series: units and day, of shape (T,).

    `before` is the method's forecast of each row from those before it, `after` the level from then
    on. Both are unset for methods that look at a window alone.
    """

    units: Floats
    days: Ints
    before: Floats | None = None
    after: Floats | None = None

    def fitted(self, cut: int, strategy: LevelStrategy) -> tuple[float, Floats]:
        """The level from the rows before `cut`, at least 1, and the errors before it."""
        if self.before is None or self.after is None:
            start = 0
            if strategy.window_days is not None:
                first = self.days[cut - 1] - strategy.window_days
                start = int(np.searchsorted(self.days[:cut], first, side="right"))
            units = self.units[start:cut]
            middle = np.mean if strategy.method == "recent-mean" else np.median
            level = float(middle(units))
            return level, units[-ERROR_ROWS:] - level
        errors = (self.units - self.before)[max(cut - ERROR_ROWS, 0) : cut]
        return float(self.after[cut - 1]), errors


def _history(strategy: LevelStrategy, units: Floats, dates: Dates) -> _History:
    """The series with what the method says before and after each row."""
    before, after = _tsb(units) if strategy.method == "tsb" else (None, None)
    return _History(units, dates.astype(np.int64), before, after)


def _tsb(units: Floats) -> tuple[Floats, Floats]:
    """The level before and after each row. Both averages start from the first 28 rows."""
    sold = units > 0
    first = slice(0, 28)
    chance = _smoothed(np.concatenate([[sold[first].mean()], sold]), _CHANCE_WEIGHT)
    sizes = units[sold]
    start = units[first][sold[first]].mean() if sold[first].any() else sizes[:1].sum()
    size = _smoothed(np.concatenate([[start], sizes]), _SIZE_WEIGHT)
    level = chance * size[np.concatenate([[0], np.cumsum(sold)])]
    return level[:-1], level[1:]


def _smoothed(values: Floats, weight: float) -> Floats:
    """Simple exponential smoothing from the first value on, same shape.

    To the bit what pandas' `ewm(alpha=weight, adjust=False).mean()` gives for finite values, which
    takes longer for a series, and a third of a process's start to be imported.
    """
    new = 1 / (1 + (1 - weight) / weight)  # as pandas has it from its centre of mass
    old = 1 - new

    def step(level: float, value: float) -> float:
        return level if level == value else (old * level + new * value) / (old + new)

    return np.fromiter(accumulate(values.tolist(), step), np.float64, len(values))


def _reach(errors: Floats, levels: Floats, level: float) -> tuple[Floats, Floats]:
    """How far an interval reaches below (negative) and above the levels (P, GROUPS); both (P,).
    Where fewer than 10 errors (P, ERROR_ROWS) are known, as far as the level itself.
    """
    ordered = np.sort(np.where(np.isfinite(errors), errors, np.nan), axis=1)
    known = np.isfinite(ordered).sum(axis=1)

    def quantile(chance: float) -> Floats:
        place = chance * np.maximum(known - 1, 0)
        at = place.astype(np.int64)
        beside = np.minimum(at + 1, np.maximum(known - 1, 0))
        low, high = (np.take_along_axis(ordered, each[:, None], 1)[:, 0] for each in (at, beside))
        found: Floats = (high - low) * (place - at) + low
        return found

    few, widest = known < 10, levels.max(axis=1)
    below = np.where(few, -widest, np.minimum(quantile((1 - level) / 2), 0.0))
    above = np.where(few, np.maximum(widest, 1.0), np.maximum(quantile((1 + level) / 2), 0.0))
    return below, above
