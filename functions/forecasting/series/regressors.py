"""The columns a model has beside trend and season: drivers, and terms of the calendar.

A regressor's name says how it is made, so training and forecasting make the same column:

    driver/promo          the driver's value
    driver/promo/tue      the driver's value on Tuesdays, else 0
    month/early           1 on the days 1 to 3 of a month; `mid`: 14 to 17; `late`: from 29
    advent/1              1 in the last week before Christmas Day; up to 4; 0 in the week from it
    closed/-2             1 two days before an unusual closing; -4 to -1 and 1 (the day after)

A closing is unusual on a weekday on which the store is usually open. A driver's name has
no slash. A driver that is not known on some day has its typical value for the weekday there.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from functions.forecasting.series.panel import Floats, Panel
from functions.forecasting.strategy import ProphetStrategy

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
BEFORE_CLOSED = (4, 3, 2, 1)  # days ahead that an unusual closing is felt
LOOK_AHEAD = max(BEFORE_CLOSED)
_MONTH_PARTS = {"early": (1, 3), "mid": (14, 17), "late": (29, 31)}
_ADVENT_WEEKS = (4, 3, 2, 1, 0)
# A driver's own weekday effect needs so many days of it on that weekday, or it is noise.
_MIN_DAYS = 8
# Usual values are means over so many days before the first day to forecast.
USUAL_DAYS = 56


@dataclass(frozen=True, eq=False)
class DayFacts:
    """What is known of N days, of any series: `days` since 1970-01-01, shape (N,).

    `drivers` (N, p) are named by `driver_names`, complete; `until_closed` (N,) and
    `since_closed` count days to the nearest unusual closing after and before, and are 0
    where none is near.
    """

    days: Ints
    driver_names: tuple[str, ...]
    drivers: Floats
    until_closed: Ints
    since_closed: Ints

    def rows(self, kept: Any) -> "DayFacts":
        """The facts of some of the days, as numpy's index says."""
        return DayFacts(
            self.days[kept],
            self.driver_names,
            self.drivers[kept],
            self.until_closed[kept],
            self.since_closed[kept],
        )


@dataclass(frozen=True, eq=False)
class Design:
    """The regressors of a panel's rows: `values` (rows, r) of the columns `names`, which
    have the prior scales `prior_scales` (r,). `typical_drivers` (n, 7, p) holds what each series
    typically has of each driver by weekday, NaN for a driver it never had; `driver_names` are
    its p.
    """

    names: tuple[str, ...]
    values: Floats
    prior_scales: Floats
    driver_names: tuple[str, ...]
    typical_drivers: Floats

    def rows(self, kept: Bools) -> "Design":
        """The design of some of the rows."""
        return Design(
            self.names,
            self.values[kept],
            self.prior_scales,
            self.driver_names,
            self.typical_drivers,
        )


def regressor_names(strategy: ProphetStrategy, driver_names: tuple[str, ...]) -> tuple[str, ...]:
    """The columns that a strategy has for drivers of these names."""
    names: list[str] = []
    if strategy.drivers:
        names += [f"driver/{name}" for name in driver_names]
    if strategy.driver_weekdays:
        names += [f"driver/{name}/{day}" for name in driver_names for day in WEEKDAYS[1:]]
    if strategy.calendar_terms:
        names += [f"month/{part}" for part in _MONTH_PARTS]
        names += [f"advent/{week}" for week in _ADVENT_WEEKS]
        names += [*(f"closed/-{days}" for days in BEFORE_CLOSED), "closed/1"]
    return tuple(names)


def is_known(name: str, driver_names: tuple[str, ...]) -> bool:
    """Whether the column of that name can be made with these drivers: if it is of the
    calendar, or its driver is among them.
    """
    kind, what = name.split("/")[:2]
    return kind != "driver" or what in driver_names


def columns(names: tuple[str, ...], facts: DayFacts) -> Floats:
    """The columns of these names on those days, shape (N, len(names)).

    Raises ValueError for a name that is not made as said above, or an unknown driver.
    """
    weekday = (facts.days + 3) % 7
    dates = facts.days.astype("datetime64[D]")
    day_of_month = (dates - dates.astype("datetime64[M]")).astype(np.int64) + 1
    christmas = (dates.astype("datetime64[Y]").astype("datetime64[M]") + 11).astype(
        "datetime64[D]"
    ) + 24
    advent = -(-(christmas - dates).astype(np.int64) // 7)
    values = np.empty((len(facts.days), len(names)))
    for at, name in enumerate(names):
        match name.split("/"):
            case ["driver", driver, *rest] if driver in facts.driver_names and len(rest) < 2:
                values[:, at] = facts.drivers[:, facts.driver_names.index(driver)]
                if rest:
                    values[weekday != WEEKDAYS.index(rest[0]), at] = 0.0
            case ["month", part] if part in _MONTH_PARTS:
                first, last = _MONTH_PARTS[part]
                values[:, at] = (day_of_month >= first) & (day_of_month <= last)
            case ["advent", week]:
                values[:, at] = advent == int(week)
            case ["closed", "1"]:
                values[:, at] = facts.since_closed == 1
            case ["closed", days]:
                values[:, at] = facts.until_closed == -int(days)
            case _:
                raise ValueError(
                    f"there is no regressor {name!r} with drivers {facts.driver_names}"
                )
    return values


def design(panel: Panel, strategy: ProphetStrategy) -> Design:
    """The regressors of the open days `panel` (before the first day to forecast, or with the
    days of folds). Results for a series do not depend on the others, but for columns of zeros.
    """
    if not (strategy.drivers or strategy.driver_weekdays or strategy.calendar_terms):
        n = len(panel)
        return Design((), np.empty((len(panel.dates), 0)), np.empty(0), (), np.empty((n, 7, 0)))
    series = np.repeat(np.arange(len(panel)), panel.rows)
    facts, typical = day_facts(panel)
    names = regressor_names(strategy, panel.driver_names)
    values = columns(names, facts)
    for at, name in enumerate(names):
        if name.startswith("driver/") and name.count("/") == 2:
            often = np.bincount(series, values[:, at] != 0, minlength=len(panel))
            values[(often < _MIN_DAYS)[series], at] = 0.0
    own = np.array([name.startswith("driver/") and name.count("/") == 1 for name in names])
    scales = np.where(own, strategy.regressor_prior_scale, strategy.term_prior_scale)
    return Design(names, values, scales, panel.driver_names, typical)


def day_facts(panel: Panel) -> tuple[DayFacts, Floats]:
    """The facts of every open day of the panel, and each series' typical drivers (n, 7, p)."""
    series = np.repeat(np.arange(len(panel)), panel.rows)
    days = panel.dates.astype(np.int64)
    typical = _typical_drivers(panel, series, days)
    drivers = panel.drivers
    unknown = ~np.isfinite(drivers)
    if unknown.any():
        drivers = np.where(unknown, typical[series, (days + 3) % 7], drivers)
    drivers = np.nan_to_num(drivers)  # a driver that a series never had is 0 there
    until, since = _closings(panel, series, days)
    return DayFacts(days, panel.driver_names, drivers, until, since), typical


def usually_closed_weekdays(panel: Panel) -> Bools:
    """Whether a weekday is one on which the store is usually closed, by its open days between
    the first and the last; shape (n, 7), Monday first.
    """
    series = np.repeat(np.arange(len(panel)), panel.rows)
    days = panel.dates.astype(np.int64)
    opened = np.zeros((len(panel), 7))
    np.add.at(opened, (series, (days + 3) % 7), 1)
    some = panel.rows > 0
    first = np.where(some, days[np.minimum(panel.offsets[:-1], max(len(days) - 1, 0))], 0)
    last = np.where(some, days[np.maximum(panel.offsets[1:] - 1, 0)], 0)
    weekday = np.arange(7)
    # So many Mondays, Tuesdays, … lie between the first and the last day.
    possible = (last[:, None] - weekday + 3) // 7 - (first[:, None] - 1 - weekday + 3) // 7
    return opened <= possible / 2


def _typical_drivers(panel: Panel, series: Ints, days: Ints) -> Floats:
    """Each driver's mean by weekday over the last USUAL_DAYS of each series; over all
    weekdays where one has no day, over all days where the driver was not known lately.
    """
    n, p = len(panel), len(panel.driver_names)
    typical = np.full((n, 7, p), np.nan)
    if p == 0 or len(days) == 0:
        return typical
    last = np.zeros(n, np.int64)
    some = panel.rows > 0
    last[some] = days[panel.offsets[1:][some] - 1]
    recent = days > last[series] - USUAL_DAYS
    weekday = (days + 3) % 7
    for at in range(p):
        known = np.isfinite(panel.drivers[:, at])
        values = np.where(known, panel.drivers[:, at], 0.0)
        for kept in (known, known & recent):
            rest = _mean(values, kept, series, n)
            typical[:, :, at] = np.where(np.isnan(rest)[:, None], typical[:, :, at], rest[:, None])
        kept = known & recent
        by_day = _mean(values, kept, series * 7 + weekday, n * 7).reshape(n, 7)
        typical[:, :, at] = np.where(np.isnan(by_day), typical[:, :, at], by_day)
    return typical


def _mean(values: Floats, kept: Bools, groups: Ints, count: int) -> Floats:
    """The mean of the kept values in each group, NaN where there is none; shape (count,)."""
    total = np.bincount(groups[kept], values[kept], minlength=count)
    number = np.bincount(groups[kept], minlength=count)
    means: Floats = np.where(number > 0, total / np.maximum(number, 1), np.nan)
    return means


def _closings(panel: Panel, series: Ints, days: Ints) -> tuple[Ints, Ints]:
    """For each open day the days to the next and from the last unusual closing, 0 if none is
    near. A day between open days is a closing if it is not open itself.
    """
    rest = usually_closed_weekdays(panel)
    until, since = np.zeros(len(days), np.int64), np.zeros(len(days), np.int64)
    if len(days) == 0:
        return until, since
    last = days[panel.offsets[1:][series] - 1]
    open_at = np.array(series * 10_000_000 + days)  # rises with the rows
    for ahead in BEFORE_CLOSED:
        until = np.where(
            _unusual(series, days + ahead, rest, open_at) & (days + ahead < last), ahead, until
        )
    first = days[panel.offsets[:-1][series]]
    before = _unusual(series, days - 1, rest, open_at) & (days - 1 > first)
    return until, np.where(before, 1, since)


def _unusual(series: Ints, days: Ints, rest: Bools, open_at: Ints) -> Bools:
    """Whether these days are no open days of their series, on weekdays that usually are."""
    wanted = series * 10_000_000 + days
    at = np.minimum(np.searchsorted(open_at, wanted), len(open_at) - 1)
    unusual: Bools = (open_at[at] != wanted) & ~rest[series, (days + 3) % 7]
    return unusual
