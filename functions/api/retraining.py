"""A body that asks for a retrain, as the event that the planner reads; whoever took the body."""

from events.envelope import Event, first_event
from events.payloads import RetrainRequested
from functions.api.views import RetrainBody

SOURCE = "shelfcast/api"


def retrain_event(body: RetrainBody, traceparent: str | None = None) -> Event[RetrainRequested]:
    """The request; its id is the run's, so the same run_id twice is one run."""
    request = RetrainRequested(
        **{name: getattr(body, name) for name in RetrainRequested.model_fields}
    )
    return first_event(request, SOURCE, event_id=body.run_id, traceparent=traceparent)
