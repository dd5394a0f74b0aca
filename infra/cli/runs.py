"""`shelfcast runs`: show training runs, and cancel one."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from events.printable import one_line
from infra.cli.client import Client, client_of
from infra.cli.errors import NotFound, outcome
from infra.cli.numbers import days
from infra.cli.output import Json, print_json
from infra.errors import BadInput

if TYPE_CHECKING:
    from rich.table import Table

MIN_ID = 8  # characters of a run's id in a table
MAX_LISTED = 1000  # runs, as the API gives them
FAILURES_SHOWN = 20
PAGE = 1000  # failures, as the API gives them
ONE_LINE_WIDTH, WHOLE_ID_WIDTH = 120, 145  # columns that a terminal has at least
TRAINED = "succeeded\nof planned"

Run = dict[str, Any]


class _ShowsUnlessTold(TyperGroup):
    """`runs` and `runs ID` are `runs show` and `runs show ID`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if not args or args[0] not in (*self.commands, *ctx.help_option_names):
            args = ["show", *args]
        return super().parse_args(ctx, args)


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    group = typer.Typer(
        cls=_ShowsUnlessTold,
        help="Show the newest runs, one run, or cancel one. `runs ID` is `runs show ID`.",
    )
    group.command()(show)
    group.command()(cancel)
    app.add_typer(group, name="runs")


def cancel(
    ctx: typer.Context,
    run_id: Annotated[str, typer.Argument(metavar="RUN_ID", help="Its id or the start of it.")],
    reason: Annotated[str, typer.Option(help="Why, for those who read the events.")] = "",
    as_json: Json = False,
) -> None:
    """Cancel a run: trained models stay, the other series are not trained."""
    with outcome():
        client = client_of(ctx)
        found = find_run(client, run_id)
        body = {"reason": reason, "requested_by": "cli"}
        accepted = client.post("runs", found["run_id"], "cancel", body=body)
        if as_json:
            print_json(accepted)
        else:
            typer.echo(f"Asked to cancel run {found['run_id']}")
            typer.echo(f"See the result: shelfcast runs {found['run_id']}")


def show(
    ctx: typer.Context,
    run_id: Annotated[
        str | None, typer.Argument(metavar="[RUN_ID]", help="One run, by its id or its start.")
    ] = None,
    limit: Annotated[
        int, typer.Option(metavar="N", help="How many runs, newest first, or failures of one.")
    ] = 20,
    state: Annotated[
        str | None,
        typer.Option(help="Only runs that are running, completed, cancelled or coalesced."),
    ] = None,
    requested_by: Annotated[
        str | None, typer.Option(metavar="NAME", help="Only runs that NAME asked for.")
    ] = None,
    since: Annotated[
        str | None, typer.Option(metavar="DAY", help="Only runs requested on DAY or later.")
    ] = None,
    until: Annotated[
        str | None, typer.Option(metavar="DAY", help="Only runs requested on DAY or earlier.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Show the newest runs, or one run with the series that failed."""
    chosen = {"state": state, "requested_by": requested_by, "since": since, "until": until}
    with outcome():
        client = client_of(ctx)
        if run_id is not None:
            if given := [name for name, value in chosen.items() if value is not None]:
                option = given[0].replace("_", "-")
                raise BadInput(f"--{option}: it chooses among runs; leave out it or RUN_ID")
            found = find_run(client, run_id)
            if as_json:
                print_json(with_failures(client, found))
            else:
                print_run(with_failures(client, found, limit), limit)
            return
        listed = client.get("runs", limit=limit, **chosen)
        if as_json:
            print_json(listed)
        elif listed["runs"]:
            from rich.console import Console

            console = Console(highlight=False)
            console.print(runs_table(listed["runs"], console.width))
        elif any(chosen.values()):
            typer.echo("No run is like that; `shelfcast runs` shows the newest ones")
        else:
            typer.echo("There is no run yet; request one with `shelfcast retrain --all`")


def with_failures(client: Client, run: Run, limit: int | None = None) -> Run:
    """Add up to `limit` failures to the run, or all, page by page."""
    wanted = run["counts"]["failed"] if limit is None else min(limit, run["counts"]["failed"])
    found = list(run["failures"])
    while len(found) < wanted:
        last = f"{found[-1]['store']}/{found[-1]['product']}" if found else None
        size = min(wanted - len(found), PAGE)
        page = client.get("runs", run["run_id"], "failures", after=last, limit=size)
        found += page["failures"]
        if page["next"] is None:
            break
    return {name: value for name, value in run.items() if name != "more"} | {"failures": found}


def find_run(client: Client, given: str) -> Run:
    """Find a run by its id, or by the unique start of its id."""
    try:
        found: Run = client.get("runs", given)
    except NotFound:
        listed = client.get("runs", limit=MAX_LISTED)["runs"]
        starts = [run["run_id"] for run in listed if run["run_id"].startswith(given)]
        if not starts:
            raise
        if len(starts) > 1:
            some = ", ".join(starts[:3]) + (", …" if len(starts) > 3 else "")
            raise BadInput(
                f"RUN_ID: {len(starts)} runs start with {given!r} ({some}); give more of the id"
            ) from None
        found = client.get("runs", starts[0])
    return found


def short_ids(ids: Sequence[str]) -> dict[str, str]:
    """Return each id's shortest unique start."""
    short = {}
    for one in ids:
        length = MIN_ID
        while length < len(one) and any(
            other != one and other.startswith(one[:length]) for other in ids
        ):
            length += 1
        short[one] = one[:length]
    return short


def runs_table(found: Sequence[Run], width: int) -> "Table":
    """Return a table of runs; a narrow terminal stacks the cells of a row."""
    from rich.text import Text

    apart = "  " if width >= ONE_LINE_WIDTH else "\n"
    ids = [run["run_id"] for run in found]
    shown = dict(zip(ids, ids, strict=True)) if width >= WHOLE_ID_WIDTH else short_ids(ids)
    table = plain_table("run", "requested", "scope", "strategy", "state", TRAINED)
    for column in table.columns:
        column.no_wrap = column.header not in ("scope", TRAINED)
    for run in found:
        counts = run["counts"]
        lasted, style = _lasted(run)
        trained = Text(f"{counts['succeeded']:,} of {counts['planned']:,}")
        for name, colour in (("failed", "red"), ("cancelled", "yellow")):
            if counts[name]:
                trained.append(f"{apart}{counts[name]:,} {name}", colour)
        table.add_row(
            Text(shown[run["run_id"]], "cyan"),
            Text(one_line(run["requested_by"]) + apart + ago(run["requested_at"])),
            Text(_scope(run)),
            Text(one_line(run["strategy"]) + apart + run["as_of"]),
            Text(run["state"], style).append(apart + lasted, "default"),
            trained,
        )
    return table


def plain_table(*names: str) -> "Table":
    """Return a table with a single line, below its head."""
    from rich import box
    from rich.table import Table

    return Table(
        *names,
        box=box.SIMPLE_HEAD,
        show_edge=False,
        padding=(0, 1, 0, 0),
        pad_edge=False,
        caption_justify="left",
    )


def print_run(run: Run, failures: int = FAILURES_SHOWN) -> None:
    """Print one run and its failed series."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    lasted, style = _lasted(run)
    requested = f"by {run['requested_by']}, {ago(run['requested_at'])} ({_utc(run)})"
    rows: dict[str, str | Text] = {
        "run": Text(run["run_id"], "cyan"),
        "state": Text(run["state"], style).append(f", {lasted}", "default"),
        "requested": requested,
        "reason": one_line(run["reason"]),
        "scope": _scope(run),
        "only": _only(run),
        "strategy": run["strategy"],
        "policy": run["policy"],
        "as of": f"{run['as_of']}, {days(run['horizon'])} ahead",
        "series": counted(run["counts"]) + _rate(run),
        "forecasts": _forecasts(run),
    }
    console = Console(highlight=False)
    grid = Table.grid(padding=(0, 2))
    for name, text in rows.items():
        if text:
            grid.add_row(Text(name, "dim"), text if isinstance(text, Text) else Text(text))
    console.print(grid)
    if run["state"] == "coalesced":
        into = run["coalesced_into"]
        console.print(f"Coalesced into run {into}, which does the work: shelfcast runs {into}")
    elif not run["counts"]["planned"] and _only(run):
        console.print("No series matches the filters: there was nothing to train")
    elif not run["counts"]["planned"]:
        console.print("No series is known: import sales with `shelfcast sales import`")
    if run["failures"]:
        console.print()
        console.print(_failures_table(run, failures))


def _forecasts(run: Run) -> str:
    """Say how many champions have the requested forecast, and why not all."""
    if (forecasts := run["forecasts"]) is None or not forecasts["due"]:
        return ""
    if forecasts["stale"]:
        return f"stale: {forecasts['stale_reason']}"
    return f"{forecasts['current']:,} of {forecasts['due']:,} champions"


def _failures_table(run: Run, limit: int) -> "Table":
    from rich.text import Text

    failures = run["failures"]
    table = plain_table("store", "product", "why it failed")
    for failure in failures[:limit]:
        table.add_row(*(Text(one_line(failure[n])) for n in ("store", "product", "reason")))
    if (more := run["counts"]["failed"] - min(limit, len(failures))) > 0:
        table.caption = f"and {more:,} more: shelfcast runs {run['run_id']} --limit {limit * 10}"
    return table


def counted(counts: dict[str, int]) -> str:
    """Format the number of a run's series by result."""
    names = ("planned", "succeeded", "failed", *(["cancelled"] if counts["cancelled"] else []))
    return ", ".join(f"{counts[name]:,} {name}" for name in names)


def _rate(run: Run) -> str:
    if (seconds := _seconds(run)) <= 0 or not (done := run["counts"]["succeeded"]):
        return ""
    return f", {done / seconds:,.1f}/s"


def _only(run: Run) -> str:
    """Describe the run's filters; empty without any."""
    parts = []
    if run["failed_in"] is not None:
        parts.append(f"what failed in run {run['failed_in']}")
    if (age := run["older_than_days"]) is not None:
        parts.append(f"champions older than {days(age)}, or none")
    return ", ".join(parts)


def _scope(run: Run) -> str:
    if run["named"]:
        return f"{run['counts']['planned']:,} named series"
    match run["store"], run["product"]:
        case None, None:
            return "every series"
        case store, None:
            return one_line(f"store {store}")
        case None, product:
            return one_line(f"product {product}")
        case store, product:
            return one_line(f"{store}/{product}")


def _lasted(run: Run) -> tuple[str, str]:
    """Return the run's state with its duration so far, and a colour."""
    if run["state"] == "running":
        return f"for {span(_seconds(run))}", "yellow"
    if run["state"] == "coalesced":
        return f"into {run['coalesced_into'][:MIN_ID]}", "yellow"
    if not run["counts"]["planned"]:
        return "nothing to do", "yellow"
    if run["state"] == "cancelled":
        return f"after {span(_seconds(run))}", "yellow"
    return f"in {span(_seconds(run))}", "red" if run["counts"]["failed"] else "green"


def _seconds(run: Run) -> float:
    ended = run["finished_at"]
    end = datetime.now(UTC) if ended is None else datetime.fromisoformat(ended)
    return (end - datetime.fromisoformat(run["requested_at"])).total_seconds()


def _utc(run: Run) -> str:
    return f"{datetime.fromisoformat(run['requested_at']).astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def span(seconds: float) -> str:
    """Format a duration in its one or two largest units."""
    if seconds < 9.95:
        return f"{max(seconds, 0):.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours >= 48:
        return f"{hours // 24} days"
    parts = ((hours, "h"), (minutes, "min"), (0 if hours else rest, "s"))
    return " ".join(f"{count} {unit}" for count, unit in parts if count)


def ago(time: str, now: datetime | None = None) -> str:
    """Format roughly how long ago a time is."""
    seconds = ((now or datetime.now(UTC)) - datetime.fromisoformat(time)).total_seconds()
    for length, unit in ((86400, "day"), (3600, "hour"), (60, "min")):
        if (count := int(seconds // length)) >= 1:
            return f"{count:,} {unit}{'s' if count > 1 and unit != 'min' else ''} ago"
    return f"{max(seconds, 0):.0f} s ago"
