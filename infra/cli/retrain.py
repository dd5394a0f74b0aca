"""`shelfcast retrain`: request a training run and, with --wait, follow it to its end."""

import uuid
from collections.abc import Iterator
from datetime import date
from typing import TYPE_CHECKING, Annotated, Any

import typer

from infra.cli.client import Client, client_of
from infra.cli.errors import FAILED, INTERRUPTED, Failed, NoAnswer, NotFound, Unavailable, outcome
from infra.cli.output import Json, print_json
from infra.cli.runs import FAILURES_SHOWN, Run, counted, find_run, print_run, span, with_failures
from infra.errors import BadInput

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress

ASK_EVERY = 0.5  # seconds, while waiting for a run
FORECAST_SECONDS = 30.0  # the longest wait for a run's forecasts; they take a second after it
PATIENCE_SECONDS = 120.0  # without news: longer than a planner or the API takes to restart


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command()(retrain)


def retrain(
    ctx: typer.Context,
    store: Annotated[str | None, typer.Option(help="Only this store.")] = None,
    product: Annotated[str | None, typer.Option(help="Only this product.")] = None,
    series: Annotated[
        list[str] | None,
        typer.Option(metavar="STORE/PRODUCT", help="Only this series; may be repeated."),
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Every series.")] = False,
    failed_in: Annotated[
        str | None,
        typer.Option(metavar="RUN", help="Only series that failed in this run."),
    ] = None,
    older_than: Annotated[
        int | None,
        typer.Option(
            metavar="DAYS", help="Only series without a champion, or with one older than this."
        ),
    ] = None,
    as_of: Annotated[
        str | None,
        typer.Option(
            metavar="DATE", help="First day to forecast; unset: the day after the newest sale."
        ),
    ] = None,
    strategy: Annotated[
        str | None, typer.Option(metavar="NAME", help="Strategy; unset: the default.")
    ] = None,
    horizon: Annotated[
        int | None, typer.Option(metavar="N", help="Days to forecast; unset: 7.")
    ] = None,
    policy: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="When a new model becomes champion: always, if-better, never; unset: the "
            "setting's.",
        ),
    ] = None,
    reason: Annotated[str, typer.Option(help="Why; it is shown with the run.")] = "",
    run_id: Annotated[
        str | None, typer.Option(metavar="ID", help="A repeat with the same id is the same run.")
    ] = None,
    wait: Annotated[
        bool, typer.Option("--wait", help="Wait until it ends; exit 1 if a series failed.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Request a training run for --all, a --store, a --product, both, or --series."""
    with outcome():
        _check_scope(store, product, series, everything, failed_in)
        client = client_of(ctx)
        given = {
            "store": store,
            "product": product,
            "series": [named_series(each) for each in dict.fromkeys(series)] if series else None,
            "all": everything,
            "failed_in": None if failed_in is None else _run_id(client, failed_in),
            "older_than_days": older_than,
            "as_of": None if as_of is None else day_of("--as-of", as_of),
            "strategy": strategy,
            "horizon": horizon,
            "policy": policy,
            "reason": reason,
            "run_id": run_id or str(uuid.uuid4()),
            "requested_by": "cli",
        }
        body = {name: value for name, value in given.items() if value is not None}
        accepted = request(client, "retrain", "run_id", body)
        if wait:
            _wait(client, accepted["run_id"], as_json)
        elif as_json:
            print_json(accepted)
        else:
            typer.echo(f"Requested as run {accepted['run_id']}")
            typer.echo(f"See its progress: shelfcast runs {accepted['run_id']}")


def _check_scope(
    store: str | None,
    product: str | None,
    series: list[str] | None,
    everything: bool,
    failed_in: str | None,
) -> None:
    chosen = store is not None or product is not None
    if series and chosen:
        raise BadInput("--series: names each series; leave it out, or --store and --product")
    if (chosen or series) and everything:
        raise BadInput("--all: means every series; leave it out, or --store and --product")
    if not (chosen or series or everything or failed_in is not None):
        raise BadInput("--all, --store, --product, --series: none is given; name what to retrain")


def named_series(series: str) -> dict[str, str]:
    """Split STORE/PRODUCT; BadInput for anything else."""
    store, slash, product = series.partition("/")
    if not (store and slash and product) or "/" in product:
        raise BadInput(f"--series: {series!r} is not STORE/PRODUCT; use one like 1/milk")
    return {"store": store, "product": product}


def _run_id(client: Client, given: str) -> str:
    try:
        found: str = find_run(client, given)["run_id"]
    except NotFound:
        raise BadInput(
            f"--failed-in: there is no run {given!r}; `shelfcast runs` lists those there are"
        ) from None
    return found


def day_of(option: str, text: str) -> str:
    """Check an ISO day; BadInput for anything else."""
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        raise BadInput(f"{option}: {text!r} is not a day; use one like 2015-07-31") from None


def request(client: Client, path: str, id_field: str, body: dict[str, Any]) -> dict[str, Any]:
    """Send a request. Failed says how to repeat one that may have arrived."""
    try:
        accepted: dict[str, Any] = client.post(path, body=body)
    except NoAnswer as error:
        option = f"--{id_field.replace('_', '-')}"
        raise Failed(
            f"{error}, then repeat this with {option} {body[id_field]}: should the request "
            "have arrived after all, that is still one"
        ) from None
    return accepted


def _wait(client: Client, run_id: str, as_json: bool) -> None:
    try:
        found = _watch(client, run_id)
    except KeyboardInterrupt:
        typer.echo(f"shelfcast: the run goes on; see `shelfcast runs {run_id}`", err=True)
        raise typer.Exit(INTERRUPTED) from None
    if found["run_id"] != run_id:
        typer.echo(
            f"Run {run_id} was coalesced into {found['run_id']}, which was under way with the "
            "same series",
            err=True,
        )
    if as_json:
        print_json(with_failures(client, found))
    else:
        print_run(with_failures(client, found, FAILURES_SHOWN))
    if found["counts"]["failed"] or found["state"] == "cancelled":
        raise typer.Exit(FAILED)


def _watch(client: Client, run_id: str) -> Run:
    """Wait for the run's end with a progress bar on standard error; return the run."""
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
            done = counts["planned"] - counts["pending"]
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


def follow(client: Client, run_id: str) -> Iterator[Run | NotFound | Unavailable]:
    """The run as it goes, or why there is no news of it; ends when the run has and its forecasts
    can be read, or FORECAST_SECONDS later.

    A run that was coalesced is followed in the one that does its work. Raises Failed after
    PATIENCE_SECONDS without news.
    """
    heard, ended = client.clock(), None
    while True:
        try:
            news = client.get("runs", run_id, failures=0)  # twice a second: not all of them
        except (NotFound, Unavailable) as error:
            if (silent := client.clock() - heard) > PATIENCE_SECONDS:
                raise _no_news(run_id, silent, error) from None
            yield error
        else:
            heard = client.clock()
            yield news
            if news["state"] == "coalesced":
                run_id = news["coalesced_into"]
                continue
            if news["state"] != "running":
                ended = ended or client.clock()
                stale = (news["forecasts"] or {}).get("stale", False)
                if not stale or client.clock() - ended > FORECAST_SECONDS:
                    return
        client.pause(ASK_EVERY)


def _no_news(run_id: str, silent: float, error: NotFound | Unavailable) -> Failed:
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
