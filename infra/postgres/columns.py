"""Convert rows to statement parameters: one array per column."""

from collections.abc import Sequence
from typing import Any

from pydantic_core import to_json


def columns(rows: Sequence[Sequence[Any]], width: int) -> list[list[Any]]:
    """Return one list per column, also without rows."""
    return [[row[i] for row in rows] for i in range(width)]


def as_json(value: Any) -> str:
    """Convert a value for a JSON column."""
    return to_json(value).decode()
