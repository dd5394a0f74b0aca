"""Rows as statements take them: one array per column."""

from collections.abc import Sequence
from typing import Any


def columns(rows: Sequence[Sequence[Any]], width: int) -> list[list[Any]]:
    """One list per column, also of no rows."""
    return [[row[i] for row in rows] for i in range(width)]
