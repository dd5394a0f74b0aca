"""Options, progress bar and summary of the commands that read files."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand

from infra.cli.output import print_json
from infra.errors import BadInput, visible

if TYPE_CHECKING:
    from infra.sales_io.checking.import_summary import ImportSummary
    from infra.sales_io.columns.numbers import Decimal

Progress = Callable[[str, int, int | None], None]  # phase, rows done, rows in all if known

File = Annotated[
    Path,
    typer.Argument(
        metavar="FILE",
        help="A table with a header: CSV or TSV (also packed: .zip, .gz, .xz, .bz2, .zst), an "
        "Excel or OpenDocument workbook, Parquet or a folder of it.",
    ),
]
StoreColumn = Annotated[str | None, typer.Option(help="The column of the store.")]
ProductColumn = Annotated[
    str | None,
    typer.Option(
        help="The column of the product; without it and with the others named, all is `total`."
    ),
]
DateColumn = Annotated[str | None, typer.Option(help="The column of the store's calendar day.")]
UnitsColumn = Annotated[str | None, typer.Option(help="The column of the units sold.")]
OpenColumn = Annotated[
    str | None, typer.Option(help="The column of 1/0 or yes/no; without it, always open.")
]
DriverColumns = Annotated[
    str | None,
    typer.Option(
        metavar="A,B,C",
        help="Columns that drive demand; drivers get snake_case names. Yes/no is one 0/1 driver; a "
        "column of words becomes one 0/1 driver for each word but `0`: StateHoliday 0,a,b → "
        "state_holiday_a, _b.",
    ),
]
DateFormat = Annotated[
    str | None,
    typer.Option(
        help="If dates are ambiguous: day-first, month-first, year-first, iso, excel "
        "(day numbers), excel-1904, or as in strptime, like %d.%m.%Y."
    ),
]
TimeZone = Annotated[
    str | None,
    typer.Option(help="The store's time zone, like Europe/Berlin, if timestamps are in UTC."),
]
DecimalMark = Annotated[
    str | None,
    typer.Option(
        "--decimal",
        metavar="comma|point",
        help="The decimal mark, if numbers are ambiguous: with a comma, 1.234 is 1234.",
    ),
]
ReplaceSlash = Annotated[
    str | None,
    typer.Option(metavar="CHARACTER", help="What replaces /, which names can't contain."),
]
ShortenNames = Annotated[
    bool,
    typer.Option(
        "--shorten-names", help="Cut names of more than 64 characters, and add a hash of the rest."
    ),
]
NamesAsWritten = Annotated[
    bool,
    typer.Option(
        "--names-as-written",
        help="Keep names like 118.0 and 1E+05; otherwise they are read as numbers.",
    ),
]
Sheet = Annotated[str | None, typer.Option(help="The sheet to read, of a workbook with several.")]
AllowRejects = Annotated[
    str | None,
    typer.Option(
        metavar="[N|P%]",
        help="Publish the other rows if at most N are rejected (without N: any number); otherwise "
        "nothing of the file is published.",
    ),
]
Encoding = Annotated[
    str,
    typer.Option(help="Encoding of a text file: utf-8, latin-1, cp1252, …; UTF-16 is detected."),
]
Delimiter = Annotated[
    str | None, typer.Option(help="The character between columns; unset: detected.")
]
RecordedAt = Annotated[
    str | None,
    typer.Option(
        metavar="ISO",
        help="When the rows were recorded, with a zone: the newest of a day counts, and "
        "the same time gives the same event ids. Unset: now.",
    ),
]
Rejects = Annotated[
    Path | None, typer.Option(help="File for the rejected rows; unset: FILE.rejected.csv.")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Check only; publish nothing.")]


def print_summary(summary: "ImportSummary", as_json: bool, dry_run: bool) -> None:
    """Print how many rows of a file were published, left out and rejected."""
    if as_json:
        print_json(asdict(summary) | {"rows_per_second": round(summary.rows_per_second)})
        return
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table.grid(padding=(0, 2))
    for name, text in _lines(summary, dry_run):
        if not text.startswith("0 "):
            table.add_row(f"[dim]{name}[/dim]", escape(text))
    for note in summary.notes:
        table.add_row("[dim]read as[/dim]", escape(visible(note)))
    Console(highlight=False).print(table)
    if summary.rejects_file:
        typer.echo(f"The rejected rows are listed in {summary.rejects_file}")


def _lines(summary: "ImportSummary", dry_run: bool) -> Iterator[tuple[str, str]]:
    verb = "would be published" if dry_run else "published"
    if summary.refused:
        verb = "would not be published" if dry_run else "not published"
    yield "accepted", f"{_counted(summary.accepted, 'row')}, {verb}"
    if summary.days_made is not None:
        yield "made", f"{_counted(summary.days_made, 'day')} of them"
    rejected = f"{summary.rejected:,}"
    if summary.rejected:
        fields = ", ".join(f"{name} {count:,}" for name, count in summary.rejected_fields.items())
        rejected = f"{_counted(summary.rejected, 'row')} ({fields})"
    yield "rejected", rejected
    yield "repeated", f"{_counted(summary.repeated, 'row')} that repeat an earlier row"
    yield "returns", f"{_counted(summary.returns, 'row')} with negative units"
    yield "filled in", f"{_counted(summary.filled, 'day')} without a row"
    yield "series", f"{summary.series:,}"
    yield "days", f"{summary.first_day} to {summary.last_day}" if summary.first_day else "none"
    yield "drivers", ", ".join(summary.drivers) or "none"
    yield "recorded at", summary.recorded_at.isoformat()
    yield "took", f"{summary.seconds:.1f} s, {summary.rows_per_second:,.0f} rows/s"


def _counted(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


@contextmanager
def progress_bar() -> Iterator[Callable[[str, int, int | None], None]]:
    """Show a progress bar with rows/s on standard error for each phase; remove it at the end."""
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
    """Split an option like A,B,C into columns."""
    if listed is None:
        return None
    return tuple(name.strip() for name in listed.split(",") if name.strip())


def encoding_named(named: str) -> str:
    """Return the named encoding, or UTF-8 with or without a byte order mark."""
    return "utf-8-sig" if named.lower().replace("_", "-") in ("utf-8", "utf8") else named


def recording_time(text: str | None) -> datetime | None:
    """Return when rows were recorded; without a text, now."""
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise BadInput(f"--recorded-at: {text!r}; use 2015-07-31T22:00:00+00:00") from None
    if moment.tzinfo is None:
        raise BadInput(f"--recorded-at: {text!r} has no zone; add one, like {text}+00:00")
    return moment


def decimal_named(named: str | None) -> "Decimal | None":
    """Return the decimal mark of the option, or None if it is not given."""
    if named in (None, "comma", "point"):
        return named  # type: ignore[return-value]  # it is one of the three
    marks: dict[str, Decimal] = {",": "comma", ".": "point"}
    if named in marks:
        return marks[named]
    raise BadInput(f"--decimal: {named!r}; use comma or point")


def slash_replaced(character: str | None) -> str | None:
    """Check the character that replaces a slash in names."""
    if character is not None and (len(character) != 1 or character in "/" or character.isspace()):
        raise BadInput(f"--replace-slash: {character!r}; use one character, like -")
    return character


def print_refusal(summary: "ImportSummary", as_json: bool) -> None:
    """Print to standard error why nothing is published: a line for each column and reason."""
    if as_json:
        return  # the summary has it all
    many = "a row is" if summary.rejected == 1 else f"{summary.rejected:,} rows are"
    typer.echo(f"shelfcast: {summary.file}: nothing is published, since {many} rejected", err=True)
    for line in summary.rejections:
        typer.echo(f"  {line}", err=True)
    typer.echo(
        f"  Correct them, or give --allow-rejects {summary.rejected} to publish the others",
        err=True,
    )


class BareAllowance(TyperCommand):
    """A command whose `--allow-rejects` may have no number and then means any."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Replace the bare option by its full form."""
        given: list[str] = []
        for at, word in enumerate(args):
            given.append(word)
            following = args[at + 1] if at + 1 < len(args) else ""
            if word == "--allow-rejects" and not re.fullmatch(r"[\d.,-]+%?|all", following):
                given.append("all")
        return super().parse_args(ctx, given)
