"""What can be wrong with an event or its delivery, one class per decision the subscriber makes."""

from pydantic import ValidationError

from events.wording import MAX_PROBLEMS, in_words, place, shown
from events.wording import SHOWN as SHOWN  # what else is cut in messages is cut so


class EventError(Exception):
    """An event can't be used as it is; retrying the same bytes can't help."""


class Unreadable(EventError):
    """The bytes are no CloudEvent: a missing attribute, broken JSON or invalid UTF-8."""


class UnknownType(EventError):
    """A CloudEvent of a type that the contract does not have."""


class InvalidPayload(EventError):
    """A known type whose data break the contract; the message names each field."""


class ClockAhead(EventError):
    """An event recorded later than the log took it: no correction could ever win against it."""


class TornLog(EventError):
    """Records that the log can't give any more: damaged, or deleted before they were read."""


class TooLarge(EventError):
    """An event larger than its topic takes."""


class Refusal(EventError):
    """A function can't do what a valid event asks, now or later (an unknown store, say)."""


class RecordRefused(Exception):
    """The log does not take a record for what it is: sent again it is refused again."""


class PublishTimeout(OSError):
    """The broker did not acknowledge in time. An outage: the same events are sent again later."""


def explain(error: ValidationError) -> str:
    """One line for a validation error: each field, what it must be, and the value it had."""
    items = error.errors(include_url=False)
    parts = []
    for item in items[:MAX_PROBLEMS]:
        seen = "" if item["type"] == "missing" else f" (got {shown(item['input'])})"
        parts.append(f"{place(item['loc'], 'data')}: {in_words(item)}{seen}")
    if (more := len(items) - MAX_PROBLEMS) > 0:
        parts.append(f"and {more:,} more")
    return "; ".join(parts)
