"""Rolling weekly origins: forecasters are judged on weeks that they have not seen.

At each origin a forecaster is given every series up to that day, as a run is, and says the next
seven days; drivers and opening days of those are known, as from a calendar. DecodedBatch are open
days on which all yardsticks say something too.
"""

import subprocess
import tempfile
from calendar import day_abbr
from collections.abc import Callable, Iterator, Sequence
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from events.payloads import DEFAULT_STRATEGY
from functions.forecasting.baselines.baseline import promotion_driver
from functions.forecasting.engines.factory import engine
from functions.forecasting.forecast.forecasts import forecast
from functions.forecasting.forecast.horizon import calendar_span
from functions.forecasting.series.calendar import Calendar
from functions.forecasting.series.panel import Floats, Panel
from functions.forecasting.series.scale import Band
from functions.forecasting.strategy import strategy
from functions.forecasting.training.train import train
from functions.forecasting.training.trained import Trained
from tests.benchmarks.panels import sampled

HORIZON = 7
SHARD = 128  # series, as the system's default
WEEKS = 8
MEASURABLE_SALES = 30  # days with sales that a series needs to be held against the last weeks' mean

# Reads a long frame of training rows and forecasts each series seven days ahead.
_AUTO_ETS = """
import sys
import pandas as pd
from statsforecast import StatsForecast
from statsforecast.models import AutoETS
rows = pd.read_csv(sys.argv[1], parse_dates=["ds"])
made = StatsForecast(models=[AutoETS(season_length=7)], freq="D", n_jobs=1)
made.forecast(df=rows, h=int(sys.argv[3]), level=[95]).to_csv(sys.argv[2], index=False)
"""


Bools = npt.NDArray[np.bool_]
Forecaster = Callable[[Panel, date, Calendar], Band]


class Known:
    """The data, cut at each origin: what was before, and what then came."""

    def __init__(self, panel: Panel, origins: Sequence[date]) -> None:
        self.panel, self.origins = panel, origins
        self.flag = promotion_driver(panel.driver_names)
        self._actual = np.concatenate([_days(panel, day)[0] for day in origins], axis=1)
        self._naive = self._walked(partial(same_days, count=4, flag=self.flag)).yhat
        self._mean4 = self._walked(partial(same_days, count=4, flag=None)).yhat
        self._measurable = _sales_days(panel, origins[0]) >= MEASURABLE_SALES

    def sample(self, series: int) -> "Known":
        """Some of the series, spread over all."""
        return Known(sampled(self.panel, series), self.origins)

    def judge(self, forecaster: Forecaster) -> dict[str, Any]:
        """The errors over all origins."""
        band = self._walked(forecaster)
        known = np.isfinite(self._actual) & np.isfinite(band.yhat) & np.isfinite(self._naive)
        actual = np.where(known, self._actual, 0.0)
        error = np.where(known, band.yhat - actual, 0.0)
        naive = np.where(known, self._naive - actual, 0.0)
        sold = known & (actual > 0)
        inside = known & (actual >= band.lower) & (actual <= band.upper)
        judged = known.any(axis=1)
        mine, other = np.abs(error).sum(axis=1), np.abs(naive).sum(axis=1)
        mean4 = np.abs(np.where(known, self._mean4 - actual, 0.0)).sum(axis=1)
        much = judged & self._measurable
        return {
            "rmspe": float(np.sqrt(np.mean((error[sold] / actual[sold]) ** 2))),
            "wape": float(mine.sum() / actual.sum()),
            "median_mae": float(np.median(mine[judged] / known.sum(axis=1)[judged])),
            "bias": float(error.sum() / actual.sum()),
            "coverage": float(inside.sum() / known.sum()),
            "covered": self._covered(inside, known, actual),
            "width": float(np.where(known, band.upper - band.lower, 0).sum() / known.sum()),
            "beats_naive": float((mine < other)[judged].mean()),
            "beats_mean4": float((mine < mean4)[much].mean()) if much.any() else None,
        }

    def _covered(self, inside: Bools, known: Bools, actual: Floats) -> dict[str, float | None]:
        """The share of judged days inside the interval, by day ahead, weekday, and slow and fast
        movers (the lower and the upper half of the series by units a day); None where no day is.
        """
        day = np.arange(known.shape[1])
        first = np.array([origin.weekday() for origin in self.origins])
        mean = actual.sum(axis=1) / np.maximum(known.sum(axis=1), 1)
        slow = mean <= np.median(mean[known.any(axis=1)])
        parts = {f"day {n + 1}": (day % HORIZON == n)[None] for n in range(HORIZON)}
        weekday = (np.repeat(first, HORIZON) + day % HORIZON) % 7
        parts |= {day_abbr[n]: (weekday == n)[None] for n in range(7)}
        parts |= {"slow": slow[:, None], "fast": ~slow[:, None]}
        return {
            name: float((inside & part).sum() / count) if (count := (known & part).sum()) else None
            for name, part in parts.items()
        }

    def _walked(self, forecaster: Forecaster) -> Band:
        parts = []
        for origin in self.origins:
            start, days = calendar_span(origin, HORIZON)
            _, is_open, drivers = _days(self.panel, start, days)
            calendar = Calendar(start, is_open, self.panel.driver_names, drivers)
            parts.append(forecaster(self.panel.window(origin, None), origin, calendar))
        return Band(
            np.concatenate([part.yhat for part in parts], axis=1),
            np.concatenate([part.lower for part in parts], axis=1),
            np.concatenate([part.upper for part in parts], axis=1),
        )


def by_strategy(
    panel: Panel, origin: date, calendar: Calendar, name: str, engine_name: str = "batched"
) -> Band:
    """Trained in shards and forecast as the system does."""
    band = Band.empty((len(panel), HORIZON))
    fits = engine(engine_name)
    for first in range(0, len(panel), SHARD):
        some = np.arange(first, min(first + SHARD, len(panel)))
        trained = train(
            panel.select(some.tolist()),
            strategy(name),
            origin,
            fits,
            HORIZON,
            naive_serves=name == DEFAULT_STRATEGY,
        )
        models = {
            i: each.model
            for i, each in zip(some, trained, strict=True)
            if isinstance(each, Trained)
        }
        at = np.array([*models], np.int64)
        part = Calendar(
            calendar.start, calendar.is_open[at], calendar.driver_names, calendar.drivers[at]
        )
        made = forecast([*models.values()], origin, HORIZON, part)
        band.put(at, Band(made.yhat, made.lower, made.upper))
    return band


def same_days(panel: Panel, origin: date, calendar: Calendar, count: int, flag: str | None) -> Band:
    """The mean of the last `count` open days of the same weekday and flag; no interval."""
    days = panel.open_days()
    flags = np.zeros(len(days.dates), np.int64)
    ahead = np.zeros(calendar.is_open.shape, np.int64)
    if flag is not None:
        flags = (np.nan_to_num(days.drivers_named([flag])[:, 0]) > 0).astype(np.int64)
        ahead = (np.nan_to_num(calendar.drivers_named([flag])[:, :, 0]) > 0).astype(np.int64)
    series = np.repeat(np.arange(len(days)), days.rows)
    weekday = (days.dates.astype(np.int64) + 3) % 7
    newest_first = pd.DataFrame({"group": series * 14 + weekday * 2 + flags, "y": days.units})[::-1]
    means = newest_first.groupby("group").head(count).groupby("group")["y"].mean()
    first = (origin - calendar.start).days
    dates = np.datetime64(origin, "D") + np.arange(HORIZON)
    wanted = (
        np.arange(len(days))[:, None] * 14
        + ((dates.astype(np.int64) + 3) % 7) * 2
        + ahead[:, first : first + HORIZON]
    )
    yhat = means.reindex(wanted.ravel()).to_numpy().reshape(wanted.shape)
    return Band(yhat, yhat, yhat)


def auto_ets(panel: Panel, origin: date, calendar: Calendar, python: str) -> Band:
    """AutoETS with a weekly season on the last two years, closed days left out by filling in
    the value of a week before.
    """
    days = panel.window(origin, 730)
    frames = []
    for i in range(len(days)):
        rows = days.series(i)
        units = pd.Series(np.where(days.is_open[rows], days.units[rows], np.nan), days.dates[rows])
        daily = units.asfreq("D")
        for _ in range(8):
            daily = daily.fillna(daily.shift(7))
        frames.append(pd.DataFrame({"unique_id": i, "ds": daily.index, "y": daily.ffill().bfill()}))
    with tempfile.TemporaryDirectory() as folder:
        rows_file, made_file = Path(folder, "rows.csv"), Path(folder, "made.csv")
        pd.concat(frames).to_csv(rows_file, index=False)
        gap = max((origin - frame["ds"].max().date()).days for frame in frames)
        command = [python, "-c", _AUTO_ETS, str(rows_file), str(made_file), str(HORIZON + gap)]
        subprocess.run(command, check=True)
        made = pd.read_csv(made_file, parse_dates=["ds"])
    made["day"] = (made["ds"] - pd.Timestamp(origin)).dt.days
    made = made[(made["day"] >= 0) & (made["day"] < HORIZON)]
    band = Band.empty((len(days), HORIZON))
    place = (made["unique_id"].to_numpy(), made["day"].to_numpy())
    columns = ("AutoETS", "AutoETS-lo-95", "AutoETS-hi-95")
    yhat, lower, upper = (np.maximum(made[name].to_numpy(), 0) for name in columns)
    band.put(place, Band(yhat, lower, upper))
    return band


def _sales_days(panel: Panel, before: date) -> npt.NDArray[np.int64]:
    """On how many days before that one each series sold something; (n,)."""
    sold = (panel.units > 0) & (panel.dates < np.datetime64(before, "D"))
    return np.diff(np.concatenate([[0], np.cumsum(sold)])[panel.offsets])


def _days(
    panel: Panel, start: date, days: int = HORIZON
) -> tuple[Floats, npt.NDArray[np.int8], Floats]:
    """Units of open days (n, days), opening as a calendar says it, and drivers (n, days, p)."""
    n = len(panel)
    at = (panel.dates - np.datetime64(start, "D")).astype(np.int64)
    inside = (at >= 0) & (at < days)
    place = np.repeat(np.arange(n), panel.rows)[inside], at[inside]
    units, is_open = np.full((n, days), np.nan), np.full((n, days), -1, np.int8)
    drivers = np.full((n, days, len(panel.driver_names)), np.nan)
    units[place] = np.where(panel.is_open[inside], panel.units[inside], np.nan)
    is_open[place] = panel.is_open[inside]
    drivers[place] = panel.drivers[inside]
    return units, is_open, drivers


def origins(panel: Panel, text: str | None, half: str = "all") -> Iterator[date]:
    """The first days of the weeks named (A..B), or of the last eight that the data has; all of
    them, or only the even or the odd ones.
    """
    last = panel.dates.max().item()
    first, end = last - timedelta(days=WEEKS * HORIZON - 1), last
    if text is not None:
        first, end = (date.fromisoformat(part) for part in text.split(".."))
    number = 0
    while first <= end:
        if half == "all" or (half == "odd") == bool(number % 2):
            yield first
        first, number = first + timedelta(days=HORIZON), number + 1
