"""The panels that forecasts are measured on: real ones, a file of sales, or made-up ones.

The real ones are other people's and not shipped; `SHELFCAST_REAL_DATA` has them or not. Their
drivers are what is known ahead: prices of the week, holidays, weather as if foretold; not what
came of the day itself (till lines, markdowns).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Literal

import numpy as np
import pandas as pd

from functions.forecasting.series.panel import Panel
from infra.sales_io.checking.rows import read_rows
from infra.sales_io.checking.survey import survey
from infra.sales_io.columns.layout import ColumnChoice
from tests.benchmarks.system import sales
from tests.real_data import REAL_DATA

MissingDays = Literal["closed", "zero"]


@dataclass(frozen=True)
class RealPanel:
    """A file of sales. `drivers` are the columns to read as such (None: what the importer takes),
    `missing_days` says what a day without a row is.
    """

    file: str
    drivers: tuple[str, ...] | None = ()
    missing_days: MissingDays = "closed"

    @property
    def path(self) -> Path:
        """Where it is, if it is there."""
        return REAL_DATA / self.file

    def read(self) -> Panel:
        """All its series."""
        return panel_of(self.path, ColumnChoice(drivers=self.drivers), self.missing_days)


_WEATHER = ("temp", "precip", "weather_rain", "weather_snow", "home_game")
_HOLIDAYS = ("holiday", "event", "makeup_workday", "oil_price")
PANELS: Mapping[str, RealPanel] = MappingProxyType(
    {
        "rossmann": RealPanel("rossmann-train.csv.xz", None),
        "m5-walmart": RealPanel("m5-walmart.csv.xz", ("price", "snap", "event_type")),
        "favorita-stores": RealPanel("favorita-stores.csv.xz", _HOLIDAYS),
        "favorita-top-families": RealPanel("favorita-top-families.csv.xz", ("promo", *_HOLIDAYS)),
        "vegetables-supermarket": RealPanel("vegetables-supermarket.csv.xz", missing_days="zero"),
        "fresh-retail": RealPanel(
            "fresh-retail.csv.xz", ("discount", "promo", "holiday", "precip", "temperature")
        ),
        "onec-shops": RealPanel("onec-shops.csv.xz", ("price",), missing_days="zero"),
        "bakery-korea": RealPanel("bakery-korea.csv.xz"),
        "pharmacy-atc": RealPanel("pharmacy-atc.csv.xz"),
        "chicago-l": RealPanel("chicago-l.csv.xz", _WEATHER),
        "bike-foot-basel-zurich": RealPanel("bike-foot-basel-zurich.csv.xz"),
        "footfall-germany": RealPanel("footfall-germany.csv.xz"),
        "hotel-arrivals": RealPanel("hotel-arrivals.csv.xz"),
        "olist-categories": RealPanel("olist-categories.csv.xz", missing_days="zero"),
        "wikipedia-10": RealPanel("wikipedia-10.csv.xz"),
        "walmart-weekly": RealPanel(
            "walmart-weekly.csv.xz", ("holiday", "temperature", "fuel_price", "markdown")
        ),
    }
)


def panel_of(file: Path, columns: ColumnChoice, missing_days: MissingDays) -> Panel:
    """The sales of a file, as the import reads them."""
    layout = survey(file, columns)
    frame = pd.concat([chunk.frame for chunk in read_rows(layout, missing_days=missing_days)])
    return _of_frame(frame, list(layout.drivers))


def made_up(series: int) -> Panel:
    """Generated sales of 900 days."""
    frame = sales(series, 900)
    drivers = ["promo", "school_holiday", "state_holiday"]
    return _of_frame(frame.rename(columns=str), [name for name in drivers if name in frame])


def sampled(panel: Panel, series: int | None) -> Panel:
    """At most so many of its series, spread over all."""
    if series is None or series >= len(panel):
        return panel
    places = np.linspace(0, len(panel) - 1, series)
    return panel.select(np.unique(places.astype(int)).tolist())


def _of_frame(frame: pd.DataFrame, drivers: list[str]) -> Panel:
    frame = frame.sort_values(["store", "product", "date"])
    keys = frame[["store", "product"]].drop_duplicates()
    counts = frame.groupby(["store", "product"], sort=True).size().to_numpy()
    names = tuple(sorted(drivers))
    return Panel(
        keys=tuple(keys.itertuples(index=False, name=None)),
        offsets=np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
        dates=frame["date"].to_numpy("datetime64[D]"),
        units=frame["units"].to_numpy(np.float64),
        is_open=frame["open"].to_numpy(bool) if "open" in frame else np.ones(len(frame), bool),
        driver_names=names,
        drivers=frame[list(names)].to_numpy(np.float64),
    )
