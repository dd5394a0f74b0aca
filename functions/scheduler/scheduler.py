"""The scheduler: a tick (a time) in; a request to retrain, to forecast anew or to prune out.

The event's id derives from the schedule and the tick, so two schedulers that see the
same tick ask for the same once.
"""

from datetime import UTC, datetime

from events.envelope import Event, derive_id, first_event
from events.payloads import ForecastRequested, PruneRequested, RetrainRequested

SOURCE = "shelfcast/scheduler"


def tick(schedule: str, at: datetime, strategy: str) -> Event[RetrainRequested]:
    """The request of one tick. `schedule` is a cron expression, `at` the time it names."""
    at = at.astimezone(UTC)
    return first_event(
        RetrainRequested(
            strategy=strategy,
            requested_by="scheduler",
            reason=_reason(schedule, at),
        ),
        SOURCE,
        event_id=derive_id("schedule", schedule, at.isoformat()),
        time=at,
    )


def roll_forward(schedule: str, at: datetime) -> Event[ForecastRequested]:
    """The request of one tick to make every champion's forecast anew from the newest sales on."""
    at = at.astimezone(UTC)
    return first_event(
        ForecastRequested(requested_by="scheduler", reason=_reason(schedule, at)),
        SOURCE,
        event_id=derive_id("roll-forward", schedule, at.isoformat()),
        time=at,
    )


def prune_tick(schedule: str, at: datetime) -> Event[PruneRequested]:
    """The request to prune of one tick."""
    at = at.astimezone(UTC)
    return first_event(
        PruneRequested(requested_by="scheduler", reason=_reason(schedule, at)),
        SOURCE,
        event_id=derive_id("prune-schedule", schedule, at.isoformat()),
        time=at,
    )


def _reason(schedule: str, at: datetime) -> str:
    return f"schedule {schedule} at {at:%Y-%m-%d %H:%M} UTC"
