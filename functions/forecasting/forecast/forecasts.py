"""Forecasts of many series over one horizon, as they are published.

Units can't be sold in negative numbers, nor on a day the store is closed: every value is
at least 0, and exactly 0 on a closed day, be it by the calendar or by its weekday. No
forecast is above the model's cap. A day that may be closed counts by its chance to be open.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from functions.forecasting.baselines.baseline import BaselineModel
from functions.forecasting.calibration import widened
from functions.forecasting.forecast.horizon import Horizon, horizon_of
from functions.forecasting.model import SeriesModel
from functions.forecasting.prophet.intervals import half_widths
from functions.forecasting.prophet.parameters import ProphetParameters
from functions.forecasting.prophet.prediction import effects, leverage, predict
from functions.forecasting.series.calendar import Calendar
from functions.forecasting.series.own_drivers import MAX_DRIVERS
from functions.forecasting.series.panel import Dates, Floats
from functions.forecasting.series.regressors import DayFacts
from functions.forecasting.series.scale import Band, in_units, smeared

# An interval may reach this many times as high as a forecast may.
UPPER_CAP = 2.0
_LEVEL = 0.95  # that level models' intervals have


@dataclass(frozen=True, eq=False)
class Forecasts:
    """n series by h days: `dates` (datetime64[D]) has shape (h,), the others (n, h).

    In units per day, with 0 <= lower <= yhat <= upper. `bounded` says where the cap cut the
    forecast; `assumed` names, for each series and day, the drivers that nobody had planned,
    `limited` those that were planned beyond all that was seen, and count as the nearest seen value.
    """

    dates: Dates
    yhat: Floats
    lower: Floats
    upper: Floats
    bounded: npt.NDArray[np.bool_]
    assumed: list[list[tuple[str, ...]]]
    limited: list[list[tuple[str, ...]]]


def forecast(
    models: Sequence[SeriesModel],
    start: date,
    days: int,
    calendar: Calendar | None = None,
    level: float = 0.95,
) -> Forecasts:
    """The `days` days from `start` on, with a central interval that covers `level`.

    `start` may lie anywhere; the further after a model's last day, the wider its interval.
    `calendar` is of the same series, in order; `horizon.calendar_span` says of which days.
    Raises ValueError if there are no days or the level is not within (0, 1).
    """
    if days < 1:
        raise ValueError(f"a horizon of {days} days is too short; at least 1 is needed")
    if not 0 < level < 1:
        raise ValueError(f"an interval's level must be within (0, 1), not {level}")
    runs = list(_runs(models))
    if len(runs) < 2:
        return _together(models, start, days, calendar, level)
    if calendar is not None and len(calendar.is_open) != len(models):
        raise ValueError(
            f"a calendar of {len(calendar.is_open)} series does not fit {len(models)} models"
        )
    made = [
        _together(models[run], start, days, None if calendar is None else calendar.only(run), level)
        for run in runs
    ]
    return Forecasts(
        made[0].dates,
        np.concatenate([each.yhat for each in made]),
        np.concatenate([each.lower for each in made]),
        np.concatenate([each.upper for each in made]),
        np.concatenate([each.bounded for each in made]),
        [assumed for each in made for assumed in each.assumed],
        [limited for each in made for limited in each.limited],
    )


def _runs(models: Sequence[SeriesModel]) -> Iterator[slice]:
    """The models in runs that have few drivers between them, since each day of each model has
    a column for every driver of its run.
    """
    start, names = 0, frozenset[str]()
    for i, model in enumerate(models):
        own = model.drivers | model.typical_drivers.keys()
        if i > start and len(names | own) > MAX_DRIVERS:
            yield slice(start, i)
            start, names = i, frozenset()
        names |= own
    yield slice(start, len(models))


def _together(
    models: Sequence[SeriesModel],
    start: date,
    days: int,
    calendar: Calendar | None,
    level: float,
) -> Forecasts:
    """The forecasts of models that may share columns; see `forecast`."""
    horizon = horizon_of(models, start, days, calendar)
    band = _mean_of_members(models, horizon, level)
    times = np.array([model.interval_scale or (1.0,) * 7 for model in models]).reshape(
        len(models), 7
    )
    band = widened(band, times, (horizon.dates.astype(np.int64) + 3) % 7)
    cap = np.array([model.cap for model in models])[:, None]
    lower, upper = band.lower, band.upper
    closed, bounded = ~horizon.is_open, band.yhat > cap
    yhat = np.minimum(band.yhat, cap) * horizon.chance
    lower = np.where(horizon.chance < 1, 0.0, lower)
    names = horizon.facts.driver_names
    return Forecasts(
        horizon.dates,
        np.where(closed, 0.0, yhat),
        np.where(closed, 0.0, np.minimum(lower, yhat)),
        np.where(closed, 0.0, np.clip(upper, yhat, np.maximum(UPPER_CAP * cap, yhat))),
        bounded & ~closed,
        _named(horizon.assumed, names),
        _named(horizon.limited, names),
    )


def _named(marked: npt.NDArray[np.bool_], names: tuple[str, ...]) -> list[list[tuple[str, ...]]]:
    """The names of the drivers that are marked in (n, h, p), by series and day."""
    if not marked.any():
        return [[()] * marked.shape[1] for _ in marked]
    return [
        [tuple(names[j] for j in np.flatnonzero(day).tolist()) for day in series]
        for series in marked
    ]


def _mean_of_members(models: Sequence[SeriesModel], horizon: Horizon, level: float) -> Band:
    """The members' mean band of each model, before caps and closed days; (n, h)."""
    owners = np.repeat(np.arange(len(models)), [len(model.members) for model in models])
    members = [member for model in models for member in model.members]
    band = Band.empty((len(members), len(horizon.dates)))
    prophets = [(i, each) for i, each in enumerate(members) if isinstance(each, ProphetParameters)]
    if prophets:
        at = np.array([i for i, _ in prophets])
        band.put(at, _prophets([each for _, each in prophets], horizon, owners[at], level))
    level_models = [(i, each) for i, each in enumerate(members) if isinstance(each, BaselineModel)]
    if level_models:
        at = np.array([i for i, _ in level_models])
        band.put(at, _levels([each for _, each in level_models], horizon, owners[at], level))
    if not members:
        return band
    count = np.bincount(owners, minlength=len(models))
    starts = np.concatenate([[0], np.cumsum(count)])[:-1]
    equal = [(1 / len(model.members),) * len(model.members) for model in models]
    given = [model.weights or same for model, same in zip(models, equal, strict=True)]
    share = np.array([weight for weights in given for weight in weights])[:, None]
    return Band(
        np.add.reduceat(share * band.yhat, starts),
        np.add.reduceat(share * band.lower, starts),
        np.add.reduceat(share * band.upper, starts),
    )


def _prophets(
    members: Sequence[ProphetParameters],
    horizon: Horizon,
    owners: npt.NDArray[np.int64],
    level: float,
) -> Band:
    n, days = len(members), len(horizon.dates)
    effect = None
    if any(member.regressors for member in members):
        effect = effects(members, _facts_of(horizon, owners), days)
    center = predict(members, horizon.dates, effect)
    last = np.array([member.last_day for member in members], dtype="datetime64[D]")
    ahead = (horizon.dates[None, :] - last[:, None]).astype(np.int64)
    noise = np.array([member.sigma_obs * member.y_scale for member in members])
    on_log = np.array([member.scale == "log" for member in members])
    added = smeared(np.array([member.smearing for member in members]), noise, on_log)
    factor = leverage(members, horizon.dates, effect)
    widths = half_widths(members, ahead, level, factor).reshape(n, days)
    return in_units(center, widths, on_log[:, None], added[:, None])


def _facts_of(horizon: Horizon, owners: npt.NDArray[np.int64]) -> DayFacts:
    """The days' facts once for each of the owners, in their order."""
    days = len(horizon.dates)
    return horizon.facts.rows((owners[:, None] * days + np.arange(days)).ravel())


def _levels(
    members: Sequence[BaselineModel],
    horizon: Horizon,
    owners: npt.NDArray[np.int64],
    level: float,
) -> Band:
    weekday = (horizon.dates.astype(np.int64) + 3) % 7
    levels = np.array([member.levels for member in members])
    promoted = np.zeros((len(members), len(weekday)))
    drivers, names = horizon.drivers(), horizon.facts.driver_names
    for i, member in enumerate(members):
        if member.promotion is not None:
            flags = drivers[owners[i], :, names.index(member.promotion)]
            promoted[i] = np.clip(flags, 0, 1)
    yhat = (1 - promoted) * levels[:, weekday] + promoted * levels[:, weekday + 7]
    stretch = NormalDist().inv_cdf((1 + level) / 2) / NormalDist().inv_cdf((1 + _LEVEL) / 2)
    below, above = np.array([(member.below, member.above) for member in members]).T * stretch
    return Band(yhat, np.maximum(yhat + below[:, None], 0), yhat + above[:, None])
