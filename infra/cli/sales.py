"""`shelfcast sales`: files of sales into the log, made-up sales, and a live shop to try with."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from infra.cli.events import Json, broker_of, outcome, print_json, stop_on_signals
from infra.sales_io.errors import BadInput

if TYPE_CHECKING:
    import pandas as pd

    from infra.sales_io.broker import Broker
    from infra.sales_io.importing import ImportSummary
    from infra.sales_io.layout import ColumnChoice
    from infra.sales_io.replay import Plan, Step

FAILED = 1
YESTERDAY = "yesterday"

app = typer.Typer(
    name="sales",
    help="Bring sales in: from files, made up, or replayed as a live shop.",
    no_args_is_help=True,
)

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


@app.command("import")
def import_file(
    ctx: typer.Context,
    file: File,
    store_column: StoreColumn = None,
    product_column: ProductColumn = None,
    date_column: DateColumn = None,
    units_column: UnitsColumn = None,
    open_column: OpenColumn = None,
    driver_columns: DriverColumns = None,
    date_format: DateFormat = None,
    missing_days: Annotated[
        str | None,
        typer.Option(
            metavar="closed|zero",
            help="Days without a row between a series' first and last: publish them as closed, "
            "or as open with nothing sold. Unset: they stay unknown.",
        ),
    ] = None,
    recorded_at: Annotated[
        str | None,
        typer.Option(
            metavar="ISO",
            help="When the sales were recorded, with a zone: the newest of a day counts, and "
            "the same time gives the same event ids. Unset: now.",
        ),
    ] = None,
    rejects: Annotated[
        Path | None, typer.Option(help="List of rejected rows; else FILE.rejected.csv.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check only; publish nothing.")
    ] = False,
    encoding: Encoding = "utf-8",
    delimiter: Delimiter = None,
    as_json: Json = False,
) -> None:
    """Publish a file's rows as sale-recorded events.

    Rossmann's train.csv and files of `sales generate` need no options.
    Rejected rows are listed with line, field, value and reason; the others
    go on. Import again at any time: nothing doubles.
    """
    with outcome():
        from infra.sales_io.importing import import_sales
        from infra.sales_io.layout import ColumnChoice
        from infra.sales_io.source import open_source

        if missing_days not in (None, "closed", "zero"):
            raise BadInput(f"--missing-days: {missing_days!r}; use closed or zero")
        choice = ColumnChoice(
            store_column,
            product_column,
            date_column,
            units_column,
            open_column,
            _drivers(driver_columns),
            date_format,
        )
        moment = None if recorded_at is None else _moment(recorded_at)
        open_source(file, _encoding(encoding), delimiter)
        broker = None if dry_run else broker_of(ctx)

        async def run(progress: Callable[[str, int, int | None], None]) -> "ImportSummary":
            producer = None if broker is None else broker.producer()
            try:
                return await import_sales(
                    file,
                    producer,
                    choice,
                    address="" if broker is None else broker.address,
                    recorded_at=moment,
                    missing_days=missing_days,  # type: ignore[arg-type]
                    rejects=rejects,
                    encoding=_encoding(encoding),
                    delimiter=delimiter,
                    progress=progress,
                )
            finally:
                if producer is not None:
                    await producer.close()

        with progress_bar() as progress:
            summary = asyncio.run(run(progress))
        _print_summary(summary, as_json, dry_run)
        if summary.accepted == 0:
            raise typer.Exit(FAILED)


@app.command()
def generate(
    ctx: typer.Context,
    series: Annotated[
        int | None, typer.Option(help="So many stores with one product, `total`.")
    ] = None,
    stores: Annotated[int | None, typer.Option(help="Stores; 10 if left out.")] = None,
    products: Annotated[int | None, typer.Option(help="Products of each store; else 1.")] = None,
    days: Annotated[int, typer.Option(help="Days of history.")] = 730,
    until: Annotated[
        str, typer.Option(metavar="DATE", help="The last day, like 2015-07-31.")
    ] = YESTERDAY,
    seed: Annotated[int, typer.Option(help="The same seed gives the same sales.")] = 0,
    out: Annotated[Path | None, typer.Option(help="Write FILE.csv or FILE.parquet.")] = None,
    publish: Annotated[bool, typer.Option("--publish", help="Publish as events.")] = False,
    as_json: Json = False,
) -> None:
    """Make up sales with the habits of real shops.

    Columns: store, product, date, units, open, promo, school_holiday, state_holiday.
    """
    with outcome():
        from infra.sales_io.generator import generate_by_store
        from infra.sales_io.writing import check_ending, write_sales

        if out is None and not publish:
            raise BadInput("--out, --publish: give one of them, or both")
        if series is not None and (stores is not None or products is not None):
            raise BadInput("--series: stands for --stores N --products 1; give one or the other")
        if out is not None:
            check_ending(out)
        last = _day("--until", until)
        if publish:
            _not_in_the_future("--until", last)
        count = next((n for n in (series, stores) if n is not None), 10)
        each = 1 if products is None else products
        broker = broker_of(ctx) if publish else None
        try:
            with progress_bar() as progress:
                frames: Iterator[pd.DataFrame] = _watched(
                    generate_by_store(count, each, days, until=last, seed=seed), count, progress
                )
                kept = list(frames)
        except ValueError as error:
            raise BadInput(f"--{error}") from None
        rows = sum(map(len, kept))
        if out is not None:
            write_sales(kept, out)
        if broker is not None:
            with progress_bar() as progress:
                asyncio.run(_publish(broker, kept, rows, progress))
        if as_json:
            print_json(
                {
                    "rows": rows,
                    "stores": count,
                    "products": each,
                    "last_day": last,
                    "file": None if out is None else str(out),
                    "published": rows if publish else 0,
                }
            )
        else:
            to = " and ".join([*([str(out)] if out else []), *(["the log"] if publish else [])])
            typer.echo(f"{rows:,} rows of {count:,} x {each:,} series until {last} to {to}")


@app.command()
def replay(
    ctx: typer.Context,
    file: File,
    store_column: StoreColumn = None,
    product_column: ProductColumn = None,
    date_column: DateColumn = None,
    units_column: UnitsColumn = None,
    open_column: OpenColumn = None,
    driver_columns: DriverColumns = None,
    date_format: DateFormat = None,
    rebase_to: Annotated[
        str, typer.Option(metavar="yesterday|DATE", help="Where the file's last day moves to.")
    ] = YESTERDAY,
    play_days: Annotated[int, typer.Option(min=1, help="Last days to play one by one.")] = 14,
    backfill_days: Annotated[
        int | None, typer.Option(min=0, help="Days before them to publish at once; else all.")
    ] = None,
    every: Annotated[float, typer.Option(min=0, help="Seconds between steps.")] = 5.0,
    step: Annotated[str, typer.Option(metavar="day|row", help="What one step publishes.")] = "day",
    encoding: Encoding = "utf-8",
    delimiter: Delimiter = None,
    as_json: Json = False,
) -> None:
    """Play a file as a live shop, until its end or Ctrl-C.

    Dates move by whole weeks: the last to --rebase-to, or up to 6 days before.
    All but the last --play-days come at once; those follow, one each --every.
    """
    with outcome():
        from infra.sales_io.layout import ColumnChoice
        from infra.sales_io.replay import plan_replay
        from infra.sales_io.source import open_source

        if step not in ("day", "row"):
            raise BadInput(f"--step: {step!r}; use day or row")
        last = _day("--rebase-to", rebase_to)
        _not_in_the_future("--rebase-to", last)
        choice = ColumnChoice(
            store_column,
            product_column,
            date_column,
            units_column,
            open_column,
            _drivers(driver_columns),
            date_format,
        )
        open_source(file, _encoding(encoding), delimiter)
        broker = broker_of(ctx)
        with progress_bar() as progress:
            sales = _load(file, choice, _encoding(encoding), delimiter, progress)
            plan = plan_replay(sales, last, play_days=play_days, backfill_days=backfill_days)
        done = asyncio.run(_replay(broker, plan, every, step, quiet=as_json))  # type: ignore[arg-type]
        if as_json:
            print_json(done)
        else:
            state = "stopped" if done["stopped"] else "the file has ended"
            typer.echo(f"Played {done['played']:,} rows of {done['days']:,} days; {state}")


async def _replay(
    broker: "Broker", plan: "Plan", every: float, step: "Step", quiet: bool
) -> dict[str, Any]:
    from events.clock import utc_now
    from infra.sales_io.importing import PUBLISHING
    from infra.sales_io.replay import play, publish_frame

    played, days = 0, set()
    producer = broker.producer()
    try:
        async with stop_on_signals() as stop:
            with progress_bar() as progress:
                size = len(plan.backfill)
                backfilled = await publish_frame(
                    plan.backfill,
                    producer,
                    address=broker.address,
                    recorded_at=utc_now(),
                    progress=lambda rows: progress(PUBLISHING, rows, size),
                    stop=stop,
                )
            if not quiet:
                moved = f"moved by {plan.weeks:,} weeks" if plan.weeks else "dates as they are"
                typer.echo(f"Backfilled {backfilled:,} rows ({moved}); playing, Ctrl-C ends it")
            async for one in play(
                plan.played, producer, step=step, every=every, stop=stop, address=broker.address
            ):
                played += one.rows
                days.add(one.day)
                if not quiet:
                    typer.echo(f"{one.day:%a %Y-%m-%d}  {one.rows:,} row{'s' * (one.rows > 1)}")
    finally:
        await producer.close()
    return {
        "backfilled": backfilled,
        "played": played,
        "days": len(days),
        "weeks_moved": plan.weeks,
        "last_day": max(days, default=None),
        "stopped": played < len(plan.played),
    }


def _load(
    file: Path, choice: "ColumnChoice", encoding: str, delimiter: str | None, progress: Any
) -> "pd.DataFrame":
    """All good rows of a file in memory; the others are counted on standard error."""
    import pandas as pd

    from infra.sales_io.importing import CHECKING
    from infra.sales_io.reader import read_sales, survey

    surveyed = survey(
        file,
        choice,
        encoding=encoding,
        delimiter=delimiter,
        counted=lambda rows: progress(CHECKING, rows, None),
    )
    frames, rejected, done = [], 0, 0
    for chunk in read_sales(surveyed):
        frames.append(chunk.frame)
        rejected += len(chunk.rejected)
        done += len(chunk.frame) + len(chunk.rejected) + chunk.repeated
        progress("reading", done, surveyed.rows)
    if rejected:
        typer.echo(
            f"shelfcast: {rejected:,} rows are left out; `shelfcast sales import --dry-run` "
            "lists them",
            err=True,
        )
    return pd.concat(frames, ignore_index=True)


async def _publish(
    broker: "Broker", frames: list["pd.DataFrame"], rows: int, progress: Any
) -> None:
    import pandas as pd

    from events.clock import utc_now
    from infra.sales_io.importing import PUBLISHING
    from infra.sales_io.replay import publish_frame

    producer = broker.producer()
    try:
        await publish_frame(
            pd.concat(frames, ignore_index=True),
            producer,
            address=broker.address,
            recorded_at=utc_now(),
            progress=lambda done: progress(PUBLISHING, done, rows),
        )
    finally:
        await producer.close()


def _watched(
    frames: Iterator["pd.DataFrame"], stores: int, progress: Any
) -> Iterator["pd.DataFrame"]:
    for number, frame in enumerate(frames, start=1):
        progress("generating stores", number, stores)
        yield frame


def _print_summary(summary: "ImportSummary", as_json: bool, dry_run: bool) -> None:
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


def _drivers(listed: str | None) -> tuple[str, ...] | None:
    if listed is None:
        return None
    return tuple(name.strip() for name in listed.split(",") if name.strip())


def _encoding(named: str) -> str:
    """UTF-8 with or without a byte order mark, unless another encoding is named."""
    return "utf-8-sig" if named.lower().replace("_", "-") in ("utf-8", "utf8") else named


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise BadInput(f"--recorded-at: {text!r}; use 2015-07-31T22:00:00+00:00") from None
    if moment.tzinfo is None:
        raise BadInput(f"--recorded-at: {text!r} has no zone; add one, like {text}+00:00")
    return moment


def _day(option: str, text: str) -> date:
    if text == YESTERDAY:
        return datetime.now(UTC).date() - timedelta(days=1)
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise BadInput(f"{option}: {text!r}; use yesterday or a day like 2015-07-31") from None


def _not_in_the_future(option: str, day: date) -> None:
    if day > (latest := datetime.now(UTC).date() + timedelta(days=1)):
        raise BadInput(f"{option}: {day} is in the future; a sale's day is {latest} at the latest")
