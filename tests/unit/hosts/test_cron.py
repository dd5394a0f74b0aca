import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone

import pytest
import stamina

from events.cloudevents import decode
from events.envelope import Event
from events.memory import MemoryLog
from events.payloads import ForecastRequested, Payload, PruneRequested, RetrainRequested
from events.publisher import Publisher
from functions.records import SeenTick
from infra.hosts.cron import BadSchedule, next_tick, run_clock
from infra.hosts.schedules import Schedule, schedules
from infra.memory.storage import MemoryStorage
from infra.settings import Settings

MONDAY = datetime(2015, 8, 3, 4, tzinfo=UTC)
WEEKLY = "0 4 * * 1"
SETTINGS = Settings(_env_file=None, schedule=WEEKLY)
RETRAIN, ROLL_FORWARD, PRUNE = schedules(SETTINGS)


def scheduled(cron: str, name: str = "schedule") -> Schedule:
    return Schedule(name, cron, RETRAIN.event)


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
    assert next_tick(scheduled(schedule), after) == tick


def test_a_tick_has_its_zone():
    assert next_tick(RETRAIN, MONDAY).utcoffset() == timedelta(0)


@pytest.mark.parametrize(
    "schedule", ["", "weekly", "* *", "99 * * * *", "x * * * *", "0 0 30 2 *", "@never"]
)
def test_a_schedule_without_a_tick_is_told_by_its_setting_with_an_example(schedule):
    with pytest.raises(BadSchedule, match="SHELFCAST_SCHEDULE:") as raised:
        next_tick(scheduled(schedule), MONDAY)
    assert repr(schedule) in str(raised.value)
    assert "0 4 * * 1" in str(raised.value)
    with pytest.raises(BadSchedule, match="SHELFCAST_PRUNE_SCHEDULE:"):
        next_tick(scheduled(schedule, "prune_schedule"), MONDAY)


def test_every_schedule_is_a_setting_and_an_empty_one_is_turned_off():
    assert [(each.name, each.cron) for each in schedules(SETTINGS)] == [
        ("schedule", WEEKLY),
        ("forecast_schedule", "0 5 * * *"),
        ("prune_schedule", "0 3 * * *"),
    ]
    assert isinstance(ROLL_FORWARD.event(MONDAY).data, ForecastRequested)
    assert (
        schedules(Settings(_env_file=None, schedule="", forecast_schedule="", prune_schedule=""))
        == ()
    )


class Steps:
    """A clock that tells given times one after another, then stays at the last."""

    def __init__(self, *times: datetime) -> None:
        self._times = list(times)

    def __call__(self) -> datetime:
        return self._times.pop(0) if len(self._times) > 1 else self._times[0]


class Flaky(Publisher):
    """Fails so many times, then publishes, and tells once so many events are out."""

    def __init__(self, log: MemoryLog, failures: int = 0, events: int = 1) -> None:
        super().__init__(log.producer())
        self._failures, self._left = failures, events
        self.published = asyncio.Event()

    async def publish(self, events: Sequence[Event[Payload]]) -> None:
        if self._failures:
            self._failures -= 1
            raise ConnectionError("broker away")
        await super().publish(events)
        self._left -= len(events)
        if not self._left:
            self.published.set()


class TickStorage(MemoryStorage):
    """Has seen ticks, and is away so many times before it tells."""

    def __init__(self, failures: int = 0, **seen: SeenTick) -> None:
        super().__init__()
        self.seen_ticks |= seen
        self._failures = failures

    async def ticks(self) -> dict[str, SeenTick]:
        if self._failures:
            self._failures -= 1
            raise ConnectionRefusedError("database away")
        return await super().ticks()


async def events_of(
    clock: Steps,
    *schedules: Schedule,
    failures: int = 0,
    count: int = 1,
    storage: MemoryStorage | None = None,
) -> list[Event[Payload]]:
    """What a clock publishes until so many events are out and it has nothing more to do."""
    log = MemoryLog()
    publisher = Flaky(log, failures, count)
    schedules = schedules or (RETRAIN,)
    running = asyncio.create_task(
        run_clock(schedules, publisher, storage or MemoryStorage(), clock)
    )
    if count:
        await publisher.published.wait()
    for _ in range(20):  # turns of the loop: it sleeps until the next tick by then
        await asyncio.sleep(0)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    topics = ("retrain-requests", "maintenance-requests")
    return [decode(r.value, r.headers) for topic in topics for r in log.records(topic)]


async def ids_of_one_tick(clock: Steps, failures: int = 0) -> list[str]:
    return [event.id for event in await events_of(clock, failures=failures)]


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
        away = TickStorage(failures=3)
        assert len(await events_of(Steps(before, MONDAY), storage=away)) == 1


async def test_ticks_that_were_slept_through_are_one_request_as_of_the_last():
    before = MONDAY - timedelta(days=1)
    [event] = await events_of(Steps(before, MONDAY + timedelta(days=100)))
    assert event == RETRAIN.event(MONDAY + timedelta(weeks=14))


async def test_each_schedule_has_its_own_ticks():
    before = MONDAY - timedelta(hours=2)
    retrain, prune = await events_of(Steps(before, MONDAY), RETRAIN, PRUNE, count=2)
    assert isinstance(retrain.data, RetrainRequested)
    assert isinstance(prune.data, PruneRequested)
    assert (retrain.time, prune.time) == (MONDAY, MONDAY - timedelta(hours=1))
    assert prune.data.reason == "schedule 0 3 * * * at 2015-08-03 03:00 UTC"


async def test_a_tick_that_passed_while_no_clock_ran_is_made_up_for_once():
    storage = MemoryStorage()
    storage.seen_ticks["schedule"] = SeenTick(WEEKLY, MONDAY - timedelta(weeks=3))
    late = Steps(MONDAY + timedelta(hours=1))
    assert await events_of(late, storage=storage) == [RETRAIN.event(MONDAY)]
    assert storage.seen_ticks == {"schedule": SeenTick(WEEKLY, MONDAY)}
    assert await events_of(late, storage=storage, count=0) == []


async def test_a_fresh_system_and_a_new_schedule_fire_no_tick_of_the_past():
    for seen in ({}, {"schedule": SeenTick("0 4 * * 2", MONDAY - timedelta(weeks=3))}):
        storage = TickStorage(**seen)
        late = MONDAY + timedelta(hours=1)
        assert await events_of(Steps(late), storage=storage, count=0) == []
        assert storage.seen_ticks == {"schedule": SeenTick(WEEKLY, late)}
        after = MONDAY + timedelta(weeks=1, hours=5)
        missed = await events_of(Steps(after), storage=storage)
        assert missed == [RETRAIN.event(MONDAY + timedelta(weeks=1))], "of what it has seen begin"


async def test_a_tick_that_was_published_and_not_stored_is_the_same_when_it_comes_again():
    ids = set()
    for _ in range(2):
        storage = TickStorage(schedule=SeenTick(WEEKLY, MONDAY - timedelta(weeks=1)))
        [event] = await events_of(Steps(MONDAY + timedelta(hours=1)), storage=storage)
        ids.add(event.id)
    assert len(ids) == 1


async def test_a_clock_that_was_ahead_misses_no_tick_afterwards():
    storage = TickStorage(schedule=SeenTick(WEEKLY, MONDAY + timedelta(days=3650)))
    before = MONDAY - timedelta(milliseconds=1)
    assert await events_of(Steps(before, MONDAY), storage=storage) == [RETRAIN.event(MONDAY)]


def test_a_schedule_is_read_in_utc_whatever_the_zone_of_the_time():
    berlin = timezone(timedelta(hours=2))
    after = (MONDAY - timedelta(minutes=30)).astimezone(berlin)
    assert next_tick(RETRAIN, after) == MONDAY
