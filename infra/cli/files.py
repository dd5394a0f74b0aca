"""What commands about files share: their options, the progress they show, and their summary."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from infra.cli.events import print_json
from infra.sales_io.errors import BadInput

if TYPE_CHECKING:
    from infra.sales_io.importing import ImportSummary

Progress = Callable[[str, int, int | None], None]  # phase, rows done, rows in all if known

File = Annotated[
    Path,
    typer.Argument(
        metavar="FILE", help="CSV, TSV (also .xz, .gz, .bz2, .zst) or Parquet, with a header."
    ),
]
StoreColumn = Annotated[str | None, typer.Option(help="The column of the store.")]
ProductColumn = Annotated[
    str | None, typer.Option(help="The column of the product; without it, all is `total`.")
]
DateColumn = Annotated[str | None, typer.Option(help="The column of the store's calendar day.")]
UnitsColumn = Annotated[str | None, typer.Option(help="The column of what was sold.")]
OpenColumn = Annotated[
    str | None, typer.Option(help="The column of 1/0 or true/false; without it, always open.")
]
DriverColumns = Annotated[
    str | None,
    typer.Option(
        metavar="A,B,C",
        help="Columns that drive demand, named in snake_case. A column of words becomes one "
        "0/1 driver for each word but `0`: StateHoliday 0,a,b → state_holiday_a, _b.",
    ),
]
DateFormat = Annotated[
    str | None, typer.Option(help="As in strptime, like %d.%m.%Y; else 2015-07-31.")
]
Encoding = Annotated[str, typer.Option(help="Of a text file: utf-8, latin-1, cp1252, …")]
Delimiter = Annotated[str | None, typer.Option(help="One character; else the header tells.")]
RecordedAt = Annotated[
    str | None,
    typer.Option(
        metavar="ISO",
        help="When the rows were recorded, with a zone: the newest of a day counts, and "
        "the same time gives the same event ids. Unset: now.",
    ),
]
Rejects = Annotated[
    Path | None, typer.Option(help="List of rejected rows; else FILE.rejected.csv.")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Check only; publish nothing.")]


def print_summary(summary: "ImportSummary", as_json: bool, dry_run: bool) -> None:
    """Say what became of a file's rows."""
    if as_json:
        print_json(asdict(summary) | {"rows_per_second": round(summary.rows_per_second)})
        return
    from rich.console import Console
    from rich.table import Table

    table = Table.grid(padding=(0, 2))
    days = f"{summary.first_day} to {summary.last_day}" if summary.first_day else "none"
    verb = "would be published" if dry_run else "published"
    rejected = f"{summary.rejected:,}"
    if summary.rejected:
        fields = ", ".join(f"{name} {count:,}" for name, count in summary.rejected_fields.items())
        rejected = f"[red]{rejected}[/red] ({fields})"
    for name, text in (
        ("accepted", f"{summary.accepted:,} rows, {verb}"),
        ("rejected", rejected),
        ("repeated", f"{summary.repeated:,} rows that say what an earlier row says"),
        ("filled in", f"{summary.filled:,} days without a row"),
        ("series", f"{summary.series:,}"),
        ("days", days),
        ("drivers", ", ".join(summary.drivers) or "none"),
        ("recorded at", summary.recorded_at.isoformat()),
        ("took", f"{summary.seconds:.1f} s, {summary.rows_per_second:,.0f} rows/s"),
    ):
        if not text.startswith("0 "):
            table.add_row(f"[dim]{name}[/dim]", text)
    Console(highlight=False).print(table)
    if summary.rejects_file:
        typer.echo(f"The rejected rows are listed in {summary.rejects_file}")


@contextmanager
def progress_bar() -> Iterator[Callable[[str, int, int | None], None]]:
    """A bar on standard error for each phase, with rows/s; gone when done."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        Task,
        TaskID,
        TextColumn,
        TimeRemainingColumn,
    )

    class Speed(TextColumn):
        def render(self, task: Task) -> Any:
            speed = task.finished_speed or task.speed
            return "" if speed is None else f"{speed:,.0f}/s"

    console = Console(stderr=True)
    phases: dict[str, TaskID] = {}
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=20),
        MofNCompleteColumn(),
        Speed(""),
        TimeRemainingColumn(compact=True),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    ) as bars:

        def show(phase: str, done: int, of: int | None) -> None:
            if phase not in phases:
                phases[phase] = bars.add_task(phase, total=of)
            bars.update(phases[phase], completed=done, total=of)

        yield show


def drivers_listed(listed: str | None) -> tuple[str, ...] | None:
    """The columns of an option like A,B,C."""
    if listed is None:
        return None
    return tuple(name.strip() for name in listed.split(",") if name.strip())


def encoding_named(named: str) -> str:
    """UTF-8 with or without a byte order mark, unless another encoding is named."""
    return "utf-8-sig" if named.lower().replace("_", "-") in ("utf-8", "utf8") else named


def recording_time(text: str | None) -> datetime | None:
    """When rows were recorded; None: now."""
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise BadInput(f"--recorded-at: {text!r}; use 2015-07-31T22:00:00+00:00") from None
    if moment.tzinfo is None:
        raise BadInput(f"--recorded-at: {text!r} has no zone; add one, like {text}+00:00")
    return moment
