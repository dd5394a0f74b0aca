"""What is known and what is assumed of the days to forecast.

A day that no calendar speaks of is open by the chance that `opening` has for its weekday; a driver
that nobody planned has its typical value for the weekday.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt

from functions.forecasting.model import SeriesModel
from functions.forecasting.series.calendar import Calendar
from functions.forecasting.series.panel import Dates, Floats
from functions.forecasting.series.regressors import BEFORE_CLOSED, LOOK_AHEAD, DayFacts

Bools = npt.NDArray[np.bool_]
LOOK_BACK = 1  # days before the first one, to know whether it follows a closing


@dataclass(frozen=True, eq=False)
class Horizon:
    """h days from `dates[0]` for n models: whether each is open, or may be, and the chance that it
    is (n, h), their facts (n * h, model by model), and which of the drivers were assumed, and which
    planned beyond all that was seen (n, h, p).
    """

    dates: Dates
    is_open: Bools
    chance: Floats
    facts: DayFacts
    assumed: Bools
    limited: Bools

    def drivers(self) -> Floats:
        """The drivers' values, shape (n, h, p)."""
        return self.facts.drivers.reshape(*self.is_open.shape, len(self.facts.driver_names))


def calendar_span(start: date, horizon: int) -> tuple[date, int]:
    """The first day and the number of days that a calendar should know for a horizon."""
    return date.fromordinal(start.toordinal() - LOOK_BACK), LOOK_BACK + horizon + LOOK_AHEAD


def horizon_of(
    models: Sequence[SeriesModel], start: date, days: int, calendar: Calendar | None
) -> Horizon:
    """The `days` days from `start` on, as the calendar (of the same series) knows them."""
    n = len(models)
    if calendar is None:
        calendar = Calendar.unknown(n, start, days)
    if len(calendar.is_open) != n:
        raise ValueError(f"a calendar of {len(calendar.is_open)} series does not fit {n} models")
    first = np.datetime64(start, "D") - LOOK_BACK
    every = first + np.arange(LOOK_BACK + days + LOOK_AHEAD)
    weekday = (every.astype(np.int64) + 3) % 7
    said = _over(calendar, every)
    shut = _weekdays([model.never_open_weekdays for model in models])[:, weekday]
    is_open = np.where(said < 0, ~shut, said == 1)
    unusual = ~is_open & ~_weekdays([model.usually_closed_weekdays for model in models])[:, weekday]

    now = np.arange(LOOK_BACK, LOOK_BACK + days)
    until = np.zeros((n, days), np.int64)
    for ahead in BEFORE_CLOSED:
        until = np.where(unusual[:, now + ahead], ahead, until)
    names = tuple(
        sorted({name for model in models for name in (*model.typical_drivers, *model.drivers)})
    )
    drivers, assumed = _drivers(models, calendar, names, every[now], weekday[now])
    facts = DayFacts(
        days=np.tile(every[now].astype(np.int64), n),
        driver_names=names,
        drivers=drivers.reshape(n * days, len(names)),
        until_closed=until.ravel(),
        since_closed=unusual[:, now - 1].astype(np.int64).ravel(),
    )
    likely = np.array([model.opening or (1.0,) * 7 for model in models]).reshape(n, 7)
    chance = np.where(said < 0, likely[:, weekday], 1.0)[:, now]
    opened = is_open[:, now, None]
    limited = _beyond(models, names, drivers) & ~assumed & opened
    return Horizon(every[now], opened[..., 0], chance, facts, assumed & opened, limited)


def _over(calendar: Calendar, dates: Dates) -> npt.NDArray[np.int8]:
    """What the calendar says of opening on the given days, -1 beyond it; (n, len(dates))."""
    said = np.full((len(calendar.is_open), len(dates)), -1, np.int8)
    at = (dates - np.datetime64(calendar.start, "D")).astype(np.int64)
    inside = (at >= 0) & (at < calendar.is_open.shape[1])
    said[:, inside] = calendar.is_open[:, at[inside]]
    return said


def _drivers(
    models: Sequence[SeriesModel],
    calendar: Calendar,
    names: tuple[str, ...],
    dates: Dates,
    weekday: npt.NDArray[np.int64],
) -> tuple[Floats, Bools]:
    """Each day's drivers, complete, and where they were assumed though they matter."""
    shape = (len(models), len(dates), len(names))
    values = np.full(shape, np.nan)
    at = (dates - np.datetime64(calendar.start, "D")).astype(np.int64)
    inside = (at >= 0) & (at < calendar.is_open.shape[1])
    values[:, inside] = calendar.drivers_named(names)[:, at[inside]]
    typical = np.zeros((len(models), 7, len(names)))
    matters = np.zeros((len(models), 1, len(names)), bool)
    for i, model in enumerate(models):
        moving = model.drivers
        for j, name in enumerate(names):
            typical[i, :, j] = model.typical_drivers.get(name, 0.0)
            matters[i, 0, j] = name in moving
    unknown = np.isnan(values)
    return np.where(unknown, typical[:, weekday], values), unknown & matters


def _beyond(models: Sequence[SeriesModel], names: tuple[str, ...], drivers: Floats) -> Bools:
    """Where drivers (n, h, p) are beyond all that their models were trained on."""
    low, high = np.full((2, len(models), 1, len(names)), np.inf)
    low = -low
    for i, model in enumerate(models):
        for name, (least, largest) in model.seen.items():
            low[i, 0, names.index(name)], high[i, 0, names.index(name)] = least, largest
    beyond: Bools = (drivers < low) | (drivers > high)
    return beyond


def _weekdays(marked: Sequence[tuple[int, ...]]) -> Bools:
    """Lists of weekdays as a table, shape (n, 7)."""
    table = np.zeros((len(marked), 7), bool)
    for i, days in enumerate(marked):
        table[i, list(days)] = True
    return table
