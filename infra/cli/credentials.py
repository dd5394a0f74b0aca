"""`shelfcast credentials`: a separate user for each function in Kafka and Postgres."""

from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command()(credentials)


def credentials(
    folder: Annotated[Path, typer.Argument(help="Folder for their names and passwords.")],
) -> None:
    """Create a user for each function, with the rights it needs and no others.

    Run it as an operator: a role that owns the tables and, if Kafka has users, may create
    them. Then set SHELFCAST_CREDENTIALS to the folder, and start the processes. A repetition keeps
    the existing passwords and updates the rights of each user.
    """
    from infra.credentials import give_credentials
    from infra.settings import load_settings

    users = give_credentials(load_settings(), folder)
    typer.echo(f"{len(users)} users, with their passwords in {folder}: {', '.join(users)}")
