"""Read sold and planned days from Postgres by binary COPY into arrays.

Helpers take a connection and never commit. Where drivers of several series are read, the caller's
transaction must see one state of the database throughout (REPEATABLE READ): each
distinct set of drivers is fetched and parsed once, from one of the rows that have it. Reading
one series, for which a client may wait, takes one statement.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson

from functions.forecasting.series.calendar import Calendar
from functions.forecasting.series.panel import Dates, Floats, Panel
from functions.records import Series
from infra.postgres.queries import daily as queries
from infra.postgres.sold_drivers import Block, SoldDrivers, blocks_of, joined

BEGINNING = date(1900, 1, 1)
ALL = ""  # of the calendar's keys: every store, every product
# A row in binary COPY: a count of fields, then each field's length and value.
# https://www.postgresql.org/docs/current/sql-copy.html, "Binary Format"
FIELD = {"n": ">i8", "date": ">i4", "units": ">f8", "open": "i1", "said": ">i2", "drivers": ">i8"}
# Distinct sets of drivers that are held at a time: of 64 names each they are some 60 MB.
MAX_SETS = 10_000
COPY_HEADER, COPY_TRAILER = 19, 2  # bytes
POSTGRES_EPOCH = np.datetime64("2000-01-01", "D")

Ints = npt.NDArray[np.int64]
Rows = npt.NDArray[Any]  # structured: a field for each column


async def history(
    connection: Any, series: Sequence[Series], first: date | None, before: date, drivers: bool
) -> Panel:
    """The sold days with first <= date < before, with their drivers if asked for."""
    span = (first or BEGINNING, before)
    fields = ("n", "date", "units", "open")
    if drivers and len(series) == 1:
        rows, codes, found = await _of_one(connection, queries.HISTORY_OF_ONE, fields, series, span)
        offsets = _offsets(rows, 1)
        sold = joined([*blocks_of(codes, found, rows["open"].astype(bool), offsets)], offsets)
    elif drivers:
        rows, sold = await _with_drivers(connection, fields, series, span)
    else:
        rows = await _copied(connection, queries.HISTORY, fields, series, span)
        sold = SoldDrivers((), np.empty((len(rows), 0)))
    return Panel(
        keys=tuple(series),
        offsets=_offsets(rows, len(series)),
        dates=_dates(rows),
        units=rows["units"].astype(np.float64),
        is_open=rows["open"].astype(np.bool_),
        driver_names=sold.names,
        drivers=sold.values,
        own_names=sold.own_names,
        left_out=sold.left_out,
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
    fields, span = ("n", "date", "said"), (start, start + timedelta(days=days))
    if len(series) == 1:
        statement = queries.CALENDAR_OF_ONE
        rows, codes, found = await _of_one(connection, statement, fields, scopes, span)
        sets = _as_sets(codes, found)
    else:
        statements = (queries.CALENDAR, queries.DRIVERS_PLANNED)
        rows, sets = await _with_sets(connection, *statements, fields, scopes, span)
    at = (_number(rows), (_dates(rows) - np.datetime64(start, "D")).astype(np.int64))
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
    connection: Any,
    statement: str,
    fields: Sequence[str],
    series: Sequence[Series],
    span: tuple[date, date],
) -> Rows:
    """The statement's rows of the series and days as a structured array of these fields."""
    row = [("fields", ">i2")]
    for name in fields:
        row += [(f"{name}_length", ">i4"), (name, FIELD[name])]
    copied = bytearray()

    async def keep(part: bytes) -> None:  # asyncpg would write each part to a file in a thread
        copied.extend(part)

    await connection.copy_from_query(
        statement, *_unzipped(series), *span, output=keep, format="binary"
    )
    return np.frombuffer(memoryview(copied)[COPY_HEADER:-COPY_TRAILER], np.dtype(row))


async def _of_one(
    connection: Any,
    statement: str,
    fields: Sequence[str],
    scopes: Sequence[Series],
    span: tuple[date, date],
) -> tuple[Rows, Ints, list[dict[str, float]]]:
    """What concerns one series: its rows, which of the distinct sets of drivers each has, and these
    sets.
    """
    packed, sets = await connection.fetchrow(statement, *_unzipped(scopes), *span)
    row = [(name, FIELD[name]) for name in (*fields, "drivers")]
    rows = np.frombuffer(packed or b"", np.dtype(row))
    codes: Ints = rows["drivers"].astype(np.int64) - 1
    return rows, codes, [orjson.loads(text) for text in sets or ()]


def _number(rows: Rows) -> Ints:
    """Which of the series asked for each row is of, from 0 on."""
    number: Ints = rows["n"].astype(np.int64) - 1
    return number


def _offsets(rows: Rows, series: int) -> Ints:
    """Where the rows of each of the series begin, and where the last one's end."""
    counts = np.bincount(_number(rows), minlength=series)
    return np.concatenate(([0], np.cumsum(counts))).astype(np.int64)


def _dates(rows: Rows) -> Dates:
    dates: Dates = POSTGRES_EPOCH + rows["date"].astype("timedelta64[D]")
    return dates


@dataclass(frozen=True)
class _Sets:
    """The distinct sets of drivers of some rows: their values by name, and each row's set."""

    names: tuple[str, ...]
    values: Floats  # NaN where a set lacks a name; (sets, names)
    codes: Ints  # (rows,)


async def _with_drivers(
    connection: Any, fields: Sequence[str], series: Sequence[Series], span: tuple[date, date]
) -> tuple[Rows, SoldDrivers]:
    """Sold days and their drivers, of a run of series at a time; by the hashes that they need."""
    for hashes, sure in zip(queries.HISTORY_WITH_DRIVERS, (False, True), strict=True):
        rows = await _copied(connection, hashes, [*fields, "drivers"], series, span)
        blocks: list[Block] = []
        for part in _runs(rows, _offsets(rows, len(series))):
            codes, found = await _distinct(connection, queries.DRIVERS_SOLD, series, rows[part])
            if not sure and _confusable(found):
                break
            offsets = _offsets(rows[part], len(series))
            blocks += blocks_of(codes, found, rows["open"][part].astype(bool), offsets)
        else:
            break
    return rows, joined(blocks, _offsets(rows, len(series)))


def _runs(rows: Rows, offsets: Ints) -> Iterator[slice]:
    """The rows in runs of whole series with MAX_SETS distinct sets of drivers, or one series."""
    hashes = rows["drivers"].astype(np.int64)
    if len(np.unique(hashes)) <= MAX_SETS:
        yield slice(0, len(rows))
        return
    start, seen = 0, hashes[:0]
    for first, end in pairwise(offsets.tolist()):
        more = np.union1d(seen, hashes[first:end])
        if len(more) > MAX_SETS and first > start:
            yield slice(start, first)
            start, more = first, np.unique(hashes[first:end])
        seen = more
    yield slice(start, len(rows))


async def _with_sets(
    connection: Any,
    statements: Sequence[str],
    of_days: str,
    fields: Sequence[str],
    series: Sequence[Series],
    span: tuple[date, date],
) -> tuple[Rows, _Sets]:
    """Rows and their drivers, by the quick hash, or by the sure one if they have many names."""
    quick, sure = statements
    rows = await _copied(connection, quick, [*fields, "drivers"], series, span)
    codes, found = await _distinct(connection, of_days, series, rows)
    if _confusable(found):
        rows = await _copied(connection, sure, [*fields, "drivers"], series, span)
        codes, found = await _distinct(connection, of_days, series, rows)
    return rows, _as_sets(codes, found)


def _as_sets(codes: Ints, found: Sequence[Mapping[str, float]]) -> _Sets:
    names = tuple(sorted({name for one in found for name in one}))
    values = [[one.get(name, np.nan) for name in names] for one in found]
    shape = (len(found), len(names))
    return _Sets(names, np.array(values, np.float64).reshape(shape), codes)


def _confusable(found: Sequence[Mapping[str, float]]) -> bool:
    """Whether the quick hash may have confused any of these sets with another. What it confuses
    has equally many names, so any of the sets tells.
    """
    return any(len(one) > queries.QUICK_NAMES for one in found)


async def _distinct(
    connection: Any, statement: str, series: Sequence[Series], rows: Rows
) -> tuple[Ints, list[dict[str, float]]]:
    """Which of the distinct sets of drivers each row has, and these sets."""
    # Not pandas.factorize: what pandas takes to import is a third of a process's start.
    hashes, codes = np.unique(rows["drivers"].astype(np.int64), return_inverse=True)
    having = np.empty(len(hashes), np.int64)
    having[codes] = np.arange(len(codes))  # of the rows that have a set, the last
    stores, products = _unzipped([series[i] for i in _number(rows[having])])
    days = _dates(rows[having]).tolist()
    fetched = await connection.fetch(statement, stores, products, days)
    return codes, [orjson.loads(text) for (text,) in fetched]
