"""What a strategy's name stands for: which days are used, and what is fitted to them.

A strategy holds values only. How many series are fitted at a time, and by what, is the
engine's business. Three kinds: a *plain* one fits one model to each series; one with
`members` averages the forecasts of others, those that can be fitted; and one with
`candidates` backtests others on the same folds and weighs them by that for each series. A new
one is a line of `BUILT_IN`, or comes from the setting `strategies`.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields, replace
from difflib import get_close_matches
from math import inf
from types import MappingProxyType
from typing import Any, ClassVar, Literal

Method = Literal[
    "prophet",
    "warm-start",
    "naive",
    "seasonal-naive",
    "weekday-mean",
    "smoothed",
    "recent-mean",
    "recent-median",
    "tsb",
]


YEAR = 365  # days


@dataclass(frozen=True)
class Strategy:
    """A named way to train one series.

    `window_days` counts calendar days before `as_of` (None: all history); of these the
    open ones are used. `method` is Prophet's model, one of the level methods of
    `levels`, or `warm-start`: the champion's parameters at the level of the newest days.
    `scale` is that of the fit: on the `log` scale (of 1 + units) terms multiply.
    `seasonality_mode` says whether seasons and regressors add to the trend or are shares of it.
    With `logistic` growth the trend saturates at `capacity` times the largest day of the fit.
    `drivers` adds a term per driver, `driver_weekdays` one per driver and weekday,
    `calendar_terms` one for each part of the month, each week of Advent, and the days about an
    unusual closing. `regressor_prior_scale` holds for drivers, `term_prior_scale` for the rest.
    `recent_residual` is the share of the recent residual (weighted with a half-life of
    `residual_half_life_days`) that is added to forecasts. On the log scale a forecast is the
    median; `smearing` moves it towards the mean (1).
    It is fitted to series with `min_open_days` at least, of which no more than the share
    `most_zero_days` sold nothing. `n_splits` folds of an anchored walk-forward measure it.
    `interval_level` is the probability that an interval is meant to cover. The weekly term
    has `weekly_order` Fourier pairs and the yearly one 10; a history has either only if it
    can carry it: `seasonality` says when. Prior scales and changepoints are Prophet's
    defaults, named here because an engine of our own needs them too.

    Raises ValueError, naming the field and its value, for what makes no sense.
    """

    __pydantic_config__: ClassVar[Any] = {"extra": "forbid", "strict": True}

    name: str
    window_days: int | None = None
    method: Method = "prophet"
    members: tuple[str, ...] = ()
    candidates: tuple[str, ...] = ()
    scale: Literal["linear", "log"] = "linear"
    seasonality_mode: Literal["additive", "multiplicative"] = "additive"
    growth: Literal["linear", "logistic"] = "linear"
    capacity: float = 1.5
    drivers: bool = False
    driver_weekdays: bool = False
    calendar_terms: bool = False
    recent_residual: float = 0.0
    residual_half_life_days: float = 14.0
    smearing: float = 0.0
    min_open_days: int = 10
    most_zero_days: float = 1.0
    n_splits: int = 5
    interval_level: float = 0.95
    weekly_order: int = 3
    seasonality_prior_scale: float = 10.0
    regressor_prior_scale: float = 10.0
    term_prior_scale: float = 0.03
    n_changepoints: int = 25
    changepoint_range: float = 0.8
    changepoint_prior_scale: float = 0.05

    def __post_init__(self) -> None:
        for field, wrong, fix in _checks(self):
            if wrong:
                value = getattr(self, field)
                raise ValueError(f"strategy {self.name!r}: {field} is {value!r}; {fix}")

    @property
    def concave(self) -> bool:
        """Whether its posterior is: linear growth, additive terms. The others are Stan's."""
        return self.growth == "linear" and self.seasonality_mode == "additive"

    @property
    def window(self) -> str:
        """The window in words, to go before 'before <day>'."""
        return "all days" if self.window_days is None else f"the {self.window_days} days"


def _checks(it: Strategy) -> Iterator[tuple[str, bool, str]]:
    """What must hold: a field, whether it is wrong, and what is needed."""
    others = [f.name for f in fields(it) if f.name not in ("name", "members", "candidates")]
    changed = [name for name in others if getattr(it, name) != getattr(Strategy, name)]
    fewest = it.n_splits + 2
    positive = "a number above 0 is needed"
    yield "members", bool(it.members and it.candidates), "it can't have candidates as well"
    for list_ in ("members", "candidates"):
        names = getattr(it, list_)
        yield list_, bool(names and changed), f"{changed} belong to the strategies it names"
        yield list_, len(names) == 1, "name at least 2 strategies, or none"
        yield list_, len(set(names)) < len(names), "name each strategy once"
        yield list_, it.name in names, "a strategy can't be one of its own"
    yield "n_splits", it.n_splits < 1, "at least 1 is needed"
    yield (
        "min_open_days",
        it.min_open_days < fewest,
        f"{it.n_splits} folds whose first trains on 2 days need {fewest}",
    )
    yield (
        "window_days",
        it.window_days is not None and it.window_days < it.min_open_days,
        f"it can't hold the {it.min_open_days} open days of min_open_days",
    )
    yield "interval_level", not 0 < it.interval_level < 1, "it must be within (0, 1)"
    yield "recent_residual", not 0 <= it.recent_residual <= 1, "it must be from 0 to 1"
    moved = it.recent_residual != 0 and not it.concave
    yield "recent_residual", moved, "it belongs to linear growth with additive terms"
    curved, times = it.growth == "logistic", it.seasonality_mode == "multiplicative"
    for field, has, on_log in (
        ("growth", curved, "on scale 'log' there is no level to saturate at"),
        ("seasonality_mode", times, "on scale 'log' terms multiply already"),
    ):
        yield field, has and it.scale == "log", on_log
        yield field, has and it.method != "prophet", "it belongs to method 'prophet'"
    yield "capacity", not 1 < it.capacity < inf, "a finite number above 1 is needed"
    yield "capacity", "capacity" in changed and not curved, "it belongs to growth 'logistic'"
    yield "most_zero_days", not 0 <= it.most_zero_days <= 1, "it must be from 0 to 1"
    yield "smearing", not 0 <= it.smearing <= 1, "it must be from 0 to 1"
    yield "weekly_order", not 0 <= it.weekly_order <= 3, "a week has room for 0 to 3 pairs"
    yield "n_changepoints", not 0 <= it.n_changepoints <= 100, "0 to 100 are possible"
    yield "changepoint_range", not 0 < it.changepoint_range <= 1, "it must be within (0, 1]"
    for scale in ("residual_half_life_days", "seasonality_prior_scale", "term_prior_scale"):
        yield scale, not getattr(it, scale) > 0, positive
    for scale in ("regressor_prior_scale", "changepoint_prior_scale"):
        yield scale, not getattr(it, scale) > 0, positive


class UnknownStrategy(ValueError):
    """A strategy was asked for by a name that is not in the table; `fix` has the names that are."""

    def __init__(self, message: str, fix: str) -> None:
        super().__init__(message, fix)
        self.message, self.fix = message, fix

    def __str__(self) -> str:
        return f"{self.message}; {self.fix}"


Strategies = Mapping[str, Strategy]

_CALENDAR = Strategy(
    name="calendar-all",
    scale="log",
    drivers=True,
    driver_weekdays=True,
    calendar_terms=True,
    recent_residual=0.5,
    smearing=0.5,
    min_open_days=60,
    most_zero_days=0.2,
    changepoint_prior_scale=0.01,
)

BUILT_IN: Strategies = MappingProxyType(
    {
        each.name: each
        for each in (
            Strategy(name="windowed", window_days=120),
            Strategy(name="full"),
            Strategy(name="ensemble", members=("full", "windowed")),
            _CALENDAR,
            replace(_CALENDAR, name="calendar-year", window_days=365),
            replace(
                _CALENDAR, name="calendar-linear", scale="linear", smearing=0.0, most_zero_days=1.0
            ),
            Strategy(name="calendar", members=("calendar-all", "calendar-year")),
            Strategy(name="blend", members=("calendar-all", "calendar-year", "calendar-linear")),
            Strategy(
                name="warm-start",
                method="warm-start",
                recent_residual=0.8,
                residual_half_life_days=10.0,
            ),
            Strategy(name="naive", method="naive"),
            Strategy(name="seasonal-naive", method="seasonal-naive"),
            Strategy(name="weekday-mean", method="weekday-mean"),
            Strategy(name="smoothed", method="smoothed"),
            Strategy(
                name="local",
                window_days=120,
                scale="log",
                drivers=True,
                recent_residual=0.8,
                residual_half_life_days=10.0,
                smearing=0.5,
                min_open_days=14,
                n_changepoints=5,
            ),
            Strategy(name="recent-mean", method="recent-mean", window_days=56),
            Strategy(name="recent-median", method="recent-median", window_days=56),
            Strategy(name="tsb", method="tsb"),
            Strategy(
                name="auto",
                candidates=(
                    "calendar-all",
                    "calendar-year",
                    "calendar-linear",
                    "local",
                    "smoothed",
                    "naive",
                ),
            ),
        )
    }
)
NAIVE = "naive"  # the one to beat
COLD = "calendar"  # what a warm start does where there is nothing to start from


def strategy(name: str, known: Strategies = BUILT_IN) -> Strategy:
    """The strategy of that name; `UnknownStrategy` if there is none."""
    try:
        return known[name]
    except KeyError:
        close = get_close_matches(name, known, n=1)
        hint = f"did you mean {close[0]!r}? " if close else ""
        raise UnknownStrategy(
            f"there is no strategy {name!r}", f"{hint}known are: {', '.join(sorted(known))}"
        ) from None


def table(own: Iterable[Strategy] = ()) -> Strategies:
    """The built-in strategies and `own` ones, which go before those of the same name.

    Raises ValueError if a strategy names another that is not there, or that has candidates,
    or members of its own.
    """
    known = {**BUILT_IN, **{each.name: each for each in own}}
    for each in known.values():
        for field, names in (("members", each.members), ("candidates", each.candidates)):
            for name in names:
                if name not in known:
                    raise ValueError(
                        f"strategy {each.name!r}: {field} has {name!r}, which is not a strategy; "
                        f"known are: {', '.join(sorted(known))}"
                    )
                if known[name].method == "warm-start":
                    raise ValueError(
                        f"strategy {each.name!r}: {field} has {name!r}, which has no backtest "
                        "of its own; name what it starts from instead"
                    )
                if known[name].candidates or (field == "members" and known[name].members):
                    raise ValueError(
                        f"strategy {each.name!r}: {field} has {name!r}, which names strategies "
                        "itself; name those instead"
                    )
    return MappingProxyType(known)


def plain(name: str, known: Strategies) -> tuple[Strategy, ...]:
    """The plain strategies whose forecasts the one of that name averages; itself if plain."""
    chosen = strategy(name, known)
    return tuple(known[member] for member in chosen.members) or (chosen,)


def same_columns(one: Strategy, other: Strategy) -> bool:
    """Whether the two see the same days and fit the same columns to them, so that all they differ
    in is the scale of the units and what is made of the fit.
    """
    return one == replace(
        other,
        name=one.name,
        scale=one.scale,
        recent_residual=one.recent_residual,
        residual_half_life_days=one.residual_half_life_days,
        smearing=one.smearing,
        min_open_days=one.min_open_days,
        most_zero_days=one.most_zero_days,
    )


def window_of(names: Iterable[str], known: Strategies) -> int | None:
    """The days of history that the strategies of these names look at; None: all. Names that
    are not known count for nothing.
    """
    found = [known[name] for name in names if name in known]
    windows = [
        leaf.window_days
        for each in found
        for name in (each.candidates or (each.name,))
        for leaf in plain(name, known)
    ]
    return None if None in windows else max((days for days in windows if days), default=None)


def days_read(names: Iterable[str], known: Strategies) -> int | None:
    """The days of history that training by the strategies of these names reads; None: all.

    YEAR at least, since promotions and the largest days count beyond a window.
    """
    days = window_of(names, known)
    return None if days is None else max(days, YEAR)
