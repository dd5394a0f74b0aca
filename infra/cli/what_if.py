"""`shelfcast what-if`: forecast with other drivers or opening days. Nothing is stored."""

import math
from datetime import date
from typing import TYPE_CHECKING, Annotated

import typer

from events.printable import one_line
from infra.cli.arguments import TakesNames
from infra.cli.client import client_of
from infra.cli.errors import outcome
from infra.cli.forecasts import (
    Document,
    Product,
    Store,
    check_names,
    decimals_of,
    notes,
    numbers_table,
)
from infra.cli.numbers import units
from infra.cli.output import Json, print_json
from infra.errors import BadInput

if TYPE_CHECKING:
    from rich.table import Table


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("what-if", cls=TakesNames)(what_if)


def what_if(
    ctx: typer.Context,
    store: Store,
    product: Product,
    day: Annotated[
        list[str] | None,
        typer.Option(metavar="DATE", help="A day to change; may be repeated."),
    ] = None,
    driver: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=NUMBER", help="A driver on these days; may be repeated."),
    ] = None,
    is_open: Annotated[
        bool | None, typer.Option("--open/--closed", help="Whether the store opens on them.")
    ] = None,
    horizon: Annotated[
        int | None, typer.Option(metavar="N", help="Days to forecast; unset: the model's.")
    ] = None,
    level: Annotated[
        float | None,
        typer.Option(metavar="P", help="Probability that the intervals cover; unset: 0.95."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Show what a series would sell with other drivers or opening days; nothing is stored."""
    with outcome():
        check_names(store, product)
        drivers = dict(map(_driver, driver or []))
        if not day:
            raise BadInput("--day: none is given; name the day that would be otherwise")
        if not drivers and is_open is None:
            raise BadInput("--driver, --closed, --open: none is given; say what would be otherwise")
        change = {"open": is_open, "drivers": drivers}
        asked = {"horizon": horizon, "level": level}
        body = {name: value for name, value in asked.items() if value is not None}
        client = client_of(ctx)
        path = ("forecasts", store, product, "what-if")
        days = [{"date": _day(each), **change} for each in dict.fromkeys(day)]
        found = client.post(*path, body=body | {"days": days})
        if as_json:
            print_json(found)
            return
        from rich.console import Console
        from rich.text import Text

        console = Console(highlight=False)
        console.print(Text(_heading(found)))
        console.print(what_if_table(found, client.post(*path, body=body)))


def _driver(given: str) -> tuple[str, float]:
    name, _, number = given.rpartition("=")
    try:
        value = float(number)
    except ValueError:
        value = math.nan
    if not name or not math.isfinite(value):
        raise BadInput(f"--driver: {given!r} is no NAME=NUMBER; use one like promo=1")
    return name, value


def _day(text: str) -> str:
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        raise BadInput(f"--day: {text!r} is not a day; use one like 2015-07-31") from None


def _heading(found: Document) -> str:
    series = one_line(f"{found['store']}/{found['product']}")
    return f"{series} by model version {found['version']} ({one_line(found['strategy'])})"


def what_if_table(found: Document, planned: Document) -> "Table":
    """The days as they would be beside those as planned, in units."""
    from rich.text import Text

    table = numbers_table("date", "weekday", "as planned", "what if", "lower", "upper", numbers=4)
    if noted := any(map(notes, found["days"])):
        table.add_column("notes")
    decimals = min(decimals_of(found), decimals_of(planned))
    for day, before in zip(found["days"], planned["days"], strict=True):
        numbers = (before["yhat"], day["yhat"], day["yhat_lower"], day["yhat_upper"])
        table.add_row(
            day["date"],
            f"{date.fromisoformat(day['date']):%A}",
            *(units(number, decimals) for number in numbers),
            *([Text(notes(day))] if noted else []),
        )
    table.caption = f"in units, with the {found['level'] * 100:g} % interval"
    return table
