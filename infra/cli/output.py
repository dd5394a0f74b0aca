"""JSON output of commands."""

import sys
from typing import Annotated, Any

import typer

from events.printable import shown_json

Json = Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")]


def print_json(value: Any) -> None:
    """Print one JSON document on standard output."""
    sys.stdout.write(shown_json(value, indent=2) + "\n")
