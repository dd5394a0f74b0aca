"""Series of known truth: 100 units a day by weekday, with 12 % noise, up to a Sunday."""

from collections.abc import Callable
from datetime import date, timedelta

import numpy as np
import numpy.typing as npt

from functions.forecasting.series.panel import Floats, Panel

LAST = date(2026, 11, 22)
AS_OF = LAST + timedelta(days=1)
WEEK = np.array([0.85, 0.8, 0.85, 0.95, 1.2, 1.4, 0.95])
TRUTH = 100 * WEEK  # of the seven days from AS_OF on
DAYS = 400

Ago = npt.NDArray[np.int64]


def shaped(
    units: Callable[[Floats, Ago], Floats] = lambda units, ago: units,
    kept: Callable[[Ago, Ago], npt.NDArray[np.bool_]] = lambda ago, weekday: ago >= 0,
    days: int = DAYS,
    drivers: dict[str, Floats] | None = None,
    seed: int = 1,
    level: float = 100.0,
) -> Panel:
    """One series. `units` changes the usual ones, given how many days ago each day is (0 for the
    last one); of the days only those are in it that `kept` says, by days ago and weekday.
    """
    dates = np.arange(np.datetime64(LAST) - days + 1, np.datetime64(LAST) + 1)
    weekday, ago = (dates.astype(np.int64) + 3) % 7, np.arange(days)[::-1]
    noise = np.exp(np.random.default_rng(seed).normal(0, 0.12, days))
    sold = np.round(units(level * WEEK[weekday] * noise, ago))
    inside = kept(ago, weekday)
    named = drivers or {}
    return Panel(
        keys=(("1", "all"),),
        offsets=np.array([0, int(inside.sum())]),
        dates=dates[inside],
        units=sold[inside],
        is_open=np.ones(int(inside.sum()), bool),
        driver_names=tuple(sorted(named)),
        drivers=np.array([named[name] for name in sorted(named)]).T[inside]
        if named
        else np.empty((int(inside.sum()), 0)),
    )
