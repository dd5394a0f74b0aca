"""`shelfcast prune`: delete expired data now, or show what would be deleted."""

import uuid
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from infra.cli.client import Client, client_of
from infra.cli.errors import Failed, NoAnswer, outcome
from infra.cli.output import Json, print_json

if TYPE_CHECKING:
    from rich.table import Table

KILO = 1000
# It counts every row: 10 million of forecasts and 1.4 million models take 5 to 15 s.
COUNTING_SECONDS = 300.0


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command()(prune)


def prune(
    ctx: typer.Context,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only show what would be deleted.")
    ] = False,
    reason: Annotated[str, typer.Option(help="Why, for those who read the events.")] = "",
    request_id: Annotated[
        str | None,
        typer.Option(metavar="ID", help="A repeat with the same id is the same request."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Delete data that is older than the settings SHELFCAST_KEEP_… allow, now.

    Champions, previous champions, challengers, served forecasts and the history stay.
    """
    with outcome():
        client = client_of(ctx)
        if dry_run:
            _show(_counted(client), as_json)
            return
        body = {
            "reason": reason,
            "requested_by": "cli",
            "request_id": request_id or str(uuid.uuid4()),
        }
        accepted = _request(client, body)
        if as_json:
            print_json(accepted)
        else:
            typer.echo(f"Requested as {accepted['request_id']}")
            typer.echo(
                "See what was deleted: shelfcast events tail --topic maintenance --from-beginning"
            )


def _counted(client: Client) -> dict[str, Any]:
    from rich.console import Console

    client.wait_longer(COUNTING_SECONDS)
    with Console(stderr=True).status("Counting what would go …"):
        found: dict[str, Any] = client.get("prune")
    return found


def _request(client: Client, body: dict[str, Any]) -> dict[str, Any]:
    try:
        accepted: dict[str, Any] = client.post("prune", body=body)
    except NoAnswer as error:
        raise Failed(
            f"{error}, then repeat this with --request-id {body['request_id']}: should the "
            "request have arrived after all, that is still one pruning"
        ) from None
    return accepted


def _show(found: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(found)
        return
    going = [each for each in found["tables"] if each["rows"]]
    if not going:
        typer.echo("Nothing would be deleted: no data has expired")
        return
    from rich.console import Console

    Console(highlight=False).print(prunable_table(going))


def prunable_table(going: Sequence[dict[str, Any]]) -> "Table":
    """Return a table of what would be deleted, by database table."""
    from infra.cli.forecasts import numbers_table

    table = numbers_table("what", "oldest", "newest", "rows", "about", numbers=2)
    for each in going:
        table.add_row(
            each["table"].replace("_", " "),
            each["oldest"],
            each["newest"],
            f"{each['rows']:,}",
            _size(each["bytes"]),
        )
    return table


def _size(count: float | None) -> str:
    """Format bytes in a suitable unit."""
    if count is None:
        return "-"
    for unit in ("B", "kB", "MB"):
        if count < KILO:
            return f"{count:,.0f} {unit}"
        count /= KILO
    return f"{count:,.1f} GB"
