"""A clock for the scheduler function: publishes its event at every tick of a cron schedule.

A tick that passed while no clock ran is not made up for: the next one retrains everything
anyway. Two clocks on one schedule cause one run, since the event's id derives from the tick.
"""

import asyncio
import logging
from collections.abc import Callable
from datetime import UTC, datetime

import stamina
from croniter import CroniterError, croniter

from events.clock import utc_now
from events.payloads import DEFAULT_STRATEGY
from events.publisher import Publisher
from functions.scheduler import tick
from infra.outages import is_outage

log = logging.getLogger(__name__)

LONGEST_SLEEP = 30.0  # seconds; a laptop that slept notices the tick soon after it wakes


class BadSchedule(ValueError):
    """SHELFCAST_SCHEDULE is no cron expression."""


def next_tick(schedule: str, after: datetime) -> datetime:
    """The first tick after a time, in UTC."""
    try:
        following: datetime = croniter(schedule, after.astimezone(UTC)).get_next(datetime)
    except CroniterError as error:
        raise BadSchedule(
            f"SHELFCAST_SCHEDULE: {schedule!r} is no cron expression with a tick ({error}); "
            "'0 4 * * 1' means Mondays at 04:00 UTC"
        ) from None
    return following


async def run_clock(
    schedule: str, publisher: Publisher, clock: Callable[[], datetime] = utc_now
) -> None:
    """Publish at every tick until cancelled."""
    due = next_tick(schedule, clock())
    while True:
        wait = (due - clock()).total_seconds()
        if wait > 0:
            await asyncio.sleep(min(wait, LONGEST_SLEEP))
            continue
        event = tick(schedule, due, DEFAULT_STRATEGY)
        async for attempt in stamina.retry_context(
            on=is_outage, attempts=None, timeout=None, wait_max=15.0
        ):
            with attempt:
                await publisher.publish([event])
        log.info("tick of %s at %s: run %s", schedule, due, event.id)
        due = next_tick(schedule, max(due, clock()))
