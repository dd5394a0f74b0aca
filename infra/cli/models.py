"""`shelfcast models`: show the models of a series and change its champion."""

import uuid
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from events.printable import one_line
from infra.cli.arguments import TakesNames
from infra.cli.client import Client, client_of
from infra.cli.errors import Failed, NoAnswer, outcome
from infra.cli.forecasts import Product, Store, check_names, numbers_table
from infra.cli.numbers import decimals_for, percent, units
from infra.cli.output import Json, print_json
from infra.cli.runs import ago, find_run, plain_table
from infra.errors import BadInput

if TYPE_CHECKING:
    from rich.table import Table

# The metrics that fit into 80 columns; --json has all.
METRIC_NAMES = {"mae": "MAE", "wape": "WAPE", "bias": "bias", "coverage": "covers"}

Document = dict[str, Any]
AStore = Annotated[str | None, typer.Argument(metavar="STORE", help="As in `shelfcast series`.")]
AProduct = Annotated[
    str | None, typer.Argument(metavar="PRODUCT", help="As in `shelfcast series`.")
]
OfRun = Annotated[
    str | None, typer.Option("--run", metavar="RUN", help="Every series of a run, by its id.")
]
OfSeries = Annotated[
    list[str] | None, typer.Option("--series", metavar="STORE/PRODUCT", help="Can be repeated.")
]
Reason = Annotated[str, typer.Option(help="Why; it is stored in the history.")]
RequestId = Annotated[
    str | None,
    typer.Option(metavar="ID", help="A repeat with the same id changes nothing."),
]

app = typer.Typer(
    name="models",
    help="Show the models of a series, and change its champion.",
    no_args_is_help=True,
)


@app.command("list", cls=TakesNames)
def list_models(ctx: typer.Context, store: Store, product: Product, as_json: Json = False) -> None:
    """Show a series' model versions and their metrics, newest first."""
    with outcome():
        check_names(store, product)
        found = client_of(ctx).get("models", store, product)
        if as_json:
            print_json(found)
            return
        from rich.console import Console

        Console(highlight=False).print(models_table(found["models"]))
        newest = found["models"][0]
        if newest["verdict"] is not None:
            place = "became champion" if newest["verdict"]["promote"] else "was kept as challenger"
            why = one_line(newest["verdict"]["reason"])
            typer.echo(f"\nVersion {newest['version']} {place}: {why}")
        for line in _of_model(newest):
            typer.echo(line)


@app.command(cls=TakesNames)
def promote(
    ctx: typer.Context,
    store: AStore = None,
    product: AProduct = None,
    version: Annotated[
        int | None, typer.Option(metavar="N", help="Version; unset: the challenger.")
    ] = None,
    model_id: Annotated[
        str | None, typer.Option("--model", metavar="ID", help="The model by its id.")
    ] = None,
    run: OfRun = None,
    series: OfSeries = None,
    reason: Reason = "",
    request_id: RequestId = None,
    as_json: Json = False,
) -> None:
    """Promote a model of one series, the challengers of several series, or a run's models."""
    with outcome():
        named = {"version": version, "model_id": model_id}
        if (run or series) and any(value is not None for value in named.values()):
            raise BadInput(
                "--version, --model: are for one series; leave them out, or give STORE and PRODUCT"
            )
        _ask(ctx, "promote", (store, product), run, series, reason, request_id, as_json, named)


@app.command(cls=TakesNames)
def rollback(
    ctx: typer.Context,
    store: AStore = None,
    product: AProduct = None,
    run: OfRun = None,
    series: OfSeries = None,
    reason: Reason = "",
    request_id: RequestId = None,
    as_json: Json = False,
) -> None:
    """Restore the previous champion of one series, of several, or where a run's model serves.

    A second rollback reverts the first one.
    """
    with outcome():
        _ask(ctx, "rollback", (store, product), run, series, reason, request_id, as_json, {})


@app.command(cls=TakesNames)
def history(ctx: typer.Context, store: Store, product: Product, as_json: Json = False) -> None:
    """Show every change of champion and challenger: version, time, reason, from, to."""
    with outcome():
        check_names(store, product)
        found = client_of(ctx).get("models", store, product, "history")
        if as_json:
            print_json(found)
            return
        from rich.console import Console

        Console(highlight=False).print(history_table(found["changes"]))


def _ask(
    ctx: typer.Context,
    action: str,
    one: tuple[str | None, str | None],
    run: str | None,
    series: Sequence[str] | None,
    reason: str,
    request_id: str | None,
    as_json: bool,
    named: Document,
) -> None:
    _check_target(one, run, series)
    body: Document = {
        "reason": reason,
        "requested_by": "cli",
        "request_id": request_id or str(uuid.uuid4()),
    }
    client = client_of(ctx)
    store, product = one
    if store is not None and product is not None:
        body |= {name: value for name, value in named.items() if value is not None}
        accepted = _post(client, "models", store, product, action, body=body)
    elif run is not None:
        run_id = find_run(client, run)["run_id"]
        accepted = _post(client, "promotions", body=body | {"action": action, "run_id": run_id})
    else:
        what = {"action": action, "series": list(series or ())}
        accepted = _post(client, "promotions", body=body | what)
    if as_json:
        print_json(accepted)
        return
    typer.echo(f"Requested as {accepted['request_id']}, for {accepted['series']:,} series")
    if store is not None and product is not None:
        typer.echo(f"See the result: shelfcast models history {store} {product}")


def _check_target(
    one: tuple[str | None, str | None], run: str | None, series: Sequence[str] | None
) -> None:
    store, product = one
    given = [store is not None, run is not None, bool(series)]
    if sum(given) != 1:
        raise BadInput("STORE PRODUCT, --run, --series: give one of the three")
    if store is not None:
        if product is None:
            raise BadInput(f"PRODUCT: is missing; give STORE and PRODUCT, not {store!r} alone")
        check_names(store, product)


def _post(client: Client, *path: str, body: Document) -> Document:
    try:
        accepted: Document = client.post(*path, body=body)
    except NoAnswer as error:
        raise Failed(
            f"{error}, then repeat this with --request-id {body['request_id']}: should the "
            "request have arrived after all, that changes nothing more"
        ) from None
    return accepted


def models_table(found: Sequence[Document]) -> "Table":
    """Return a table of model versions with backtest metrics."""
    from rich.text import Text

    table = numbers_table(
        "version", "strategy", "as of", *METRIC_NAMES.values(), numbers=len(METRIC_NAMES)
    )
    for model in found:
        chosen = model["chosen"] or model["strategy"]
        won = "" if chosen == model["strategy"] else f": {chosen}"
        table.add_row(
            " ".join([f"{model['version']}", *model["aliases"]]),
            Text(one_line(model["strategy"] + won)),
            model["as_of"],
            *(_metric(name, model["metrics"].get(name)) for name in METRIC_NAMES),
            style="bold" if "champion" in model["aliases"] else "",
        )
    table.caption = "cross-validated; MAE in units per day, covers: days within the 95 % interval"
    return table


def _of_model(model: Document) -> Iterator[str]:
    """Yield the weights of a version's members, and its notes."""
    weighed = {each["strategy"]: each["weight"] for each in model["comparison"] if each["weight"]}
    shares = sorted(weighed.items(), key=lambda share: -share[1])
    if shares:
        parts = ", ".join(f"{name} {percent(share)}" for name, share in shares)
        yield one_line(f"Its forecasts are a mean: {parts}")
    yield from (one_line(note) for note in model["notes"])


def history_table(changes: Sequence[Document]) -> "Table":
    """Return a table of changes of champion and challenger, newest first."""
    from rich.text import Text

    table = plain_table("when", "place", "from", "to", "who", "why")
    for change in changes:
        table.add_row(
            ago(change["changed_at"]),
            change["alias"],
            _version(change["from_version"]),
            _version(change["to_version"]),
            Text(one_line(change["changed_by"])),
            Text(one_line(change["reason"])),
        )
    return table


def _version(number: int | None) -> str:
    return "-" if number is None else str(number)


def _metric(name: str, value: float | None) -> str:
    if value is None:
        return "-"
    if name == "mae":
        return units(value, decimals_for(value))
    return percent(value)
