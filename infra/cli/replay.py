"""`shelfcast sales replay`: publish a file of old sales as a live shop."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from infra.cli.events import broker_of, on_the_log, stop_on_signals
from infra.cli.files import (
    DateColumn,
    DateFormat,
    Delimiter,
    DriverColumns,
    Encoding,
    File,
    OpenColumn,
    ProductColumn,
    StoreColumn,
    UnitsColumn,
    drivers_listed,
    encoding_named,
    progress_bar,
)
from infra.cli.output import Json, print_json
from infra.cli.past_days import YESTERDAY, day_named, not_in_the_future
from infra.errors import BadInput

if TYPE_CHECKING:
    import pandas as pd

    from infra.kafka.broker import Broker
    from infra.sales_io.columns.layout import ColumnChoice
    from infra.sales_io.publishing.replay import Plan, Step


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
        str, typer.Option(metavar="yesterday|DATE", help="New date of the file's last day.")
    ] = YESTERDAY,
    play_days: Annotated[int, typer.Option(min=1, help="Last N days, published one by one.")] = 14,
    backfill_days: Annotated[
        int | None, typer.Option(min=0, help="Days before them, published at once; unset: all.")
    ] = None,
    every: Annotated[float, typer.Option(min=0, help="Seconds between steps.")] = 5.0,
    step: Annotated[str, typer.Option(metavar="day|row", help="What one step publishes.")] = "day",
    encoding: Encoding = "utf-8",
    delimiter: Delimiter = None,
    as_json: Json = False,
) -> None:
    """Play a file as a live shop, until its end or Ctrl-C.

    Dates move by whole weeks: the last to --rebase-to, or up to 6 days before.
    The days before the last --play-days are published at once, then one day each --every.
    """
    with on_the_log():
        from infra.sales_io.columns.layout import ColumnChoice
        from infra.sales_io.publishing.replay import plan_replay
        from infra.sales_io.tables.opening import open_source

        if step not in ("day", "row"):
            raise BadInput(f"--step: {step!r}; use day or row")
        last = day_named("--rebase-to", rebase_to)
        not_in_the_future("--rebase-to", last)
        choice = ColumnChoice(
            store_column,
            product_column,
            date_column,
            units_column,
            open_column,
            drivers_listed(driver_columns),
            date_format,
        )
        open_source(file, encoding_named(encoding), delimiter)
        broker = broker_of(ctx)
        with progress_bar() as progress:
            sales = _load(file, choice, encoding_named(encoding), delimiter, progress)
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
    from infra.sales_io.checking.import_summary import PUBLISHING
    from infra.sales_io.publishing.replay import play, publish_frame

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
    """Read all valid rows of a file; the number of others is printed on standard error."""
    import pandas as pd

    from infra.sales_io.checking.import_summary import CHECKING
    from infra.sales_io.checking.rejections import Rejections
    from infra.sales_io.checking.rows import read_rows
    from infra.sales_io.checking.survey import survey

    surveyed = survey(
        file,
        choice,
        encoding=encoding,
        delimiter=delimiter,
        counted=lambda rows: progress(CHECKING, rows, None),
    )
    frames, rejected, done, rejections = [], 0, 0, Rejections()
    for chunk in read_rows(surveyed):
        rejections.note(chunk)
        frames.append(chunk.frame)
        rejected += len(chunk.rejected)
        done += len(chunk.frame) + len(chunk.rejected) + chunk.repeated
        progress("reading", done, surveyed.rows)
    if rejections.duplicates or rejections.repeated_sales:
        raise BadInput(
            f"{file}: has several rows of a store, product and day; a replay has no way to sum "
            "them, so write one row for each day"
        )
    if rejected:
        typer.echo(
            f"shelfcast: {rejected:,} rows are left out; `shelfcast sales import --dry-run` "
            "lists them",
            err=True,
        )
    return pd.concat(frames, ignore_index=True)
