"""A fitted Prophet model as values: what to store, to send and to forecast from.

One to three kilobytes of JSON, where `prophet.serialize` needs some thirty. It holds
linear or logistic growth with seasons and regressors of one mode, on the linear scale or that
of log(1 + units). What follows from other fields is a
property (the last day, the mean step). Prophet itself takes a second to import, so only
the two methods that deal with a real `prophet.Prophet` do so.
"""

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from datetime import date, timedelta
from math import inf
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from functions.forecasting.series.panel import Dates

if TYPE_CHECKING:
    pass

_KNOWN = {
    "growth": ("linear", "logistic"),
    "scale": ("linear", "log"),
    "seasonality_mode": ("additive", "multiplicative"),
}


@dataclass(frozen=True)
class Seasonality:
    """A Fourier term of `fourier_order` sine and cosine pairs; `period` is in days."""

    name: str
    period: float
    fourier_order: int
    prior_scale: float


@dataclass(frozen=True)
class Regressor:
    """A column beside trend and season, as `regressors` names it: its effect on a day is
    beta (value - mean) / std, in units of `y_scale`, or as a share of the trend. A value beyond
    `low` and `high`, the least and the largest of the training days, counts as that bound:
    what a price or a count does outside of all that was seen, nobody knows.
    """

    name: str
    prior_scale: float
    mean: float
    std: float
    beta: float
    low: float | None = None
    high: float | None = None

    def within(self, values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Values of any shape, brought within what was seen."""
        if self.low is None and self.high is None:
            return values
        return np.clip(values, self.low, self.high)


@dataclass(frozen=True)
class ProphetParameters:
    """A fitted model: y = y_scale * (g + X beta), or y_scale * g (1 + X beta) where
    `seasonality_mode` is multiplicative, with a trend g = k t + m + b for linear growth and
    g = C / (1 + exp(-(k (t - m) + b))) for logistic growth; b = sum_j delta_j max(t - s_j, 0).

    Time is scaled: t is 0 on `first_day` and 1 on the last day used, `t_scale_days`
    later. `changepoints_t` (s_j) and `delta` have length S; where Prophet placed no
    changepoint both are (0.0,), its dummy. `beta` has two values per Fourier pair,
    seasonality by seasonality. `sigma_obs` is the noise's standard deviation in units of
    `y_scale`; `capacity` is C in units per day. `rows` counts the training rows. On
    `never_open_weekdays` (0 is Monday) no training row exists, so the store is taken to be closed
    and the forecast is 0.
    `scale` is that of y: `log` means log(1 + units). `shift` (in units of `y_scale`) is what
    the last days were above the fit, damped; a forecast adds it to m. `smearing` is the share
    of the way from the median to the mean that a log model's forecast goes.
    Source: Taylor & Letham, Forecasting at Scale (2018), and Prophet 1.5's prophet.stan.
    """

    k: float
    m: float
    delta: tuple[float, ...]
    changepoints_t: tuple[float, ...]
    beta: tuple[float, ...]
    sigma_obs: float
    y_scale: float
    first_day: date
    t_scale_days: int
    rows: int
    seasonalities: tuple[Seasonality, ...]
    changepoint_prior_scale: float
    never_open_weekdays: tuple[int, ...]
    growth: Literal["linear", "logistic"] = "linear"
    regressors: tuple[Regressor, ...] = ()
    scale: Literal["linear", "log"] = "linear"
    shift: float = 0.0
    smearing: float = 0.0
    seasonality_mode: Literal["additive", "multiplicative"] = "additive"
    capacity: float | None = None

    def __post_init__(self) -> None:
        if len(self.delta) != len(self.changepoints_t):
            raise ValueError(
                f"{len(self.delta)} slope changes for {len(self.changepoints_t)} changepoints"
            )
        columns = sum(2 * term.fourier_order for term in self.seasonalities)
        if len(self.beta) != max(columns, 1):
            raise ValueError(f"{len(self.beta)} coefficients for {columns} Fourier columns")
        for field, known in _KNOWN.items():
            if (value := getattr(self, field)) not in known:
                raise ValueError(f"{field} {value!r} is not known; {' and '.join(known)} are")
        capacity = 1.0 if self.capacity is None else self.capacity
        saturates = self.capacity is not None
        if saturates != (self.growth == "logistic") or not 0 < capacity < inf:
            raise ValueError(
                f"{self.growth} growth has capacity {self.capacity}; logistic growth needs a "
                "finite one above 0, linear growth has none"
            )
        if self.shift and not self.concave:
            raise ValueError(
                f"shift is {self.shift}; it belongs to linear growth with additive terms"
            )

    @property
    def concave(self) -> bool:
        """Whether it has linear growth and additive terms, so that its posterior was concave and
        that a change of m changes every forecast alike.
        """
        return self.growth == "linear" and self.seasonality_mode == "additive"

    @property
    def last_day(self) -> date:
        """The last day used in the fit."""
        return self.first_day + timedelta(days=self.t_scale_days)

    @property
    def mean_step(self) -> float:
        """The mean difference in scaled time between neighbouring training rows."""
        return 1 / (self.rows - 1)

    def to_json_dict(self) -> dict[str, Any]:
        """The fields as JSON-compatible lists, numbers and strings; floats stay exact."""
        terms = {
            name: [dict(vars(term)) for term in getattr(self, name)]
            for name in ("seasonalities", "regressors")
        }
        values = {name: getattr(self, name) for name in _FIELDS}
        lists = {name: list(v) for name, v in values.items() if isinstance(v, tuple)}
        first_day = self.first_day.isoformat()
        return {**values, **lists, **terms, "first_day": first_day}

    @staticmethod
    def from_json_dict(values: Mapping[str, Any]) -> "ProphetParameters":
        """The inverse of `to_json_dict`. ValueError names fields that are missing or unknown."""
        if not _NEEDED <= values.keys() <= _FIELDS.keys():
            raise ValueError(
                f"model parameters lack {sorted(_NEEDED - values.keys())} and have unknown "
                f"{sorted(values.keys() - _FIELDS.keys())}"
            )
        lists = {name: tuple(v) for name, v in values.items() if isinstance(v, list)}
        return ProphetParameters(
            **{
                **values,
                **lists,
                "seasonalities": tuple(Seasonality(**term) for term in values["seasonalities"]),
                "regressors": tuple(Regressor(**term) for term in values.get("regressors", ())),
                "first_day": date.fromisoformat(values["first_day"]),
            }
        )


_FIELDS = {field.name: field.default for field in fields(ProphetParameters)}
_NEEDED = {name for name, default in _FIELDS.items() if default is MISSING}


def weekdays(dates: Dates) -> npt.NDArray[np.int64]:
    """The weekday of each day, 0 for Monday. 1970-01-01 was a Thursday."""
    return (dates.astype("datetime64[D]").astype(np.int64) + 3) % 7


def never_open_weekdays(open_days: Dates) -> tuple[int, ...]:
    """The weekdays (0 is Monday) that never occur among `open_days`."""
    return tuple(sorted(set(range(7)) - set(weekdays(open_days).tolist())))
