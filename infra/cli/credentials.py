"""`shelfcast credentials`: a user of its own for each function, in Kafka and Postgres."""

from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command()(credentials)


def credentials(
    folder: Annotated[Path, typer.Argument(help="Where their names and passwords are kept.")],
) -> None:
    """Make each function a user of its own, which may do what it needs and no more.

    Run it as an operator: one who owns the tables, and may make users of Kafka if that asks for
    any. Then set SHELFCAST_CREDENTIALS to the folder, and start the processes. Again it keeps the
    passwords that are there, and brings up to date what each user may do.
    """
    from infra.credentials import give_credentials
    from infra.settings import load_settings

    users = give_credentials(load_settings(), folder)
    typer.echo(f"{len(users)} users, with their passwords in {folder}: {', '.join(users)}")
