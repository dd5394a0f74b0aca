"""`shelfcast up`, `down`, `status` and `logs`: manage the local stack."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from infra.cli.errors import BAD_INPUT, FAILED
from infra.cli.output import Json, print_json

if TYPE_CHECKING:
    from rich.table import Table

    from infra.local.status import ComponentStatus
    from infra.settings import Settings

COMPONENTS = ("postgres", "kafka", "spark", "ray")
STATE_STYLES = {
    "ready": "green",
    "starting": "yellow",
    "degraded": "red",
    "stopped": "red",
    "elsewhere": "cyan",
}
MIB = 1 << 20
FOLLOW_EVERY = 0.2  # seconds


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    for command in (up, down, status, logs):
        app.command()(command)


def up(as_json: Json = False) -> None:
    """Start every part that does not run, and wait until all are ready."""
    from infra.local import stack
    from infra.local.progress import shown
    from infra.local.status import status as status_of

    settings = checked_settings()
    try:
        with shown() as progress:
            running = stack.up(settings, progress)
    except KeyboardInterrupt:
        hint = (
            "started parts keep running: `shelfcast up` waits for them, `shelfcast down` stops them"
        )
        typer.echo(f"shelfcast: {hint}", err=True)
        raise
    if as_json:
        print_json([vars(part) for part in status_of(running)])
    else:
        typer.echo(f"Shelfcast is up: http://{running.http_host}:{running.http_port}/")


def down(as_json: Json = False) -> None:
    """Stop what `up` started; the data stay."""
    from infra.local import stack
    from infra.local.progress import shown

    settings = _settings()
    with shown() as progress:
        killed = stack.down(settings, progress)
    for victim in killed:
        typer.echo(f"shelfcast: killed {victim}: it did not end by itself", err=True)
    if as_json:
        print_json({"killed": killed})
    else:
        typer.echo(f"The stack is down; its data stay in {settings.home}")


def status(as_json: Json = False) -> None:
    """Show the state of each part of the stack; exit 1 unless all are ready."""
    from infra.local.status import status as status_of

    parts = status_of(_settings())
    if as_json:
        print_json([vars(part) for part in parts])
    else:
        from rich.console import Console

        console = Console()
        console.print(status_table(parts))
        for part in parts:
            if part.reason is not None:
                console.print(f"{part.name}: {part.reason}", markup=False, highlight=False)
    if any(part.state not in ("ready", "elsewhere") for part in parts):
        raise typer.Exit(FAILED)


def logs(
    name: Annotated[str | None, typer.Argument(help="Part of the stack; unset: all.")] = None,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Print new lines as they are written.")
    ] = False,
    lines: Annotated[int, typer.Option("--lines", "-n", min=0, help="Lines of each log.")] = 50,
    as_json: Json = False,
) -> None:
    """Show the last lines of the logs."""
    from infra.local.logs import Follower, last_lines

    if as_json and follow:
        raise typer.BadParameter("--json prints one document, so it can't --follow")

    if name is not None and name not in COMPONENTS:
        raise typer.BadParameter(f"{name!r} is not one of {', '.join(COMPONENTS)}")
    folder = _settings().home / "logs"
    files = {one: folder / f"{one}.log" for one in ([name] if name else COMPONENTS)}
    if not follow and not any(file.exists() for file in files.values()):
        typer.echo(f"shelfcast: no log in {folder} yet: run `shelfcast up`", err=True)
        raise typer.Exit(FAILED)
    if as_json:
        print_json({one: last_lines(file, lines) for one, file in files.items()})
        return
    width = 0 if name else max(map(len, COMPONENTS))
    followers = {one: Follower(file) for one, file in files.items()}
    for one, file in files.items():
        for line in last_lines(file, lines):
            typer.echo(f"{one:{width}} | {line}" if width else line)
    while follow:
        for one, follower in followers.items():
            for line in follower.new_lines():
                typer.echo(f"{one:{width}} | {line}" if width else line)
        time.sleep(FOLLOW_EVERY)


def status_table(parts: list["ComponentStatus"]) -> "Table":
    """Return a table of the parts."""
    from rich.table import Table

    table = Table("name", "state", "pid", "address", "memory", "log")
    table.columns[2].justify = table.columns[4].justify = "right"
    table.columns[5].overflow = "fold"
    for part in parts:
        style = STATE_STYLES[part.state]
        table.add_row(
            part.name,
            f"[{style}]{part.state}[/]",
            str(part.pid or ""),
            part.address or "",
            f"{part.memory / MIB:,.0f} MiB" if part.memory else "",
            _short(part.log),
        )
    return table


def _short(path: str | None) -> str:
    """Return the path relative to the working directory if it is below it, to save space."""
    if path is None:
        return ""
    here = Path.cwd()
    return str(Path(path).relative_to(here)) if Path(path).is_relative_to(here) else path


def checked_settings() -> "Settings":
    """Return the settings for starting the stack; exit 2 if the machine lacks something."""
    from infra.local.status import status as status_of

    settings = _settings()
    if not any(part.pid for part in status_of(settings)):
        _preflight(settings.home)
    return settings


def _settings() -> "Settings":
    """Read the settings from the environment alone: servers it names are not started here."""
    from infra.settings import Settings

    settings = Settings(_env_file=None)
    return settings.model_copy(update={"home": settings.home.absolute()})


def _preflight(home: Path) -> None:
    from infra.local.preflight import problems
    from infra.local.state import close

    close(home)
    found = problems(str(home), installed=True)
    for problem in found:
        typer.echo(f"shelfcast: {problem}", err=True)
    if found:
        raise typer.Exit(BAD_INPUT)
