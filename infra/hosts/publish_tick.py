"""Publish the last tick of one schedule: `python -m infra.hosts.publish_tick schedule`.

For an external scheduler, for example a Kubernetes CronJob with the same cron expression. The
id of the event derives from the tick, so a second start, a late start and a running clock cause
one effect.
"""

import asyncio
import logging
import sys
from collections.abc import Sequence
from datetime import datetime

from events.clock import utc_now
from events.envelope import Event
from events.kafka import KafkaProducer
from events.payloads import Payload
from events.publisher import Publisher
from infra.hosts.cron import BadSchedule, last_tick
from infra.hosts.schedules import schedules
from infra.settings import Settings, load_settings

log = logging.getLogger("shelfcast")


class NoSuchSchedule(Exception):
    """The schedule does not exist or is switched off."""


def event_of(name: str, settings: Settings, now: datetime) -> Event[Payload]:
    """Make the event of a schedule's last tick. Raises NoSuchSchedule or BadSchedule."""
    known = {each.name: each for each in schedules(settings)}
    if name not in known:
        raise NoSuchSchedule(
            f"{name}: there is no such schedule, or SHELFCAST_{name.upper()} is empty; there are "
            f"{', '.join(known) or 'none'}"
        )
    schedule = known[name]
    return schedule.event(last_tick(schedule, now))


async def _publish(event: Event[Payload], settings: Settings) -> None:
    producer = KafkaProducer(settings.kafka)
    try:
        await Publisher(producer).publish([event])
    finally:
        await producer.close()


def main(arguments: Sequence[str]) -> None:
    """Publish the event; any error ends the process with 1, so that the caller retries."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    if len(arguments) != 1:
        raise SystemExit("usage: python -m infra.hosts.publish_tick schedule|forecast_schedule|…")
    settings = load_settings().of("clock")
    try:
        event = event_of(arguments[0], settings, utc_now())
    except (BadSchedule, NoSuchSchedule) as error:
        raise SystemExit(str(error)) from None
    asyncio.run(_publish(event, settings))
    log.info("published %s %s", event.data.TYPE, event.id)


if __name__ == "__main__":
    main(sys.argv[1:])
