"""Replays old sales as if a shop sold now: the history at once, then the last days one by one.

Dates move by whole weeks, so weekdays stay: the last day of the sales becomes the latest day of
the same weekday that is not after the day asked for. The days that are played one by one are the
last ones, since a sale can't be in the future.
"""

import asyncio
import datetime as dt
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from typing import Literal

import pandas as pd

from events.clock import utc_now
from events.log import Producer
from infra.errors import BadInput
from infra.kafka.broker import PATIENCE, send_patiently
from infra.sales_io.publishing.event_records import encode_sales
from infra.sales_io.publishing.sending import SOURCE
from infra.sales_io.tables.source import CHUNK_ROWS

Step = Literal["day", "row"]
PLAY_DAYS = 14


@dataclass(frozen=True, slots=True)
class Plan:
    """The sales to publish at once and those to play after it, with moved dates."""

    weeks: int
    backfill: pd.DataFrame
    played: pd.DataFrame


@dataclass(frozen=True, slots=True)
class Played:
    """One step that was played."""

    day: dt.date
    rows: int


def plan_replay(
    sales: pd.DataFrame,
    rebase_to: dt.date,
    *,
    play_days: int = PLAY_DAYS,
    backfill_days: int | None = None,
) -> Plan:
    """Move the sales to end on `rebase_to` or up to six days before, and divide them.

    The last `play_days` calendar days are to be played, the `backfill_days` before them (None: all)
    to be published at once; earlier sales are left out.
    """
    if not len(sales):
        raise BadInput("the file has no usable row to replay")
    last = sales["date"].max().date()
    weeks = (rebase_to - last).days // 7
    moved = sales.assign(date=sales["date"] + pd.Timedelta(weeks=weeks))
    moved = moved.sort_values("date", kind="stable", ignore_index=True)
    first_played = moved["date"].max() - pd.Timedelta(days=play_days - 1)
    is_played = moved["date"] >= first_played
    backfill = moved[~is_played]
    if backfill_days is not None:
        backfill = backfill[backfill["date"] >= first_played - pd.Timedelta(days=backfill_days)]
    return Plan(weeks, backfill, moved[is_played])


def steps_of(played: pd.DataFrame, step: Step) -> Iterator[pd.DataFrame]:
    """The played sales, a day or a row at a time, oldest first."""
    if step == "day":
        for _, rows in played.groupby("date", sort=True):
            yield rows
    else:
        for at in range(len(played)):
            yield played.iloc[at : at + 1]


async def publish_frame(
    sales: pd.DataFrame,
    producer: Producer,
    *,
    address: str = "the broker",
    recorded_at: dt.datetime,
    patience: float = PATIENCE,
    progress: Callable[[int], None] | None = None,
    stop: asyncio.Event | None = None,
    source: str = SOURCE,
) -> int:
    """Publish the rows of a sales frame until `stop` is set; return how many were published."""
    for at in range(0, len(sales), CHUNK_ROWS):
        if stop is not None and stop.is_set():
            return at
        records = encode_sales(sales.iloc[at : at + CHUNK_ROWS], source, recorded_at)
        await send_patiently(producer, records, address, patience)
        if progress is not None:
            progress(at + len(records))
    return len(sales)


async def play(
    played: pd.DataFrame,
    producer: Producer,
    *,
    step: Step = "day",
    every: float,
    stop: asyncio.Event,
    address: str = "the broker",
    patience: float = PATIENCE,
    clock: Callable[[], dt.datetime] = utc_now,
) -> AsyncIterator[Played]:
    """Publish one step every `every` seconds, recorded as of its sending, until `stop` is set."""
    for number, rows in enumerate(steps_of(played, step)):
        if await _stopped(stop, every if number else 0):
            return
        await publish_frame(rows, producer, address=address, recorded_at=clock(), patience=patience)
        yield Played(rows["date"].iloc[0].date(), len(rows))


async def _stopped(stop: asyncio.Event, seconds: float) -> bool:
    """Whether `stop` was set before the seconds were over."""
    if stop.is_set():
        return True
    try:
        async with asyncio.timeout(seconds):
            await stop.wait()
    except TimeoutError:
        return False
    return True
