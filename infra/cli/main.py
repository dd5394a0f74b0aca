"""The `shelfcast` command: each command's module is loaded when it runs; errors become one line.

Standard output carries results, standard error everything else. Exit codes: 0 done, 1 failed,
2 bad input, 130 interrupted. A command's module keeps its heavy imports inside its functions,
so that `shelfcast --help`, which loads all of them, answers at once.
"""

import os
import sys

import typer

from infra.cli.errors import FAILED, INTERRUPTED, exit_code
from infra.cli.lazy import LazyGroup

OWN_PACKAGES = ("events", "functions", "infra", "stream_jobs")

app = typer.Typer(
    name="shelfcast",
    cls=LazyGroup,
    help="Daily demand forecasts for every product in every store, updated by events.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def _shelfcast() -> None:
    """Make the application a group, so that commands can be added later."""


def main() -> None:
    """Run the command line; an error is one line on standard error, never a traceback."""
    try:
        app()
    except KeyboardInterrupt:
        print("shelfcast: interrupted", file=sys.stderr)
        sys.exit(INTERRUPTED)
    except BrokenPipeError:  # the reader, for example `head`, has exited
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(FAILED)
    except Exception as error:  # noqa: BLE001 - the last place that can report it
        print(f"shelfcast: {describe(error)}", file=sys.stderr)
        if os.environ.get("SHELFCAST_TRACEBACK"):
            import traceback

            traceback.print_exception(error)
        sys.exit(exit_code(error))


def describe(error: Exception) -> str:
    """Return the line that reports an error."""
    kind = type(error)
    if kind.__name__ == "ValidationError" and kind.__module__.startswith("pydantic"):
        return _settings_problem(error)
    if kind.__module__.partition(".")[0] in OWN_PACKAGES:
        return str(error)
    if isinstance(error, OSError):
        return f"{error}: see `shelfcast status` for what runs"
    return (
        f"{kind.__name__}: {error}: not foreseen; set SHELFCAST_TRACEBACK=1 to see where it arose"
    )


def _settings_problem(error: Exception) -> str:
    from pydantic import ValidationError

    from events.wording import in_words, place, shown

    if not isinstance(error, ValidationError):
        return str(error)
    wrong = "; ".join(
        f"{place(found['loc'], error.title)} {shown(found['input'])}: {in_words(found)}"
        for found in error.errors(include_url=False)
    )
    where = f"SHELFCAST_ variables for {error.title}" if error.title == "Settings" else error.title
    return f"bad value in {where}: {wrong}"


if __name__ == "__main__":
    main()
