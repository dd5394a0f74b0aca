"""The one clock of the contract: UTC."""

from datetime import UTC, date, datetime


def utc_now() -> datetime:
    """This moment, with its zone."""
    return datetime.now(UTC)


def utc_today() -> date:
    """This moment's calendar day in UTC."""
    return utc_now().date()
