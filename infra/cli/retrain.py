"""`shelfcast retrain`: ask for a run of training and, if wished, watch it until it ends."""

import uuid
from collections.abc import Iterator
from datetime import date
from typing import TYPE_CHECKING, Annotated, Any

import typer

from infra.cli.client import (
    FAILED,
    INTERRUPTED,
    Away,
    Client,
    Failed,
    Json,
    NoAnswer,
    NotFound,
    Refused,
    client_of,
    outcome,
    print_json,
)
from infra.cli.runs import Run, counted, print_run, span

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress

ASK_EVERY = 0.5  # seconds, while waiting for a run
PATIENCE_SECONDS = 120.0  # without news: longer than a planner or the API takes to restart


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command()(retrain)


def retrain(
    ctx: typer.Context,
    store: Annotated[str | None, typer.Option(help="Only this store.")] = None,
    product: Annotated[str | None, typer.Option(help="Only this product.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Every series.")] = False,
    as_of: Annotated[
        str | None,
        typer.Option(
            metavar="DATE", help="First day to forecast; unset: the day after the newest sale."
        ),
    ] = None,
    strategy: Annotated[
        str | None, typer.Option(metavar="NAME", help="How to train; unset: the default.")
    ] = None,
    horizon: Annotated[
        int | None, typer.Option(metavar="N", help="Days to forecast; unset: 7.")
    ] = None,
    reason: Annotated[str, typer.Option(help="Why, for those who look at the run.")] = "",
    run_id: Annotated[
        str | None, typer.Option(metavar="ID", help="A repeat with the same id is the same run.")
    ] = None,
    wait: Annotated[
        bool, typer.Option("--wait", help="Watch it until it ends; exit 1 if a series failed.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Ask for models to be retrained: --all, a --store, a --product, or one series by both."""
    with outcome():
        _check_scope(store, product, everything)
        wishes = {
            "store": store,
            "product": product,
            "all": everything,
            "as_of": None if as_of is None else _day("--as-of", as_of),
            "strategy": strategy,
            "horizon": horizon,
            "reason": reason,
            "run_id": run_id or str(uuid.uuid4()),
            "requested_by": "cli",
        }
        client = client_of(ctx)
        accepted = _request(client, {k: v for k, v in wishes.items() if v is not None})
        if wait:
            _wait(client, accepted["run_id"], as_json)
        elif as_json:
            print_json(accepted)
        else:
            typer.echo(f"Requested as run {accepted['run_id']}")
            typer.echo(f"See how it goes: shelfcast runs {accepted['run_id']}")


def _check_scope(store: str | None, product: str | None, everything: bool) -> None:
    chosen = store is not None or product is not None
    if chosen and everything:
        raise Refused("--all: means every series; leave it out, or --store and --product")
    if not chosen and not everything:
        raise Refused("--all, --store, --product: none is given; name what to retrain")


def _day(option: str, text: str) -> str:
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        raise Refused(f"{option}: {text!r} is no day; use one like 2015-07-31") from None


def _request(client: Client, wishes: dict[str, Any]) -> dict[str, Any]:
    try:
        accepted: dict[str, Any] = client.post("retrain", body=wishes)
    except NoAnswer as error:
        raise Failed(
            f"{error}, then repeat this with --run-id {wishes['run_id']}: should the request "
            "have arrived after all, that is still one run"
        ) from None
    return accepted


def _wait(client: Client, run_id: str, as_json: bool) -> None:
    try:
        found = _watch(client, run_id)
    except KeyboardInterrupt:
        typer.echo(f"shelfcast: the run goes on; see `shelfcast runs {run_id}`", err=True)
        raise typer.Exit(INTERRUPTED) from None
    print_json(found) if as_json else print_run(found)
    if found["counts"]["failed"]:
        raise typer.Exit(FAILED)


def _watch(client: Client, run_id: str) -> Run:
    """The run when it has ended, with a bar on standard error until then."""
    from rich.console import Console

    began = client.clock()
    with _bar(Console(stderr=True)) as bar:
        task = bar.add_task("", total=None, counts="waiting for the planner", rate="")
        for news in follow(client, run_id):
            if isinstance(news, Exception):
                missing = "waiting for the planner" if isinstance(news, NotFound) else "API away"
                bar.update(task, counts=missing)
                continue
            counts = news["counts"]
            done = counts["succeeded"] + counts["failed"]
            seconds = client.clock() - began
            bar.update(
                task,
                total=counts["planned"],
                completed=done,
                counts=counted(counts),
                rate=f"{done / seconds:,.1f}/s" if done and seconds > 0 else "",
            )
    assert not isinstance(news, Exception)  # noqa: S101  # `follow` ends with a run, or raises
    return news


def follow(client: Client, run_id: str) -> Iterator[Run | NotFound | Away]:
    """The run as it goes, or why there is no news of it; ends with the run completed.

    Raises Failed after PATIENCE_SECONDS without news.
    """
    heard = client.clock()
    while True:
        try:
            news = client.get("runs", run_id)
        except (NotFound, Away) as error:
            if (silent := client.clock() - heard) > PATIENCE_SECONDS:
                raise _no_news(run_id, silent, error) from None
            yield error
        else:
            heard = client.clock()
            yield news
            if news["state"] == "completed":
                return
        client.pause(ASK_EVERY)


def _no_news(run_id: str, silent: float, error: NotFound | Away) -> Failed:
    if isinstance(error, NotFound):
        return Failed(
            f"run {run_id} is requested, but the planner has not taken it up for {span(silent)}; "
            "see `shelfcast status`, and `shelfcast dead-letters list` for a refused request"
        )
    return Failed(
        f"no news of run {run_id} for {span(silent)}: {error}; the run goes on by itself, see "
        f"`shelfcast runs {run_id}` later"
    )


def _bar(console: "Console") -> "Progress":
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    return Progress(
        SpinnerColumn(),
        BarColumn(bar_width=16),
        TextColumn("{task.fields[counts]}"),
        TimeElapsedColumn(),
        TextColumn("{task.fields[rate]}"),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
