"""The kinds of strategies. A kind has the fields that mean something in it, and no others.

A strategy holds values only. How many series are fitted at a time, and by what, is the engine's
business; by how many folds it is measured is the backtest's.
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from math import inf
from typing import Any, ClassVar, Literal

FORBID: Any = {"extra": "forbid", "strict": True}  # as pydantic reads them from a setting


@dataclass(frozen=True)
class ProphetStrategy:
    """Prophet's model, fitted to each series.

    `window_days` counts calendar days before `as_of` (None: all history); of these the
    open ones are used. `scale` is that of the fit: on the `log` scale (of 1 + units) terms
    multiply. `seasonality_mode` says whether seasons and regressors add to the trend or are
    shares of it. With `logistic` growth the trend saturates at `capacity` times the largest day
    of the fit. `drivers` adds a term per driver, `driver_weekdays` one per driver and weekday,
    `calendar_terms` one for each part of the month, each week of Advent, and the days about an
    unusual closing. `regressor_prior_scale` holds for drivers, `term_prior_scale` for the rest.
    `recent_residual` is the share of the recent residual (weighted with a half-life of
    `residual_half_life_days`) that is added to forecasts. On the log scale a forecast is the
    median; `smearing` moves it towards the mean (1).
    It is fitted to series with `min_open_days` at least, of which no more than the share
    `most_zero_days` sold nothing. The weekly term has `weekly_order` Fourier pairs and the yearly
    one 10; a history has either only if it can carry it: `prophet.seasonality` says when. Prior
    scales and changepoints are Prophet's defaults, named here because an engine of our own needs
    them too.

    Raises ValueError, naming the field and its value, for what makes no sense.
    """

    __pydantic_config__: ClassVar[Any] = FORBID

    name: str
    kind: Literal["prophet"] = "prophet"
    window_days: int | None = None
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
    weekly_order: int = 3
    seasonality_prior_scale: float = 10.0
    regressor_prior_scale: float = 10.0
    term_prior_scale: float = 0.03
    n_changepoints: int = 25
    changepoint_range: float = 0.8
    changepoint_prior_scale: float = 0.05

    def __post_init__(self) -> None:
        _check(self, _of_prophet(self))

    @property
    def concave(self) -> bool:
        """Whether its posterior is: linear growth, additive terms. The others are Stan's."""
        return self.growth == "linear" and self.seasonality_mode == "additive"

    @property
    def window(self) -> str:
        """The window in words, to go before 'before <day>'."""
        return "all days" if self.window_days is None else f"the {self.window_days} days"


@dataclass(frozen=True)
class BaselineStrategy:
    """A level for each group of days, by a method of `functions.forecasting.baselines`, which
    fits any series with an open day.
    """

    __pydantic_config__: ClassVar[Any] = FORBID

    name: str
    method: Literal["naive", "seasonal-naive", "weekday-mean", "smoothed", "tsb"]
    kind: Literal["baseline"] = "baseline"
    window_days: ClassVar[None] = None

    def __post_init__(self) -> None:
        _check(self, _one_of(self, "method", *BASELINES))


@dataclass(frozen=True)
class RecentStrategy:
    """The mean or the median of the open ones of the last `window_days` calendar days (None: of
    all open days), whatever their weekday.
    """

    __pydantic_config__: ClassVar[Any] = FORBID

    name: str
    method: Literal["recent-mean", "recent-median"]
    kind: Literal["recent"] = "recent"
    window_days: int | None = None

    def __post_init__(self) -> None:
        _check(self, _of_recent(self))


@dataclass(frozen=True)
class WarmStartStrategy:
    """The champion's parameters at the level of the newest days: `recent_residual` is the share
    of their residual, weighted with a half-life of `residual_half_life_days`, that is added.
    """

    __pydantic_config__: ClassVar[Any] = FORBID

    name: str
    kind: Literal["warm-start"] = "warm-start"
    recent_residual: float = 0.8
    residual_half_life_days: float = 10.0
    window_days: ClassVar[None] = None

    def __post_init__(self) -> None:
        _check(self, _of_residual(self))


@dataclass(frozen=True)
class EnsembleStrategy:
    """The mean of the forecasts of its members, those that can be fitted."""

    __pydantic_config__: ClassVar[Any] = FORBID

    name: str
    members: tuple[str, ...]
    kind: Literal["ensemble"] = "ensemble"

    def __post_init__(self) -> None:
        _check(self, _of_names(self, "members"))


@dataclass(frozen=True)
class SelectionStrategy:
    """Its candidates, backtested on the same folds and weighed by that for each series."""

    __pydantic_config__: ClassVar[Any] = FORBID

    name: str
    candidates: tuple[str, ...]
    kind: Literal["selection"] = "selection"

    def __post_init__(self) -> None:
        _check(self, _of_names(self, "candidates"))


BASELINES = ("naive", "seasonal-naive", "weekday-mean", "smoothed", "tsb")
RECENT = ("recent-mean", "recent-median")
LevelStrategy = BaselineStrategy | RecentStrategy
PlainStrategy = ProphetStrategy | LevelStrategy  # has a backtest of its own
Strategy = PlainStrategy | WarmStartStrategy | EnsembleStrategy | SelectionStrategy
KINDS: tuple[type[Strategy], ...] = (
    ProphetStrategy,
    BaselineStrategy,
    RecentStrategy,
    WarmStartStrategy,
    EnsembleStrategy,
    SelectionStrategy,
)

_Checks = Iterator[tuple[str, bool, str]]  # a field, whether it is wrong, and what is needed


def _check(it: Strategy, checks: _Checks) -> None:
    if not it.name:
        raise ValueError("strategy '': name is ''; give it one")
    for field, wrong, fix in checks:
        if wrong:
            value = getattr(it, field)
            raise ValueError(f"strategy {it.name!r}: {field} is {value!r}; {fix}")


def _of_prophet(it: ProphetStrategy) -> _Checks:
    changed = {
        each.name
        for each in fields(it)
        if each.name != "name" and getattr(it, each.name) != each.default
    }
    yield from _one_of(it, "scale", "linear", "log")
    yield from _one_of(it, "growth", "linear", "logistic")
    yield from _one_of(it, "seasonality_mode", "additive", "multiplicative")
    yield "min_open_days", it.min_open_days < 2, "a fit needs 2 days"
    yield (
        "window_days",
        it.window_days is not None and it.window_days < it.min_open_days,
        f"it can't hold the {it.min_open_days} open days of min_open_days",
    )
    yield from _of_residual(it)
    moved = it.recent_residual != 0 and not it.concave
    yield "recent_residual", moved, "it belongs to linear growth with additive terms"
    curved, times = it.growth == "logistic", it.seasonality_mode == "multiplicative"
    on_log = it.scale == "log"
    yield "growth", curved and on_log, "on scale 'log' there is no level to saturate at"
    yield "seasonality_mode", times and on_log, "on scale 'log' terms multiply already"
    yield "capacity", not 1 < it.capacity < inf, "a finite number above 1 is needed"
    yield "most_zero_days", not 0 <= it.most_zero_days <= 1, "it must be from 0 to 1"
    yield "smearing", not 0 <= it.smearing <= 1, "it must be from 0 to 1"
    yield "weekly_order", not 0 <= it.weekly_order <= 3, "a week has room for 0 to 3 pairs"
    yield "n_changepoints", not 0 <= it.n_changepoints <= 100, "0 to 100 are possible"
    yield "changepoint_range", not 0 < it.changepoint_range <= 1, "it must be within (0, 1]"
    for scale in ("seasonality_prior_scale", "term_prior_scale"):
        yield scale, not 0 < getattr(it, scale) < inf, POSITIVE
    for scale in ("regressor_prior_scale", "changepoint_prior_scale"):
        yield scale, not 0 < getattr(it, scale) < inf, POSITIVE
    terms = it.driver_weekdays or it.calendar_terms
    for field, used, owner in (
        ("capacity", curved, "growth 'logistic'"),
        ("smearing", on_log, "scale 'log'"),
        ("residual_half_life_days", it.recent_residual != 0, "a recent_residual above 0"),
        ("regressor_prior_scale", it.drivers, "drivers"),
        ("term_prior_scale", terms, "driver_weekdays or calendar_terms"),
        ("changepoint_range", it.n_changepoints > 0, "n_changepoints above 0"),
        ("changepoint_prior_scale", it.n_changepoints > 0, "n_changepoints above 0"),
    ):
        yield field, field in changed and not used, f"it belongs to {owner}"


POSITIVE = "a finite number above 0 is needed"


def _of_residual(it: ProphetStrategy | WarmStartStrategy) -> _Checks:
    yield "recent_residual", not 0 <= it.recent_residual <= 1, "it must be from 0 to 1"
    half_life = it.residual_half_life_days
    yield "residual_half_life_days", not 0 < half_life < inf, POSITIVE


def _of_recent(it: RecentStrategy) -> _Checks:
    yield from _one_of(it, "method", *RECENT)
    yield "window_days", it.window_days is not None and it.window_days < 1, "at least 1 is needed"


def _of_names(it: EnsembleStrategy | SelectionStrategy, field: str) -> _Checks:
    names = getattr(it, field)
    yield field, len(names) < 2, "name at least 2 strategies"
    yield field, len(set(names)) < len(names), "name each strategy once"
    yield field, it.name in names, "a strategy can't be one of its own"


def _one_of(it: Strategy, field: str, *known: str) -> _Checks:
    yield field, getattr(it, field) not in known, f"there are {', '.join(known)}"
