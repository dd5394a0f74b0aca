"""`shelfcast sales`: import sales files, generate sales, and replay a file as a live shop."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from infra.cli.errors import FAILED
from infra.cli.events import broker_of, on_the_log
from infra.cli.files import (
    AllowRejects,
    BareAllowance,
    DateColumn,
    DateFormat,
    DecimalMark,
    Delimiter,
    DriverColumns,
    DryRun,
    Encoding,
    File,
    NamesAsWritten,
    OpenColumn,
    ProductColumn,
    Progress,
    RecordedAt,
    Rejects,
    ReplaceSlash,
    Sheet,
    ShortenNames,
    StoreColumn,
    TimeZone,
    UnitsColumn,
    decimal_named,
    drivers_listed,
    encoding_named,
    print_refusal,
    print_summary,
    progress_bar,
    recording_time,
    slash_replaced,
)
from infra.cli.output import Json, print_json
from infra.cli.past_days import YESTERDAY, day_named, not_in_the_future
from infra.cli.replay import replay
from infra.cli.sales_remove import remove
from infra.errors import BadInput

if TYPE_CHECKING:
    import pandas as pd

    from infra.kafka.broker import Broker
    from infra.sales_io.checking.import_summary import ImportSummary

app = typer.Typer(
    name="sales",
    help="Import, generate, replay and remove sales.",
    no_args_is_help=True,
)
app.command()(replay)
app.command()(remove)


@app.command("import", cls=BareAllowance)
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
            help="What days without a row between a series' first and last mean: closed, or "
            "open with nothing sold. Needed if there are any; of zero, their sales are published.",
        ),
    ] = None,
    duplicates: Annotated[
        str | None,
        typer.Option(
            metavar="sum|last|reject",
            help="What several rows of one day are: tickets to sum, corrections (the last one "
            "counts, or wrong. Needed if there are any.",
        ),
    ] = None,
    returns: Annotated[
        str | None,
        typer.Option(
            metavar="net|zero|reject",
            help="How to treat negative units: subtract from the other rows, set to 0, reject. "
            "Needed if there are any.",
        ),
    ] = None,
    decimal: DecimalMark = None,
    time_zone: TimeZone = None,
    sheet: Sheet = None,
    replace_slash: ReplaceSlash = None,
    shorten_names: ShortenNames = False,
    names_as_written: NamesAsWritten = False,
    allow_rejects: AllowRejects = None,
    recorded_at: RecordedAt = None,
    rejects: Rejects = None,
    dry_run: DryRun = False,
    encoding: Encoding = "utf-8",
    delimiter: Delimiter = None,
    as_json: Json = False,
) -> None:
    """Publish a file's rows as sale-recorded events, all of them or none.

    Well-known column names need no option. If the values of a
    column have two possible readings, the import stops and names the option
    that decides. Rejected rows are listed with line, field, value and reason.
    A repeated import duplicates nothing.
    """
    with on_the_log():
        from infra.sales_io.checking.allowance import Allowance, RowsRefused
        from infra.sales_io.columns.layout import ColumnChoice
        from infra.sales_io.publishing.import_sales import import_sales
        from infra.sales_io.tables.opening import open_source

        for option, given, ways in (
            ("--missing-days", missing_days, ("closed", "zero")),
            ("--duplicates", duplicates, ("sum", "last", "reject")),
            ("--returns", returns, ("net", "zero", "reject")),
        ):
            if given is not None and given not in ways:
                raise BadInput(f"{option}: {given!r}; use {', '.join(ways[:-1])} or {ways[-1]}")
        choice = ColumnChoice(
            store_column,
            product_column,
            date_column,
            units_column,
            open_column,
            drivers_listed(driver_columns),
            date_format,
            decimal=decimal_named(decimal),
            time_zone=time_zone,
            sheet=sheet,
            replace_slash=slash_replaced(replace_slash),
            shorten_names=shorten_names,
            names_as_written=names_as_written,
        )
        allowed = Allowance.parse(allow_rejects)
        moment = recording_time(recorded_at)
        open_source(file, encoding_named(encoding), delimiter, sheet)
        broker = None if dry_run else broker_of(ctx)

        async def run(progress: Progress) -> "ImportSummary":
            producer = None if broker is None else broker.producer()
            try:
                return await import_sales(
                    file,
                    producer,
                    choice,
                    address="" if broker is None else broker.address,
                    recorded_at=moment,
                    missing_days=missing_days,  # type: ignore[arg-type]  # checked above
                    duplicates=duplicates,  # type: ignore[arg-type]
                    returns=returns,  # type: ignore[arg-type]
                    allow_rejects=allowed,
                    rejects=rejects,
                    encoding=encoding_named(encoding),
                    delimiter=delimiter,
                    progress=progress,
                )
            finally:
                if producer is not None:
                    await producer.close()

        try:
            with progress_bar() as progress:
                summary = asyncio.run(run(progress))
        except RowsRefused as refused:
            print_summary(refused.summary, as_json, dry_run)
            print_refusal(refused.summary, as_json)
            raise typer.Exit(FAILED) from None
        print_summary(summary, as_json, dry_run)
        if summary.published and not as_json:
            typer.echo(f"To remove it: shelfcast sales remove --import {summary.import_id}")
        if summary.accepted == 0:
            raise typer.Exit(FAILED)


@app.command()
def generate(
    ctx: typer.Context,
    series: Annotated[int | None, typer.Option(help="N stores with one product, `total`.")] = None,
    stores: Annotated[int | None, typer.Option(help="Stores; 10 if left out.")] = None,
    products: Annotated[
        int | None, typer.Option(help="Products of each store; 1 if left out.")
    ] = None,
    days: Annotated[int, typer.Option(help="Days of history.")] = 730,
    until: Annotated[
        str, typer.Option(metavar="DATE", help="The last day, like 2015-07-31.")
    ] = YESTERDAY,
    seed: Annotated[int, typer.Option(help="The same seed gives the same sales.")] = 0,
    out: Annotated[Path | None, typer.Option(help="Write FILE.csv or FILE.parquet.")] = None,
    publish: Annotated[bool, typer.Option("--publish", help="Publish as events.")] = False,
    as_json: Json = False,
) -> None:
    """Generate sales that resemble real shops.

    Columns: store, product, date, units, open, promo, school_holiday, state_holiday.
    """
    with on_the_log():
        from infra.sales_io.generator import generate_by_store
        from infra.sales_io.sales_writer import check_ending, write_sales

        if out is None and not publish:
            raise BadInput("--out, --publish: give one of them, or both")
        if series is not None and (stores is not None or products is not None):
            raise BadInput("--series: stands for --stores N --products 1; give one or the other")
        if out is not None:
            check_ending(out)
        last = day_named("--until", until)
        if publish:
            not_in_the_future("--until", last)
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


async def _publish(
    broker: "Broker", frames: list["pd.DataFrame"], rows: int, progress: Any
) -> None:
    import pandas as pd

    from events.clock import utc_now
    from infra.sales_io.checking.import_summary import PUBLISHING
    from infra.sales_io.publishing.replay import publish_frame

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
