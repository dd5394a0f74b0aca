"""`shelfcast sales remove`: remove sales of an import, a series or some days."""

import uuid
from typing import Annotated, Any

import typer

from events.printable import one_line
from infra.cli.client import client_of
from infra.cli.errors import Failed, NoAnswer, outcome
from infra.cli.output import Json, print_json
from infra.errors import BadInput

Document = dict[str, Any]


def remove(
    ctx: typer.Context,
    store: Annotated[str | None, typer.Option(help="Of this store.")] = None,
    product: Annotated[str | None, typer.Option(help="Of this product.")] = None,
    first_day: Annotated[
        str | None, typer.Option("--from", metavar="DATE", help="From this day on.")
    ] = None,
    last_day: Annotated[
        str | None, typer.Option("--to", metavar="DATE", help="Up to this day.")
    ] = None,
    import_id: Annotated[
        str | None,
        typer.Option(
            "--import", metavar="ID", help="All sales of an import, by the id that it printed."
        ),
    ] = None,
    reason: Annotated[str, typer.Option(help="Why; it is stored with the removal.")] = "",
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    as_json: Json = False,
) -> None:
    """Remove sales of a series, a store or a product, of some days, or of an import.

    Sales that an import had overwritten are not restored: import them again. A series
    without sales is no longer trained or forecast; its models are kept.
    """
    with outcome():
        given = {
            "store": store,
            "product": product,
            "first_day": first_day,
            "last_day": last_day,
            "import_id": import_id,
        }
        _check(given)
        if as_json and not yes:
            raise BadInput("--yes: is missing; --json can't ask for confirmation, so give both")
        body: Document = {name: value for name, value in given.items() if value is not None}
        body |= {"reason": reason, "requested_by": "cli", "request_id": str(uuid.uuid4())}
        client = client_of(ctx)
        if not yes:
            extent = client.post("sales", "removals", "preview", body=body)
            typer.confirm(f"Remove {_extent(extent)}?", abort=True, err=True)
        try:
            accepted = client.post("sales", "removals", body=body)
        except NoAnswer as error:
            raise Failed(
                f"{error}, then repeat this: a second removal changes nothing more"
            ) from None
        if as_json:
            print_json(accepted)
            return
        typer.echo(f"Requested as {accepted['request_id']}: {_extent(accepted)} will be removed")
        typer.echo("See the remaining sales: shelfcast series")


def _check(given: dict[str, str | None]) -> None:
    series = given["store"] is not None or given["product"] is not None
    if series == (given["import_id"] is not None):
        raise BadInput(
            "--store, --product, --import: give a store, a product or both, or an import"
        )
    if not series and (given["first_day"] or given["last_day"]):
        raise BadInput("--from, --to: are for a store or product; an import goes as a whole")


def _extent(extent: Document) -> str:
    days = "day" if extent["days"] == 1 else "days"
    span = f"{extent['first_day']} to {extent['last_day']}"
    return one_line(f"{extent['days']:,} {days} of {extent['series']:,} series, {span}")
