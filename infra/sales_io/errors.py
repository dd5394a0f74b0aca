"""What can go wrong between a person's file and the log, one class per exit code."""

from typing import Any


class BadInput(Exception):
    """What a person gave can't be used; the message names it, the value and the fix. Exit 2."""


class RowsRefused(BadInput):
    """More rows are rejected than were allowed, so nothing is published. Exit 1.

    `summary` is that of the file (`infra.sales_io.importing.ImportSummary`).
    """

    def __init__(self, message: str, summary: Any) -> None:
        super().__init__(message)
        self.summary = summary


class BrokerAway(Exception):
    """The broker did not take or give records in time; the message says how to go on. Exit 1."""
