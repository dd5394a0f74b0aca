"""Build the event that ends a run; its id depends on the counts, not on who publishes it."""

from collections.abc import Callable
from datetime import datetime

from events.envelope import Event, derive_id
from events.payloads import Payload, RetrainCompleted
from functions.records import Counts


def completion(
    cause: Event[Payload],
    run_id: str,
    counts: Counts,
    source: str,
    clock: Callable[[], datetime],
) -> Event[RetrainCompleted]:
    """Return the event that a run has ended with these counts."""
    completed = RetrainCompleted(
        run_id=run_id,
        planned=counts.planned,
        succeeded=counts.succeeded,
        failed=counts.failed,
        cancelled=counts.cancelled,
    )
    return cause.effect(
        completed,
        source,
        clock,
        event_id=derive_id(completed.TYPE, completed.subject),
        correlation_id=run_id,
    )
