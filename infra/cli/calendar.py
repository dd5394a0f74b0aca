"""`shelfcast calendar`: what is known ahead, from files into the log."""

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from infra.cli.events import Json, broker_of, outcome
from infra.cli.files import (
    DateColumn,
    DateFormat,
    Delimiter,
    DriverColumns,
    DryRun,
    Encoding,
    File,
    Progress,
    RecordedAt,
    Rejects,
    drivers_listed,
    encoding_named,
    print_summary,
    progress_bar,
    recording_time,
)

if TYPE_CHECKING:
    from infra.sales_io.broker import Broker
    from infra.sales_io.importing import ImportSummary

FAILED = 1
NEWEST = 200  # sales of each partition whose drivers are the known ones

app = typer.Typer(
    name="calendar",
    help="Say what is known ahead: promotions, holidays, opening days.",
    no_args_is_help=True,
)


@app.callback()
def _group() -> None:
    """Without it, an application of one command would have no name for that command."""


@app.command("import")
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
        str | None, typer.Option(help="The column of 1/0 or true/false; empty, it is not said.")
    ] = None,
    driver_columns: DriverColumns = None,
    new_drivers: Annotated[
        bool, typer.Option(help="Take drivers that the newest sales do not have.")
    ] = False,
    date_format: DateFormat = None,
    recorded_at: RecordedAt = None,
    rejects: Rejects = None,
    dry_run: DryRun = False,
    encoding: Encoding = "utf-8",
    delimiter: Delimiter = None,
    as_json: Json = False,
) -> None:
    """Publish a file's rows as calendar-planned events.

    Rossmann's test.csv and train.csv need no options. Name drivers as the
    sales do. Rejected rows are listed with line, field, value and reason;
    the others go on. Import again at any time: nothing doubles.
    """
    with outcome():
        from infra.sales_io.importing import import_calendar
        from infra.sales_io.layout import ColumnChoice
        from infra.sales_io.source import open_source

        choice = ColumnChoice(
            store=store_column,
            product=product_column,
            date=date_column,
            open=open_column,
            drivers=drivers_listed(driver_columns),
            date_format=date_format,
        )
        moment = recording_time(recorded_at)
        open_source(file, encoding_named(encoding), delimiter)
        broker = None if dry_run else broker_of(ctx)

        async def run(progress: Progress) -> "ImportSummary":
            known = None if broker is None or new_drivers else await drivers_sold(broker)
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
                    known_drivers=known,
                )
            finally:
                if producer is not None:
                    await producer.close()

        with progress_bar() as progress:
            summary = asyncio.run(run(progress))
        print_summary(summary, as_json, dry_run)
        if summary.accepted == 0:
            raise typer.Exit(FAILED)


async def drivers_sold(broker: "Broker") -> set[str] | None:
    """The drivers of the newest sales; None while there are no sales to tell."""
    from events.cloudevents import decode
    from events.errors import EventError
    from events.payloads import SaleRecorded

    found: set[str] | None = None
    for record in await broker.read("sales", NEWEST):
        try:
            sale = decode(record.value, record.headers).data
        except EventError:  # the Spark job makes a dead letter of it
            continue
        if isinstance(sale, SaleRecorded):
            found = (found or set()) | set(sale.drivers)
    return found
