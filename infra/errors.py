"""What can go wrong between a person's file and the log, one class per exit code."""

from typing import Any


def visible(text: str) -> str:
    """The text with what nobody sees, or what could steer a terminal, by its number in Unicode."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else f"<U+{ord(c):04X}>" for c in text)


class BadInput(Exception):
    """What a person gave can't be used; the message names it, the value and the fix. Exit 2."""

    def __init__(self, message: str) -> None:
        super().__init__(visible(message))


class RowsRefused(BadInput):
    """More rows are rejected than were allowed, so nothing is published. Exit 1.

    `summary` is that of the file (`infra.sales_io.publishing.import_sales.ImportSummary`).
    """

    def __init__(self, message: str, summary: Any) -> None:
        super().__init__(message)
        self.summary = summary


class BrokerAway(Exception):
    """The broker did not take or give records in time; the message says how to go on. Exit 1."""
