"""`shelfcast roll-forward`: request new forecasts by the champions, without training."""

import uuid
from typing import Annotated

import typer

from infra.cli.client import client_of
from infra.cli.errors import outcome
from infra.cli.output import Json, print_json
from infra.cli.retrain import day_of, named_series, request
from infra.errors import BadInput


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command()(roll_forward)


def roll_forward(
    ctx: typer.Context,
    store: Annotated[str | None, typer.Option(help="Only this store.")] = None,
    product: Annotated[str | None, typer.Option(help="Only this product.")] = None,
    series: Annotated[
        list[str] | None,
        typer.Option(metavar="STORE/PRODUCT", help="Only this series; may be repeated."),
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Every series.")] = False,
    as_of: Annotated[
        str | None,
        typer.Option(
            metavar="DATE", help="First day to forecast; unset: the day after the newest sales."
        ),
    ] = None,
    horizon: Annotated[
        int | None,
        typer.Option(metavar="N", help="Days to forecast; unset: as many as now."),
    ] = None,
    reason: Annotated[str, typer.Option(help="Why; it is in the event.")] = "",
    request_id: Annotated[
        str | None,
        typer.Option(metavar="ID", help="A repeat with the same id is the same request."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Request new forecasts from the newest sales on, by the current champions.

    No model is trained. The schedule does this every day for all series.
    """
    with outcome():
        chosen = sum([bool(store or product), bool(series), everything])
        if chosen != 1:
            raise BadInput(
                "--all, --store, --product, --series: name whose forecasts to make anew, in one way"
            )
        given = {
            "store": store,
            "product": product,
            "series": [named_series(each) for each in dict.fromkeys(series)] if series else None,
            "all": everything,
            "as_of": None if as_of is None else day_of("--as-of", as_of),
            "horizon": horizon,
            "reason": reason,
            "request_id": request_id or str(uuid.uuid4()),
            "requested_by": "cli",
        }
        body = {name: value for name, value in given.items() if value is not None}
        accepted = request(client_of(ctx), "forecasts", "request_id", body)
        if as_json:
            print_json(accepted)
        else:
            typer.echo(f"Requested as {accepted['request_id']}")
            typer.echo("See the forecast: shelfcast forecast STORE PRODUCT")
