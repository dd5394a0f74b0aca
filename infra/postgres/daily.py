"""Days out of Postgres, sold and planned, as a binary COPY straight into arrays.

Helpers take a connection and never commit. Where drivers are read, the caller's transaction
must see one state of the database throughout (REPEATABLE READ): of its rows each distinct set
of drivers is fetched and parsed once, from one of the rows that have it.
"""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson
import pandas as pd

from functions.forecasting.calendar import Calendar
from functions.forecasting.panel import Dates, Floats, Panel
from functions.storage import Series
from infra.postgres import queries

BEGINNING = date(1900, 1, 1)
ALL = ""  # of the calendar's keys: every store, every product
# A row in binary COPY: a count of fields, then each field's length and value.
# https://www.postgresql.org/docs/current/sql-copy.html, "Binary Format"
FIELD = {"n": ">i8", "date": ">i4", "units": ">f8", "open": "i1", "said": ">i2", "drivers": ">i8"}
COPY_HEADER, COPY_TRAILER = 19, 2  # bytes
POSTGRES_EPOCH = np.datetime64("2000-01-01", "D")

Ints = npt.NDArray[np.int64]


async def history(
    connection: Any, series: Sequence[Series], first: date | None, before: date, drivers: bool
) -> Panel:
    """The sold days with first <= date < before, with their drivers if asked for."""
    statement = queries.HISTORY_WITH_DRIVERS if drivers else queries.HISTORY
    fields = ("n", "date", "units", "open", *(["drivers"] if drivers else []))
    rows = await _copied(
        connection, statement, fields, *_unzipped(series), first or BEGINNING, before
    )
    number, dates = rows["n"].astype(np.int64) - 1, _dates(rows)
    names: tuple[str, ...] = ()
    values = np.empty((len(rows), 0))
    if drivers:
        sets = await _sets(connection, queries.DRIVERS_SOLD, series, number, dates, rows["drivers"])
        names, values = sets.names, sets.values.take(sets.codes, axis=0)
    counts = np.bincount(number, minlength=len(series))
    return Panel(
        keys=tuple(series),
        offsets=np.concatenate(([0], np.cumsum(counts))).astype(np.int64),
        dates=dates,
        units=rows["units"].astype(np.float64),
        is_open=rows["open"].astype(np.bool_),
        driver_names=names,
        drivers=values,
    )


async def calendar(connection: Any, series: Sequence[Series], start: date, days: int) -> Calendar:
    """What is planned of so many days from `start` on, the more specific plan going first."""
    # From the general to the specific: whose plans apply to each series.
    levels = [
        [(ALL, ALL) for _ in series],
        [(ALL, product) for _, product in series],
        [(store, ALL) for store, _ in series],
        list(series),
    ]
    scopes = list(dict.fromkeys(scope for level in levels for scope in level))
    rows = await _copied(
        connection,
        queries.CALENDAR,
        ("n", "date", "said", "drivers"),
        *_unzipped(scopes),
        start,
        start + timedelta(days=days),
    )
    number, dates = rows["n"].astype(np.int64) - 1, _dates(rows)
    sets = await _sets(connection, queries.DRIVERS_PLANNED, scopes, number, dates, rows["drivers"])
    at = (number, (dates - np.datetime64(start, "D")).astype(np.int64))
    said = np.full((len(scopes), days), -1, np.int8)
    said[at] = rows["said"]
    nothing = len(sets.values)  # the set of a day without a plan
    which = np.full((len(scopes), days), nothing)
    which[at] = sets.codes
    values = np.vstack([sets.values, np.full((1, len(sets.names)), np.nan)])

    is_open = np.full((len(series), days), -1, np.int8)
    drivers = np.full((len(series), days, len(sets.names)), np.nan)
    place = {scope: at for at, scope in enumerate(scopes)}
    for level in levels:
        scope_of_series = np.array([place[scope] for scope in level], np.int64)
        opened, planned = said[scope_of_series], values[which[scope_of_series]]
        np.copyto(is_open, opened, where=opened >= 0)
        np.copyto(drivers, planned, where=~np.isnan(planned))
    return Calendar(start, is_open, sets.names, drivers)


def _unzipped(series: Sequence[Series]) -> tuple[list[str], list[str]]:
    """Stores and products, also of no series."""
    return [store for store, _ in series], [product for _, product in series]


async def _copied(
    connection: Any, statement: str, fields: Sequence[str], *arguments: Any
) -> npt.NDArray[Any]:
    """The statement's rows as a structured array; none of its fields may be NULL."""
    row = [("fields", ">i2")]
    for name in fields:
        row += [(f"{name}_length", ">i4"), (name, FIELD[name])]
    copied = io.BytesIO()
    await connection.copy_from_query(statement, *arguments, output=copied, format="binary")
    return np.frombuffer(copied.getbuffer()[COPY_HEADER:-COPY_TRAILER], np.dtype(row))


def _dates(rows: npt.NDArray[Any]) -> Dates:
    dates: Dates = POSTGRES_EPOCH + rows["date"].astype("timedelta64[D]")
    return dates


@dataclass(frozen=True)
class _Sets:
    """The distinct sets of drivers of some rows: their values by name, and each row's set."""

    names: tuple[str, ...]
    values: Floats  # NaN where a set lacks a name; (sets, names)
    codes: Ints  # (rows,)


async def _sets(
    connection: Any,
    statement: str,
    series: Sequence[Series],
    number: Ints,
    dates: Dates,
    hashes: npt.NDArray[Any],
) -> _Sets:
    """The sets behind the hashes of rows that are days of series by number."""
    codes, distinct = pd.factorize(hashes.astype(np.int64))
    rows = np.empty(len(distinct), np.int64)
    rows[codes] = np.arange(len(codes))  # of each set's rows the last
    stores, products = _unzipped([series[i] for i in number[rows]])
    found = await connection.fetch(statement, stores, products, dates[rows].tolist())
    sets = [orjson.loads(text) for (text,) in found]
    names = tuple(sorted({name for one in sets for name in one}))
    values = [[one.get(name, np.nan) for name in names] for one in sets]
    return _Sets(names, np.array(values, np.float64).reshape(len(sets), len(names)), codes)
