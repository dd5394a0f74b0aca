"""One tick of a schedule, and no clock: `python -m infra.hosts.tick schedule`.

For a scheduler that is there already, such as a Kubernetes CronJob of the same cron expression.
It publishes the event of the schedule's last tick. That event's id derives from the tick, so a
second start, a late one, and a clock that ticks too, all cause one effect.
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
from infra.hosts.ticks import ticks
from infra.settings import Settings, load_settings

log = logging.getLogger("shelfcast")


class NoSuchSchedule(Exception):
    """There is no schedule of that name, or it is switched off."""


def event_of(name: str, settings: Settings, now: datetime) -> Event[Payload]:
    """The event of a schedule's last tick; NoSuchSchedule or BadSchedule."""
    known = {tick.name: tick for tick in ticks(settings)}
    if name not in known:
        raise NoSuchSchedule(
            f"{name}: there is no such schedule, or SHELFCAST_{name.upper()} is empty; there are "
            f"{', '.join(known) or 'none'}"
        )
    tick = known[name]
    return tick.event(last_tick(tick, now))


async def _publish(event: Event[Payload], settings: Settings) -> None:
    producer = KafkaProducer(settings.kafka)
    try:
        await Publisher(producer).publish([event])
    finally:
        await producer.close()


def main(arguments: Sequence[str]) -> None:
    """Publish; any error ends the process with 1, and who runs it tries again."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    if len(arguments) != 1:
        raise SystemExit("usage: python -m infra.hosts.tick schedule|forecast_schedule|…")
    settings = load_settings().of("clock")
    try:
        event = event_of(arguments[0], settings, utc_now())
    except (BadSchedule, NoSuchSchedule) as error:
        raise SystemExit(str(error)) from None
    asyncio.run(_publish(event, settings))
    log.info("published %s %s", event.data.TYPE, event.id)


if __name__ == "__main__":
    main(sys.argv[1:])
