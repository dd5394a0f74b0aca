"""`shelfcast forecast` and `series`: show forecasts and the known series."""

import math
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from events.names import ALL_DOTS
from events.printable import one_line
from infra.cli.arguments import TakesNames
from infra.cli.client import Client, client_of
from infra.cli.errors import outcome
from infra.cli.numbers import decimals_for, units
from infra.cli.output import Json, print_json
from infra.cli.runs import ago, plain_table
from infra.errors import BadInput

if TYPE_CHECKING:
    from rich.table import Table

PAGE = 1000  # series, as the API gives them
PAST_DAYS = 28  # of history in a chart
CHART_HEIGHT = 14
MIN_SPAN = 0.14  # units from bottom to top: a line's number has two decimals
CHART_MARGIN = 28  # columns of the y-axis and the name of the x-axis
ROUND = (1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10, 15, 20)

Store = Annotated[str, typer.Argument(metavar="STORE", help="As in `shelfcast series`.")]
Product = Annotated[str, typer.Argument(metavar="PRODUCT", help="As in `shelfcast series`.")]
Document = dict[str, Any]


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.command(cls=TakesNames)(forecast)
    app.command()(series)


def forecast(
    ctx: typer.Context,
    store: Store,
    product: Product,
    plot: Annotated[bool, typer.Option("--plot", help="Draw the forecast and past sales.")] = False,
    as_json: Json = False,
) -> None:
    """Show the forecast of a series by its champion."""
    with outcome():
        if plot and as_json:
            raise BadInput("--plot: a drawing is not JSON; leave out --plot or --json")
        check_names(store, product)
        client = client_of(ctx)
        found = client.get("forecasts", store, product)
        if as_json:
            print_json(found)
            return
        from rich.console import Console
        from rich.text import Text

        console = Console(highlight=False)
        console.print(Text(_heading(found)))
        if found["stale"]:
            warning = f"stale since {found['stale_since']}: {one_line(found['stale_reason'])}"
            console.print(Text(warning, "yellow"))
        if plot:
            console.print(Text.from_ansi(chart(found, _past(client, found), console.width)))
        console.print(forecast_table(found))


def series(
    ctx: typer.Context,
    limit: Annotated[int, typer.Option(metavar="N", help="How many.")] = 100,
    as_json: Json = False,
) -> None:
    """Show the series that have sales."""
    with outcome():
        if limit < 1:
            raise BadInput(f"--limit: {limit}; must be 1 or more")
        page = _pages(client_of(ctx), limit)
        if as_json:
            print_json(page)
        elif page["series"]:
            from rich.console import Console

            Console(highlight=False).print(series_table(page["series"]))
            if page["next"] is not None:
                typer.echo(f"shelfcast: there may be more; see --limit {limit * 10}", err=True)
        else:
            typer.echo("No series is known; import sales with `shelfcast sales import`")


def check_names(store: str, product: str) -> None:
    """Raise BadInput for an invalid store or product name."""
    for name, value in (("STORE", store), ("PRODUCT", product)):
        if not value or "/" in value:
            raise BadInput(f"{name}: {value!r} is not a name; give STORE and PRODUCT as two words")
        if value in ALL_DOTS:
            raise BadInput(f"{name}: {value!r} is dots alone, which can't be a series' name")


def _pages(client: Client, limit: int) -> Document:
    """Read the first `limit` series, page by page."""
    page: Document = client.get("series", limit=min(limit, PAGE))
    found = page["series"]
    while page["next"] is not None and len(found) < limit:
        page = client.get("series", limit=min(limit - len(found), PAGE), after=page["next"])
        found += page["series"]
    return {"series": found, "next": page["next"]}


def _past(client: Client, found: Document) -> list[Document]:
    """Read the sales before the forecast's days, and on them if already known."""
    last = date.fromisoformat(found["days"][-1]["date"])
    history: Document = client.get(
        "series",
        found["store"],
        found["product"],
        days=PAST_DAYS + len(found["days"]),
        before=(last + timedelta(days=1)).isoformat(),
    )
    days: list[Document] = history["days"]
    return days


def _heading(found: Document) -> str:
    series = one_line(f"{found['store']}/{found['product']}")
    return (
        f"{series} by model version {found['version']}, data through {found['data_through']}, "
        f"published {ago(found['published_at'])}"
    )


def forecast_table(found: Document) -> "Table":
    """Return a table of a forecast's days, in units."""
    from rich.text import Text

    table = numbers_table("date", "weekday", "yhat", "lower", "upper", numbers=3)
    if noted := any(map(notes, found["days"])):
        table.add_column("notes")
    decimals = decimals_of(found)
    for day in found["days"]:
        numbers = (day["yhat"], day["yhat_lower"], day["yhat_upper"])
        table.add_row(
            day["date"],
            f"{date.fromisoformat(day['date']):%A}",
            *(units(number, decimals) for number in numbers),
            *([Text(notes(day))] if noted else []),
        )
    table.caption = "in units, with the 95 % interval"
    return table


def decimals_of(found: Document) -> int:
    """Return the number of decimals for a forecast's numbers."""
    return decimals_for(max(day["yhat_upper"] for day in found["days"]))


def notes(day: Document) -> str:
    """The drivers of a day that nobody had planned, those planned beyond all that was seen, and
    whether its forecast was cut.
    """
    said = [
        f"{', '.join(map(one_line, names))} {what}"
        for names, what in ((day["assumed"], "assumed"), (day["limited"], "beyond all seen"))
        if names
    ]
    return "; ".join(said + ["cut to its bound"] * day["bounded"])


def series_table(found: Sequence[Document]) -> "Table":
    """Return a table of series, their days and their champions."""
    from rich.text import Text

    table = numbers_table(
        "store", "product", "first day", "last day", "champion version", numbers=1
    )
    for one in found:
        version = one["champion_version"]
        table.add_row(
            Text(one_line(one["store"])),
            Text(one_line(one["product"])),
            one["first_day"],
            one["last_day"],
            "none" if version is None else str(version),
        )
    return table


def numbers_table(*names: str, numbers: int) -> "Table":
    """A table whose last columns hold numbers."""
    table = plain_table(*names)
    for column in table.columns[-numbers:]:
        column.justify = "right"
    return table


def chart(found: Document, past: Sequence[Document], width: int) -> str:
    """Draw past sales, the forecast and its interval as lines; closed days are left out."""
    import plotille

    sold = [(day["date"], day["units"]) for day in past if day["open"]]
    lines: dict[str, tuple[str, list[tuple[str, float]]]] = {"sold": ("blue", sold)}
    open_days = [day for day in found["days"] if day["yhat_upper"] > 0]
    for name, colour in (("yhat_lower", "yellow"), ("yhat_upper", "yellow"), ("yhat", "green")):
        lines[name] = (colour, [(day["date"], day[name]) for day in open_days])
    values = [value for _, line in lines.values() for _, value in line]
    bottom, top = _rounded(min(values, default=0.0), max(values, default=1.0))
    figure = plotille.Figure()
    figure.width, figure.height = max(width - CHART_MARGIN, 20), CHART_HEIGHT
    figure.color_mode = "names"
    figure.x_label, figure.y_label = "date", "units"
    figure.register_label_formatter(float, _y_label)
    figure.register_label_formatter(datetime, _x_label)
    figure.set_y_limits(bottom, top)
    days = [day["date"] for day in (*past, *found["days"])]
    figure.set_x_limits(
        datetime.fromisoformat(min(days)), datetime.fromisoformat(max(days)) + timedelta(days=1)
    )
    for colour, line in lines.values():
        if line:
            at = [datetime.fromisoformat(day) for day, _ in line]
            figure.plot(at, [value for _, value in line], lc=colour)
    legend = (("blue", "sold"), ("green", "forecast"), ("yellow", "95 % interval"))
    words = "   ".join(plotille.color(f"── {name}", fg=colour) for colour, name in legend)
    return f"{figure.show()}\n{' ' * 13}{words}\n"


def _rounded(low: float, high: float) -> tuple[float, float]:
    """Limits whose distance is a round number for each line of the chart."""
    span = max(high - low, abs(high) * 0.01, MIN_SPAN)
    magnitude = 10.0 ** math.floor(math.log10(span / CHART_HEIGHT))
    step = next(
        step
        for step in (magnitude * times for times in ROUND)
        if math.floor(low / step) * step + step * CHART_HEIGHT >= low + span
    )
    bottom = math.floor(low / step) * step
    return bottom, bottom + step * CHART_HEIGHT


def _y_label(value: float, chars: int, delta: float, left: bool = False) -> str:
    text = f"{value:,.{2 if delta < 1 else 1 if delta < 10 else 0}f}"
    return text.ljust(chars) if left else text.rjust(chars)


def _x_label(value: datetime, chars: int, delta: float, left: bool = False) -> str:
    text = f"{value:%d %b}"
    return text.ljust(chars) if left else text.rjust(chars)
