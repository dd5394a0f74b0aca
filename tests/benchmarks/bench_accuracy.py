"""How good forecasts are: rolling weekly origins on real data, strategies beside yardsticks.

At each origin every series is trained on what was before it, as a run does it (in shards),
and the next seven days are forecast; drivers and opening days of those are known, as from a
calendar. Judged are open days. `beats_naive` is the share of series whose absolute errors sum
to less than the honest naive's (the mean of the last four days with the same weekday and
promotion flag; `mean4` is that without the flag). A strategy other than the default is taken as
it is, even where the naive would serve.

    python -m tests.benchmarks.bench_accuracy [--json] [--data FILE] [--origins A..B] …

Without --data it takes the real Rossmann sales where they are, else generated ones. PYTHON of
--statsforecast is an interpreter that has the PyPI package statsforecast, for AutoETS.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from rich.console import Console
from rich.table import Table

from events.payloads import DEFAULT_STRATEGY
from functions.forecasting.calendar import Calendar
from functions.forecasting.engines import engine
from functions.forecasting.forecasts import forecast
from functions.forecasting.horizon import calendar_span
from functions.forecasting.levels import promotion_driver
from functions.forecasting.panel import Floats, Panel
from functions.forecasting.procedure import Trained, train
from functions.forecasting.scale import Band
from functions.forecasting.strategy import strategy
from infra.sales_io.layout import ColumnChoice
from infra.sales_io.reader import read_rows
from infra.sales_io.survey import survey
from tests.benchmarks.system import console, sales
from tests.real_data import ROSSMANN

KEYS = ("series", "weeks", "strategies", "yardsticks")
HORIZON = 7
SHARD = 128  # series, as the system's default
ORIGINS = (date(2015, 6, 6), date(2015, 7, 25))
STRATEGIES = (DEFAULT_STRATEGY, "calendar", "blend", "ensemble", "full", "windowed")

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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, metavar="FILE", help="sales, as the import reads them")
    for column in ("store", "product", "date", "units", "open"):
        parser.add_argument(f"--{column}-column")
    parser.add_argument("--driver-columns", help="comma-separated")
    parser.add_argument("--date-format")
    parser.add_argument("--missing-days", choices=["closed", "zero"], default="closed")
    parser.add_argument("--origins", metavar="A..B", help="first days of weeks; B at most")
    parser.add_argument("--series", type=int, help="only so many")
    parser.add_argument("--strategies", default=",".join(STRATEGIES))
    parser.add_argument("--sample", type=int, default=40, help="series for slow yardsticks")
    parser.add_argument("--stock", action="store_true", help="stock Prophet on the sample too")
    parser.add_argument("--statsforecast", metavar="PYTHON", help="an interpreter that has it")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()

    panel = _panel(options)
    origins = list(_origins(options.origins, panel))
    console.print(f"{len(panel):,} series, {len(origins)} weeks from {origins[0]}")
    known = _Known(panel, origins)
    result: dict[str, dict[str, Any]] = {}
    for name in options.strategies.split(","):
        began = time.perf_counter()
        result[name] = known.judge(partial(_by_strategy, name=name))
        result[name]["seconds"] = round(time.perf_counter() - began, 1)
        console.print(f"{name}: {result[name]}")
    yardsticks = {
        "seasonal-naive": known.judge(partial(_same_days, count=1, flag=None)),
        "mean4": known.judge(partial(_same_days, count=4, flag=None)),
        "naive": known.judge(partial(_same_days, count=4, flag=known.flag)),
    }
    if options.statsforecast:
        ets = partial(_auto_ets, python=options.statsforecast)
        yardsticks["auto-ets (sample)"] = known.sample(options.sample).judge(ets)
    if options.stock:
        stock = partial(_by_strategy, name="full", engine_name="prophet")
        yardsticks["stock full (sample)"] = known.sample(min(options.sample, 8)).judge(stock)
    _show(f"{len(panel):,} series, {len(origins)} weeks from {origins[0]}", result | yardsticks)
    if options.json:
        found = {"series": len(panel), "weeks": len(origins)}
        print(json.dumps(found | {"strategies": result, "yardsticks": yardsticks}))


def _show(title: str, judged: dict[str, dict[str, Any]]) -> None:
    """A row for each strategy and yardstick."""
    names = list(next(iter(judged.values())))
    table = Table("", *names, title=title, title_justify="left")
    for column in table.columns[1:]:
        column.justify = "right"
    for label, row in judged.items():
        cells = [row.get(name) for name in names]
        shown = ("" if v is None else f"{v:,.3f}" if v < 50 else f"{v:,.0f}" for v in cells)
        table.add_row(label, *shown)
    Console(width=110).print(table)


Forecaster = Callable[[Panel, date, Calendar], Band]


class _Known:
    """The data, cut at each origin: what was before, and what then came."""

    def __init__(self, panel: Panel, origins: Sequence[date]) -> None:
        self.panel, self.origins = panel, origins
        self.flag = promotion_driver(panel.driver_names)
        self._actual = np.concatenate([_days(panel, day)[0] for day in origins], axis=1)
        self._naive = self._walked(partial(_same_days, count=4, flag=self.flag)).yhat

    def sample(self, series: int) -> "_Known":
        """Some of the series, spread over all."""
        places = np.linspace(0, len(self.panel) - 1, min(series, len(self.panel)))
        return _Known(self.panel.select(np.unique(places.astype(int)).tolist()), self.origins)

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
        return {
            "rmspe": float(np.sqrt(np.mean((error[sold] / actual[sold]) ** 2))),
            "wape": float(mine.sum() / actual.sum()),
            "median_mae": float(np.median(mine[judged] / known.sum(axis=1)[judged])),
            "bias": float(error.sum() / actual.sum()),
            "coverage": float(inside.sum() / known.sum()),
            "width": float(np.where(known, band.upper - band.lower, 0).sum() / known.sum()),
            "beats_naive": float((mine < other)[judged].mean()),
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


def _by_strategy(
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


def _same_days(
    panel: Panel, origin: date, calendar: Calendar, count: int, flag: str | None
) -> Band:
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


def _auto_ets(panel: Panel, origin: date, calendar: Calendar, python: str) -> Band:
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


def _origins(text: str | None, panel: Panel) -> Iterator[date]:
    """The weeks named, or the reference ones, or the last eight that the data has."""
    last = panel.dates.max().item()
    first, end = ORIGINS
    if text is not None:
        first, end = (date.fromisoformat(part) for part in text.split(".."))
    elif not panel.dates.min().item() < first <= end <= last:
        first, end = last - timedelta(days=8 * 7 - 1), last
    while first <= end:
        yield first
        first += timedelta(days=7)


def _panel(options: argparse.Namespace) -> Panel:
    """The sales of the file, the real ones, or made ones."""
    if options.data is None and not ROSSMANN.exists():
        frame = sales(options.series or 200, 900)
        names = ["promo", "school_holiday", "state_holiday"]
        return _of_frame(
            frame.rename(columns=str), [n for n in names if n in frame], options.series
        )
    drivers = options.driver_columns
    choice = ColumnChoice(
        store=options.store_column,
        product=options.product_column,
        date=options.date_column,
        units=options.units_column,
        open=options.open_column,
        drivers=None if drivers is None else tuple(filter(None, drivers.split(","))),
        date_format=options.date_format,
    )
    file = survey(options.data or ROSSMANN, choice)
    frame = pd.concat([chunk.frame for chunk in read_rows(file, missing_days=options.missing_days)])
    return _of_frame(frame, list(file.drivers), options.series)


def _of_frame(frame: pd.DataFrame, drivers: list[str], series: int | None) -> Panel:
    frame = frame.sort_values(["store", "product", "date"])
    keys = frame[["store", "product"]].drop_duplicates()
    counts = frame.groupby(["store", "product"], sort=True).size().to_numpy()
    names = tuple(sorted(drivers))
    panel = Panel(
        keys=tuple(keys.itertuples(index=False, name=None)),
        offsets=np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
        dates=frame["date"].to_numpy("datetime64[D]"),
        units=frame["units"].to_numpy(np.float64),
        is_open=frame["open"].to_numpy(bool) if "open" in frame else np.ones(len(frame), bool),
        driver_names=names,
        drivers=frame[list(names)].to_numpy(np.float64),
    )
    return panel if series is None else panel.select(range(min(series, len(panel))))


if __name__ == "__main__":
    sys.exit(main())
