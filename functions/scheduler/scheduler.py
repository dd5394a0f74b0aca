"""The scheduler: a tick (a time) in; a request to retrain, to forecast anew or to prune out.

The event's id derives from the schedule and the tick, so two schedulers that see the
same tick ask for the same once.
"""

from datetime import UTC, datetime
from typing import TypeVar

from events.envelope import Event, derive_id, first_event
from events.payloads import ForecastRequested, Payload, PruneRequested, RetrainRequested

SOURCE = "shelfcast/scheduler"
BY = "scheduler"
P = TypeVar("P", bound=Payload)


def tick(schedule: str, at: datetime, strategy: str) -> Event[RetrainRequested]:
    """The request of one tick. `schedule` is a cron expression, `at` the time it names."""
    data = RetrainRequested(strategy=strategy, requested_by=BY, reason=_reason(schedule, at))
    return _requested(data, "schedule", schedule, at)


def roll_forward(schedule: str, at: datetime) -> Event[ForecastRequested]:
    """The request of one tick to make every champion's forecast anew from the newest sales on."""
    data = ForecastRequested(requested_by=BY, reason=_reason(schedule, at))
    return _requested(data, "roll-forward", schedule, at)


def prune_tick(schedule: str, at: datetime) -> Event[PruneRequested]:
    """The request to prune of one tick."""
    data = PruneRequested(requested_by=BY, reason=_reason(schedule, at))
    return _requested(data, "prune-schedule", schedule, at)


def _requested(data: P, kind: str, schedule: str, at: datetime) -> Event[P]:
    at = at.astimezone(UTC)
    event_id = derive_id(kind, schedule, at.isoformat())
    return first_event(data, SOURCE, event_id=event_id, time=at)


def _reason(schedule: str, at: datetime) -> str:
    return f"schedule {schedule} at {at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
