import asyncio
import datetime as dt

import pandas as pd
import pytest

from events.cloudevents import decode
from events.memory import MemoryLog
from infra.errors import BadInput
from infra.sales_io.generator import generate_sales
from infra.sales_io.publishing.replay import plan_replay, play, publish_frame

LAST = dt.date(2015, 7, 31)  # a Friday
AT = dt.datetime(2026, 11, 24, 6, 0, tzinfo=dt.UTC)


@pytest.fixture
def sales() -> pd.DataFrame:
    frame = generate_sales(3, 1, 60, until=LAST)
    return frame[frame["store"] != "store-00099"]


@pytest.mark.parametrize("rebase_to", [dt.date(2026, 11, 19) + dt.timedelta(n) for n in range(9)])
def test_weekdays_keep_and_the_file_ends_by_the_day_asked_for(
    sales: pd.DataFrame, rebase_to: dt.date
) -> None:
    plan = plan_replay(sales, rebase_to)
    last = plan.played["date"].max()
    assert last.dayofweek == LAST.weekday()
    assert 0 <= (rebase_to - last.date()).days < 7


def test_a_file_is_moved_back_as_well(sales: pd.DataFrame) -> None:
    assert plan_replay(sales, dt.date(2015, 7, 30)).weeks == -1


def test_the_last_days_are_played_and_those_before_published_at_once(sales: pd.DataFrame) -> None:
    plan = plan_replay(sales, LAST, play_days=5, backfill_days=10)
    assert plan.played["date"].min() == pd.Timestamp(2015, 7, 27)
    assert plan.backfill["date"].min() == pd.Timestamp(2015, 7, 17)
    assert plan.backfill["date"].max() == pd.Timestamp(2015, 7, 26)
    assert len(plan_replay(sales, LAST, backfill_days=0).backfill) == 0


def test_a_file_without_a_good_row_is_refused(sales: pd.DataFrame) -> None:
    with pytest.raises(BadInput, match="no usable row"):
        plan_replay(sales[:0], LAST)


@pytest.mark.parametrize(("step", "steps"), [("day", 3), ("row", 9)])
async def test_steps_are_played_in_order_of_the_days(sales: pd.DataFrame, step, steps) -> None:
    log = MemoryLog()
    played = plan_replay(sales, LAST, play_days=3).played
    stop = asyncio.Event()
    done = [
        one
        async for one in play(
            played, log.producer(), step=step, every=0, stop=stop, clock=lambda: AT
        )
    ]
    assert len(done) == steps
    assert [one.day for one in done] == sorted(one.day for one in done)
    assert len(log.records("sales")) == len(played)
    assert {decode(r.value, r.headers).time for r in log.records("sales")} == {AT}


async def test_playing_stops_when_told_to(sales: pd.DataFrame) -> None:
    log, stop = MemoryLog(), asyncio.Event()
    played = plan_replay(sales, LAST, play_days=3).played
    done = []
    async for one in play(played, log.producer(), every=3600, stop=stop):
        done.append(one)
        stop.set()
    assert len(done) == 1
    assert await publish_frame(played, log.producer(), recorded_at=AT, stop=stop) == 0
