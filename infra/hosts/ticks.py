"""Which schedules there are, and the event of each of their ticks, whatever clock ticks."""

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
class Tick:
    """A schedule: its setting, its cron expression (UTC), and the event of a time it names."""

    name: str
    schedule: str
    event: Callable[[datetime], Event[Payload]]


def ticks(settings: Settings) -> tuple[Tick, ...]:
    """The schedules that the settings ask for."""
    return tuple(
        Tick(name, schedule, partial(event, schedule))
        for name, event in EVENTS.items()
        if (schedule := getattr(settings, name))
    )
