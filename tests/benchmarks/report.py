"""How a benchmark prints what it measured."""

import json
from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table


def report(title: str, result: Mapping[str, Any], as_json: bool) -> None:
    """A table of the numbers; as the last line, when asked for, one JSON object."""
    table = Table("what", "value", title=title, title_justify="left")
    table.columns[1].justify = "right"
    for name, value in _flat(result):
        table.add_row(name, f"{value:,.3f}" if isinstance(value, float) else str(value))
    Console().print(table)
    if as_json:
        print(json.dumps(result))


def _flat(result: Mapping[str, Any], before: str = "") -> list[tuple[str, Any]]:
    rows: list[tuple[str, Any]] = []
    for name, value in result.items():
        if isinstance(value, Mapping):
            rows += _flat(value, f"{before}{name} · ")
        else:
            rows.append((f"{before}{name}", value))
    return rows
