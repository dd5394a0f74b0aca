"""Generates sales of made-up shops with the habits of real ones, from a seed.

Every store and every series has its own random stream, so its sales depend on the seed and not on
what else is generated. The shops have: a level and a trend; a weekly pattern, most closed on
Sundays; promotions on weekdays of every other week; school holidays, and state holidays on which
they are closed; a yearly pattern with a Christmas peak; closures for refurbishment; lasting level
shifts; a slowly wandering level, and noise whose variance grows with the mean (a gamma-Poisson
mixture, that is negative binomial); some series that seldom sell; some with a short history.

Pure: no clock and no files. The streams are NumPy's, and a new release may change them.
"""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd
from dateutil.easter import easter  # type: ignore[import-untyped]

from infra.sales_io.columns.layout import TOTAL

COLUMNS = (
    "store",
    "product",
    "date",
    "units",
    "open",
    "promo",
    "school_holiday",
    "state_holiday",
)
MAX_STORES, MAX_PRODUCTS, MAX_DAYS = 99_999, 99_999, 36_500
OF_STORE, OF_SERIES = 1, 2  # numbers that keep the random streams of stores and series apart
TYPICAL_UNITS = 5_500.0  # of a store's day, about the mean of the Rossmann stores
WEEKDAYS = np.array([1.18, 1.02, 0.97, 0.97, 1.03, 1.08, 0.75])  # Monday first
FIXED_HOLIDAYS = ((1, 1), (5, 1), (10, 3), (12, 25), (12, 26))
AFTER_EASTER = (-2, 1, 39, 50)  # Good Friday, Easter Monday, Ascension, Whit Monday
SUNDAY_OPENERS, REFURBISHED, SHIFTED = 0.03, 0.15, 0.2  # shares of stores
INTERMITTENT, SHORT = 0.05, 0.05  # shares of series
MEMORY, WANDER = 0.97, 0.02  # of the wandering level: a day's carry-over and its step

Floats = np.ndarray[Any, np.dtype[np.float64]]
Flags = np.ndarray[Any, np.dtype[np.bool_]]


@dataclass(frozen=True, slots=True)
class _Calendar:
    dates: np.ndarray[Any, np.dtype[np.datetime64]]
    weekday: np.ndarray[Any, Any]
    year_day: Floats
    state_holiday: Flags
    promo: Flags
    christmas: Floats
    short_day: Flags


def generate_sales(
    stores: int, products: int = 1, days: int = 730, *, until: dt.date, seed: int = 0
) -> pd.DataFrame:
    """Sales of `stores` times `products` series for `days` days, the last one `until`.

    One row for each series and day, by series: `store`, `product` (`total` when there is
    one), `date` (datetime64), `units` (whole, float), `open`, and the drivers `promo`,
    `school_holiday` and `state_holiday` (0 or 1, float). A series with a short history has
    fewer rows. ValueError names a count out of range.
    """
    parts = list(generate_by_store(stores, products, days, until=until, seed=seed))
    return pd.concat(parts, ignore_index=True)


def generate_by_store(
    stores: int, products: int = 1, days: int = 730, *, until: dt.date, seed: int = 0
) -> Iterator[pd.DataFrame]:
    """The frames of `generate_sales`, one store at a time."""
    for name, count, most in (
        ("stores", stores, MAX_STORES),
        ("products", products, MAX_PRODUCTS),
        ("days", days, MAX_DAYS),
    ):
        if not 1 <= count <= most:
            raise ValueError(f"{name}: {count:,}; from 1 to {most:,}")
    if seed < 0:
        raise ValueError(f"seed: {seed}; zero or more")
    calendar = _calendar(until, days)
    for store in range(1, stores + 1):
        yield _store(calendar, seed, store, products)


@lru_cache(maxsize=4)
def _calendar(until: dt.date, days: int) -> _Calendar:
    dates = np.arange(days) + (np.datetime64(until, "D") - days + 1)
    index = pd.DatetimeIndex(dates)
    weekday = index.dayofweek.to_numpy()
    years = range(index[0].year, index[-1].year + 1)
    holidays = [dt.date(year, *day) for year in years for day in FIXED_HOLIDAYS]
    holidays += [easter(year) + dt.timedelta(days=n) for year in years for n in AFTER_EASTER]
    week = (dates.astype(np.int64) + 3) // 7  # weeks since 1970, from Monday to Sunday
    before_christmas = np.where(index.month == 12, np.clip(index.day, 0, 24), 0) / 24
    return _Calendar(
        dates=dates,
        weekday=weekday,
        year_day=index.dayofyear.to_numpy().astype(np.float64),
        state_holiday=np.isin(dates, np.array(holidays, dtype="datetime64[D]")),
        promo=(week % 2 == 0) & (weekday < 5),
        christmas=np.where(index.day <= 24, before_christmas, 0.0),
        short_day=(index.month == 12) & np.isin(index.day, (24, 31)),
    )


def _store(calendar: _Calendar, seed: int, store: int, products: int) -> pd.DataFrame:
    random = np.random.default_rng((seed, OF_STORE, store))
    size = len(calendar.dates)
    on_sundays = random.random() < SUNDAY_OPENERS
    is_open = ~calendar.state_holiday & ((calendar.weekday != 6) | on_sundays)
    is_open &= ~_refurbishment(random, size)
    school = _school_holidays(calendar, region=store % 4)
    weekdays = WEEKDAYS * random.lognormal(0, 0.06, 7)
    mean = TYPICAL_UNITS * random.lognormal(0, 0.35) * weekdays[calendar.weekday]
    mean = mean * np.exp(random.normal(0.01, 0.03) * np.arange(size) / 365.25)
    mean = mean * _seasons(random, calendar)
    mean = mean * (1 + random.uniform(-0.05, 0.12) * school)
    mean = mean * _level_shift(random, size) * np.where(calendar.short_day, 0.6, 1.0)
    shares = np.ones(1) if products == 1 else random.lognormal(0, 1.0, products)
    shares = shares / shares.sum()
    parts = [
        _series(calendar, (seed, store, product), mean * shares[product], is_open)
        for product in range(products)
    ]
    names = [TOTAL] if products == 1 else [f"product-{n:05}" for n in range(1, products + 1)]
    lengths = [size - first for first, _ in parts]
    rows = np.concatenate([np.arange(first, size) for first, _ in parts])
    columns: dict[str, Any] = {
        "store": np.full(len(rows), f"store-{store:05}", dtype=object),
        "product": np.repeat(np.array(names, dtype=object), lengths),
        "date": calendar.dates[rows].astype("datetime64[ns]"),
        "units": np.concatenate([units for _, units in parts]),
        "open": is_open[rows],
        "promo": calendar.promo[rows].astype(np.float64),
        "school_holiday": school[rows].astype(np.float64),
        "state_holiday": calendar.state_holiday[rows].astype(np.float64),
    }
    return pd.DataFrame(columns)


def _series(
    calendar: _Calendar, of: tuple[int, int, int], mean: Floats, is_open: Flags
) -> tuple[int, Floats]:
    """The index of the series' first day, and its units from that day on."""
    seed, store, product = of
    random = np.random.default_rng((seed, OF_SERIES, store, product))
    size = len(mean)
    mean = mean * np.where(calendar.promo, random.uniform(1.1, 1.7), 1.0)
    mean = mean * np.exp(_wandering(random, size))
    if random.random() < INTERMITTENT:
        mean = mean / mean.mean() * random.uniform(0.3, 1.5)
        mean = mean * (random.random(size) < random.uniform(0.15, 0.5))
        dispersion = 2.0
    else:
        dispersion = random.uniform(40, 150)
    units = random.poisson(random.gamma(dispersion, mean / dispersion)).astype(np.float64)
    units[~is_open] = 0
    first = size - int(random.integers(14, 120)) if random.random() < SHORT else 0
    return max(first, 0), units[max(first, 0) :]


def _wandering(random: np.random.Generator, size: int) -> Floats:
    """The log of an autoregressive level: MEMORY times yesterday's, plus a random step."""
    kernel = MEMORY ** np.arange(min(size, 150))
    steps = random.normal(0, WANDER, size + len(kernel) - 1)
    return np.convolve(steps, kernel, mode="valid")


def _seasons(random: np.random.Generator, calendar: _Calendar) -> Floats:
    phase = 2 * np.pi * (calendar.year_day - random.uniform(150, 210)) / 365.25
    yearly = 1 + random.uniform(0.02, 0.1) * np.cos(phase)
    peak: Floats = yearly * (1 + random.uniform(0.3, 0.9) * calendar.christmas**2)
    return peak


def _refurbishment(random: np.random.Generator, size: int) -> Flags:
    closed = np.zeros(size, dtype=np.bool_)
    starts, lasts = int(random.integers(0, size)), int(random.integers(14, 90))
    if random.random() < REFURBISHED:
        closed[starts : starts + lasts] = True
    return closed


def _level_shift(random: np.random.Generator, size: int) -> Floats:
    level = np.ones(size)
    at, factor = int(random.integers(0, size)), random.uniform(0.7, 1.3)
    if random.random() < SHIFTED:
        level[at:] = factor
    return level


def _school_holidays(calendar: _Calendar, region: int) -> Flags:
    """Winter, spring, summer and autumn holidays, which start weeks apart by region."""
    day, weekday = calendar.year_day, calendar.weekday
    summer = 180 + 14 * region
    spans = ((0, 6), (92 + 3 * region, 106 + 3 * region), (summer, summer + 42), (356, 367))
    autumn = (283 + 5 * region, 297 + 5 * region)
    found = np.zeros(len(day), dtype=np.bool_)
    for first, last in (*spans, autumn):
        found |= (day >= first) & (day <= last)
    return found & (weekday < 5)
