"""What can be wrong with an event or its delivery, one class per decision the subscriber makes."""

from typing import TYPE_CHECKING

from events.wording import MAX_PROBLEMS, in_words, place, shown
from events.wording import SHOWN as SHOWN  # what else is cut in messages is cut so

if TYPE_CHECKING:  # commands read refusals without it, and it takes long to import
    from pydantic import ValidationError


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
    """Why what is asked for can't be done, now or later: a value, to be returned or raised.

    `field` names what is at fault; it is empty for the whole. `message` says what is wrong, and
    names the value. `value` is what stood there, as `wording.shown` repeats it; None if nothing
    did. `fix` is the next step; None if the message says it. None of them changes, and two
    refusals of the same four are equal.

    str() is one line, the same in a dead letter, on the command line and in the `detail` of the
    API's answer.
    """

    args: tuple[str, str, str | None, str | None]

    def __init__(
        self,
        field: str,
        message: str,
        value: str | None = None,
        fix: str | None = None,
    ) -> None:
        super().__init__(field, message, value, fix)

    @property
    def field(self) -> str:
        """What is at fault, by the name that a person gave it; empty for the whole."""
        return self.args[0]

    @property
    def message(self) -> str:
        """What is wrong with it."""
        return self.args[1]

    @property
    def value(self) -> str | None:
        """What stood there, as a message repeats it."""
        return self.args[2]

    @property
    def fix(self) -> str | None:
        """The next step, where the message is not one."""
        return self.args[3]

    def __str__(self) -> str:
        where, then = self.field and f"{self.field}: ", f"; {self.fix}" if self.fix else ""
        return f"{where}{self.message}{self._seen}{then}"

    @property
    def _seen(self) -> str:
        return ""

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self.args == getattr(other, "args", None)

    def __hash__(self) -> int:
        return hash(self.args)


class InvalidField(Refusal):
    """A refusal whose message says what must stand there, and not what did: its line has both."""

    @property
    def _seen(self) -> str:
        return "" if self.value is None else f" (got {self.value})"


class RecordRefused(Exception):
    """The log does not take a record for what it is: sent again it is refused again."""


class PublishTimeout(OSError):
    """The broker did not acknowledge in time. An outage: the same events are sent again later."""


def refusals(error: "ValidationError", whole: str) -> list[InvalidField]:
    """What a validation error found, at most MAX_PROBLEMS; `whole` is what is at fault if no
    field of it is.
    """
    return [
        InvalidField(
            place(item["loc"], whole),
            in_words(item),
            None if item["type"] == "missing" else shown(item["input"]),
        )
        for item in error.errors(include_url=False)[:MAX_PROBLEMS]
    ]


def explain(error: "ValidationError") -> str:
    """One line for a validation error: each field, what it must be, and the value it had."""
    parts = [str(refusal) for refusal in refusals(error, "data")]
    if (more := error.error_count() - MAX_PROBLEMS) > 0:
        parts.append(f"and {more:,} more")
    return "; ".join(parts)
