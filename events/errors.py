"""What can be wrong with an event or its delivery, one class per decision the subscriber makes."""

from pydantic import ValidationError

from events.printable import one_line


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


class PublishTimeout(OSError):
    """The broker did not acknowledge in time. An outage: the same events are sent again later."""


SHOWN = 80  # characters of a bad value shown in a message: enough to recognise it


def explain(error: ValidationError) -> str:
    """One line for a validation error: each field, the value it had, and what it must be."""
    parts = []
    for item in error.errors(include_url=False):
        # Names of drivers are the sender's, and may be as long and as odd as it likes.
        field = one_line(".".join(str(part)[:SHOWN] for part in item["loc"])) or "data"
        seen = ""
        if item["type"] != "missing":
            value = repr(item["input"])
            seen = f" (got {value if len(value) <= SHOWN else value[:SHOWN] + '…'})"
        parts.append(f"{field}: {item['msg']}{seen}")
    return "; ".join(parts)
