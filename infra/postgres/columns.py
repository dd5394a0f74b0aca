"""Rows as statements take them: one array per column."""

from collections.abc import Sequence
from typing import Any

from pydantic_core import to_json


def columns(rows: Sequence[Sequence[Any]], width: int) -> list[list[Any]]:
    """One list per column, also of no rows."""
    return [[row[i] for row in rows] for i in range(width)]


def as_json(value: Any) -> str:
    """A value as a column of JSON takes it."""
    return to_json(value).decode()
