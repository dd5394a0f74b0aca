"""A clock for the scheduler function: publishes an event at every tick of each cron schedule.

Up to when a schedule's ticks are seen to is stored. Of the ticks that passed while no clock ran
the last one is made up for; a schedule that is new, or has changed, begins with its next tick.
Two clocks on one schedule cause one effect, since the event's id derives from the tick.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import stamina
from croniter import CroniterError, croniter

from events.clock import utc_now
from events.publisher import Publisher
from functions.ports import Ticks
from functions.records import SeenTick
from infra.hosts.ticks import Tick
from infra.outages import is_outage

log = logging.getLogger(__name__)

MAX_SLEEP = 30.0  # seconds; a laptop that slept notices the tick soon after it wakes


class BadSchedule(ValueError):
    """A setting is not a cron expression."""


def next_tick(tick: Tick, after: datetime) -> datetime:
    """The first time of a schedule after one, in UTC."""
    try:
        following: datetime = croniter(tick.schedule, after.astimezone(UTC)).get_next(datetime)
    except CroniterError as error:
        raise BadSchedule(
            f"SHELFCAST_{tick.name.upper()}: {tick.schedule!r} is not a cron expression with a "
            f"tick ({error}); '0 4 * * 1' means Mondays at 04:00 UTC"
        ) from None
    return following


def first_due(tick: Tick, seen: SeenTick | None, now: datetime) -> datetime:
    """When a clock that starts now is to publish first: in the past, if a tick was missed."""
    following = next_tick(tick, now)
    if seen is None or seen.schedule != tick.schedule:
        return following
    return min(following, next_tick(tick, seen.at))


async def run_clock(
    schedules: Sequence[Tick],
    publisher: Publisher,
    seen_ticks: Ticks,
    clock: Callable[[], datetime] = utc_now,
) -> None:
    """Publish at every tick until cancelled."""
    due = await _begin(schedules, seen_ticks, clock())
    while True:
        now = clock()
        for tick in schedules:
            if due[tick.name] <= now:
                due[tick.name] = next_tick(tick, now)
                await _publish(tick, _last_before(tick, due[tick.name]), publisher, seen_ticks)
        wait = (min(due.values()) - clock()).total_seconds()
        if wait > 0:
            await asyncio.sleep(min(wait, MAX_SLEEP))


async def _begin(
    schedules: Sequence[Tick], seen_ticks: Ticks, now: datetime
) -> dict[str, datetime]:
    """When each schedule is due first; that a new one begins now is stored."""
    seen = await _until_it_works(seen_ticks.ticks)
    for tick in schedules:
        if (known := seen.get(tick.name)) is None or known.schedule != tick.schedule:
            await _until_it_works(seen_ticks.save_tick, tick.name, SeenTick(tick.schedule, now))
    return {tick.name: first_due(tick, seen.get(tick.name), now) for tick in schedules}


async def _publish(tick: Tick, at: datetime, publisher: Publisher, seen_ticks: Ticks) -> None:
    """The event of a tick, and then, so that it can't get lost, that it is seen to."""
    event = tick.event(at)
    await _until_it_works(publisher.publish, [event])
    log.info("tick of %s at %s: event %s", tick.schedule, at, event.id)
    await _until_it_works(seen_ticks.save_tick, tick.name, SeenTick(tick.schedule, at))


def _last_before(tick: Tick, after: datetime) -> datetime:
    last: datetime = croniter(tick.schedule, after).get_prev(datetime)
    return last


def last_tick(tick: Tick, now: datetime) -> datetime:
    """The last time of a schedule that is not after one, in UTC; BadSchedule as `next_tick`."""
    return _last_before(tick, next_tick(tick, now))


_until_it_works = stamina.AsyncRetryingCaller(attempts=None, timeout=None, wait_max=15.0).on(
    is_outage
)
