import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone

import pytest
import stamina

from events.envelope import Event
from events.memory import MemoryLog
from events.payloads import Payload
from events.publisher import Publisher
from infra.hosts.cron import BadSchedule, next_tick, run_clock

MONDAY = datetime(2015, 8, 3, 4, tzinfo=UTC)
WEEKLY = "0 4 * * 1"


@pytest.mark.parametrize(
    ("schedule", "after", "tick"),
    [
        (WEEKLY, MONDAY - timedelta(seconds=1), MONDAY),
        (WEEKLY, MONDAY, MONDAY + timedelta(days=7)),
        ("*/15 * * * *", MONDAY + timedelta(minutes=1), MONDAY + timedelta(minutes=15)),
        ("@hourly", MONDAY, MONDAY + timedelta(hours=1)),
        ("0 0 29 2 *", MONDAY, datetime(2016, 2, 29, tzinfo=UTC)),
    ],
)
def test_the_next_tick_is_the_first_after_a_time(schedule, after, tick):
    assert next_tick(schedule, after) == tick


def test_a_tick_has_its_zone():
    assert next_tick(WEEKLY, MONDAY).utcoffset() == timedelta(0)


@pytest.mark.parametrize(
    "schedule", ["", "weekly", "* *", "99 * * * *", "x * * * *", "0 0 30 2 *", "@never"]
)
def test_a_schedule_without_a_tick_is_told_by_its_setting_with_an_example(schedule):
    with pytest.raises(BadSchedule, match="SHELFCAST_SCHEDULE") as raised:
        next_tick(schedule, MONDAY)
    assert repr(schedule) in str(raised.value)
    assert "0 4 * * 1" in str(raised.value)


class Steps:
    """A clock that tells given times one after another, then stays at the last."""

    def __init__(self, *times: datetime) -> None:
        self._times = list(times)

    def __call__(self) -> datetime:
        return self._times.pop(0) if len(self._times) > 1 else self._times[0]


class Flaky(Publisher):
    """Fails so many times, then publishes and tells."""

    def __init__(self, log: MemoryLog, failures: int = 0) -> None:
        super().__init__(log.producer())
        self._failures = failures
        self.published = asyncio.Event()

    async def publish(self, events: Sequence[Event[Payload]]) -> None:
        if self._failures:
            self._failures -= 1
            raise ConnectionError("broker away")
        await super().publish(events)
        self.published.set()


async def ids_of_one_tick(clock: Steps, failures: int = 0) -> list[bytes]:
    log = MemoryLog()
    publisher = Flaky(log, failures)
    running = asyncio.create_task(run_clock(WEEKLY, publisher, clock))
    await publisher.published.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    return [dict(record.headers)["ce_id"] for record in log.records("retrain-requests")]


async def test_the_clock_asks_at_the_tick_and_two_clocks_ask_for_one_run():
    before, after = MONDAY - timedelta(milliseconds=2), MONDAY + timedelta(milliseconds=1)
    first = await ids_of_one_tick(Steps(before, before, after))
    second = await ids_of_one_tick(Steps(before - timedelta(days=1), after))
    assert first == second
    assert len(first) == 1


async def test_an_outage_delays_the_request_and_loses_it_not():
    before = MONDAY - timedelta(milliseconds=1)
    with stamina.set_testing(True, attempts=5):  # without the waits
        assert len(await ids_of_one_tick(Steps(before, MONDAY), failures=3)) == 1


async def test_ticks_that_were_slept_through_are_one_request():
    before = MONDAY - timedelta(days=1)
    assert len(await ids_of_one_tick(Steps(before, MONDAY + timedelta(days=100)))) == 1


def test_a_schedule_is_read_in_utc_whatever_the_zone_of_the_time():
    berlin = timezone(timedelta(hours=2))
    after = (MONDAY - timedelta(minutes=30)).astimezone(berlin)
    assert next_tick(WEEKLY, after) == MONDAY
