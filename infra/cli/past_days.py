"""Parse days of sales from options; they can't be in the future."""

from datetime import UTC, date, datetime, timedelta

from infra.errors import BadInput

YESTERDAY = "yesterday"


def day_named(option: str, text: str) -> date:
    """Parse `yesterday` or an ISO day."""
    if text == YESTERDAY:
        return datetime.now(UTC).date() - timedelta(days=1)
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise BadInput(f"{option}: {text!r}; use yesterday or a day like 2015-07-31") from None


def not_in_the_future(option: str, day: date) -> None:
    """Raise BadInput for a day in the future."""
    if day > (latest := datetime.now(UTC).date() + timedelta(days=1)):
        raise BadInput(f"{option}: {day} is in the future; a sale's day is {latest} at the latest")
