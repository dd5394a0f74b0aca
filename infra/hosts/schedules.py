"""The schedules that the settings define, and the event of each of their ticks."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from events.envelope import Event
from events.payloads import DEFAULT_STRATEGY, Payload
from functions import scheduler
from infra.settings import Settings

EVENTS: dict[str, Callable[[str, datetime], Event[Payload]]] = {
    "schedule": partial(scheduler.tick, strategy=DEFAULT_STRATEGY),
    "forecast_schedule": scheduler.roll_forward,
    "prune_schedule": scheduler.prune_tick,
}


@dataclass(frozen=True, slots=True)
class Schedule:
    """A schedule: its setting, its cron expression (UTC), and the event of a tick at a time."""

    name: str
    cron: str
    event: Callable[[datetime], Event[Payload]]


def schedules(settings: Settings) -> tuple[Schedule, ...]:
    """Return the schedules that are not switched off."""
    return tuple(
        Schedule(name, cron, partial(event, cron))
        for name, event in EVENTS.items()
        if (cron := getattr(settings, name))
    )
