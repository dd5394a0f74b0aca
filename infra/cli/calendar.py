"""`shelfcast calendar`: publish calendar entries from files."""

import asyncio
from typing import TYPE_CHECKING, Annotated

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
    Progress,
    RecordedAt,
    Rejects,
    ReplaceSlash,
    Sheet,
    ShortenNames,
    TimeZone,
    decimal_named,
    drivers_listed,
    encoding_named,
    print_refusal,
    print_summary,
    progress_bar,
    recording_time,
    slash_replaced,
)
from infra.cli.output import Json
from infra.cli.plan_check import plan_check

if TYPE_CHECKING:
    from infra.sales_io.checking.import_summary import ImportSummary

app = typer.Typer(
    name="calendar",
    help="Import what is known ahead: promotions, holidays, opening days.",
    no_args_is_help=True,
)


@app.callback()
def _group() -> None:
    """Make typer keep the command's name, which it drops in an application of one command."""


@app.command("import", cls=BareAllowance)
def import_file(
    ctx: typer.Context,
    file: File,
    store_column: Annotated[
        str | None, typer.Option(help="The column of the store; without it, every store.")
    ] = None,
    product_column: Annotated[
        str | None, typer.Option(help="The column of the product; without it, every product.")
    ] = None,
    date_column: DateColumn = None,
    open_column: Annotated[
        str | None,
        typer.Option(help="The column of 1/0 or true/false; an empty cell gives no value."),
    ] = None,
    driver_columns: DriverColumns = None,
    new_drivers: Annotated[
        bool, typer.Option("--new-drivers", help="Accept drivers that the series never had.")
    ] = False,
    unknown_series: Annotated[
        bool, typer.Option("--unknown-series", help="Accept stores and products without sales.")
    ] = False,
    date_format: DateFormat = None,
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
    """Publish a file's rows as calendar-planned events, all of them or none.

    Rossmann's test.csv and train.csv need no options. Use the driver names of
    the sales. Rejected rows are listed with line, field, value and reason.
    A repeated import duplicates nothing. Entries for series
    without sales, or with drivers that their series never had, are refused.
    """
    with on_the_log():
        from infra.sales_io.checking.allowance import Allowance, RowsRefused
        from infra.sales_io.columns.layout import ColumnChoice
        from infra.sales_io.publishing.import_calendar import import_calendar
        from infra.sales_io.tables.opening import open_source

        choice = ColumnChoice(
            store=store_column,
            product=product_column,
            date=date_column,
            open=open_column,
            drivers=drivers_listed(driver_columns),
            date_format=date_format,
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
        check = plan_check(ctx, new_drivers, unknown_series, dry_run)

        async def run(progress: Progress) -> "ImportSummary":
            producer = None if broker is None else broker.producer()
            try:
                return await import_calendar(
                    file,
                    producer,
                    choice,
                    address="" if broker is None else broker.address,
                    recorded_at=moment,
                    rejects=rejects,
                    encoding=encoding_named(encoding),
                    delimiter=delimiter,
                    progress=progress,
                    check=check,
                    allow_rejects=allowed,
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
        if summary.accepted == 0:
            raise typer.Exit(FAILED)
