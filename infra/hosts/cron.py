"""A clock for the scheduler function: publishes an event at every tick of each cron schedule.

The last handled tick of each schedule is stored. If ticks passed while no clock ran, only the
last one is published late; a new or changed schedule begins with its next tick.
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
from infra.hosts.schedules import Schedule
from infra.outages import is_outage

log = logging.getLogger(__name__)

MAX_SLEEP = 30.0  # seconds; a laptop that slept notices the tick soon after it wakes


class BadSchedule(ValueError):
    """A setting is not a cron expression."""


def next_tick(schedule: Schedule, after: datetime) -> datetime:
    """Return a schedule's first tick after a time, in UTC."""
    try:
        following: datetime = croniter(schedule.cron, after.astimezone(UTC)).get_next(datetime)
    except CroniterError as error:
        raise BadSchedule(
            f"SHELFCAST_{schedule.name.upper()}: {schedule.cron!r} is not a cron expression with a "
            f"tick ({error}); '0 4 * * 1' means Mondays at 04:00 UTC"
        ) from None
    return following


def first_due(schedule: Schedule, seen: SeenTick | None, now: datetime) -> datetime:
    """Return when a clock that starts now publishes first: in the past if a tick was missed."""
    following = next_tick(schedule, now)
    if seen is None or seen.schedule != schedule.cron:
        return following
    return min(following, next_tick(schedule, seen.at))


async def run_clock(
    schedules: Sequence[Schedule],
    publisher: Publisher,
    seen_ticks: Ticks,
    clock: Callable[[], datetime] = utc_now,
) -> None:
    """Publish at every tick until cancelled."""
    due = await _begin(schedules, seen_ticks, clock())
    while True:
        now = clock()
        for schedule in schedules:
            if due[schedule.name] <= now:
                due[schedule.name] = next_tick(schedule, now)
                await _publish(
                    schedule, _last_before(schedule, due[schedule.name]), publisher, seen_ticks
                )
        wait = (min(due.values()) - clock()).total_seconds()
        if wait > 0:
            await asyncio.sleep(min(wait, MAX_SLEEP))


async def _begin(
    schedules: Sequence[Schedule], seen_ticks: Ticks, now: datetime
) -> dict[str, datetime]:
    """Return when each schedule is due first; store the start of a new one."""
    seen = await _until_it_works(seen_ticks.ticks)
    for schedule in schedules:
        if (known := seen.get(schedule.name)) is None or known.schedule != schedule.cron:
            await _until_it_works(seen_ticks.save_tick, schedule.name, SeenTick(schedule.cron, now))
    return {
        schedule.name: first_due(schedule, seen.get(schedule.name), now) for schedule in schedules
    }


async def _publish(
    schedule: Schedule, at: datetime, publisher: Publisher, seen_ticks: Ticks
) -> None:
    """Publish a tick's event, then store the tick; in this order none is lost."""
    event = schedule.event(at)
    await _until_it_works(publisher.publish, [event])
    log.info("tick of %s at %s: event %s", schedule.cron, at, event.id)
    await _until_it_works(seen_ticks.save_tick, schedule.name, SeenTick(schedule.cron, at))


def _last_before(schedule: Schedule, after: datetime) -> datetime:
    last: datetime = croniter(schedule.cron, after).get_prev(datetime)
    return last


def last_tick(schedule: Schedule, now: datetime) -> datetime:
    """Return a schedule's last tick up to a time, in UTC; BadSchedule as in `next_tick`."""
    return _last_before(schedule, next_tick(schedule, now))


_until_it_works = stamina.AsyncRetryingCaller(attempts=None, timeout=None, wait_max=15.0).on(
    is_outage
)
