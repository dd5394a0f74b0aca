"""Errors of commands: one line on standard error, and an exit code.

0 done, 1 failed, 2 bad input, 130 interrupted. Bad input is `infra.errors.BadInput`.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import typer

from events.printable import one_line
from infra.errors import BadInput, BrokerAway

FAILED, BAD_INPUT, INTERRUPTED = 1, 2, 130
# Wrong settings and files, wherever they are noticed. By name: importing them takes time.
BAD_INPUTS = {
    *("SettingMissing", "CredentialsMissing", "PortTaken", "JavaUnusable"),
    *("ValidationError", "BadInput"),
}


class Failed(Exception):
    """The work failed, and not because of the input."""


class NotFound(Failed):
    """The requested object does not exist, or does not exist yet."""


class Unavailable(Failed):
    """The API or a server it needs does not answer now, but may later."""


class NoAnswer(Unavailable):
    """A request was sent and not answered; it may have been carried out."""


def exit_code(error: Exception) -> int:
    """Return the exit code for an error."""
    bad = isinstance(error, BadInput) or type(error).__name__ in BAD_INPUTS
    return BAD_INPUT if bad else FAILED


@contextmanager
def outcome(interrupted: str = "interrupted") -> Iterator[None]:
    """Turn an error into one line on standard error and an exit code."""
    try:
        yield
    except (BadInput, Failed, BrokerAway) as error:
        typer.echo(f"shelfcast: {one_line(str(error))}", err=True)
        raise typer.Exit(exit_code(error)) from None
    except KeyboardInterrupt:
        typer.echo(f"shelfcast: {interrupted}", err=True)
        raise typer.Exit(INTERRUPTED) from None
