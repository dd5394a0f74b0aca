"""The `shelfcast` command: every command's module registers itself, and errors become one line.

Standard output carries results, standard error everything else. Exit codes: 0 done, 1 failed,
2 bad input, 130 interrupted. A module that is imported here keeps its heavy imports inside its
functions, so that `shelfcast --help` answers at once.
"""

import os
import sys
import traceback

import typer

from infra.cli import (
    calendar,
    dead_letters,
    demo,
    events,
    forecasts,
    models,
    retrain,
    runs,
    sales,
    stack,
    what_if,
)

OWN_PACKAGES = ("events", "functions", "infra", "stream_jobs")
FAILED, BAD_INPUT, INTERRUPTED = 1, 2, 130
# Wrong settings and files, wherever they are noticed. By name: importing them takes time.
BAD_INPUTS = {"SettingMissing", "PortTaken", "JavaUnusable", "ValidationError", "BadInput"}

app = typer.Typer(
    name="shelfcast",
    help="A daily forecast for every product in every store, kept fresh by events.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
stack.register(app)
retrain.register(app)
runs.register(app)
forecasts.register(app)
what_if.register(app)
demo.register(app)
for group in (sales, calendar, models, dead_letters, events):
    app.add_typer(group.app)


def main() -> None:
    """Run the command line; an error is one line on standard error, never a traceback."""
    try:
        app()
    except KeyboardInterrupt:
        print("shelfcast: interrupted", file=sys.stderr)
        sys.exit(INTERRUPTED)
    except BrokenPipeError:  # the reader, such as `head`, has had enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(FAILED)
    except Exception as error:  # noqa: BLE001 - the last place where one can be reported
        print(f"shelfcast: {describe(error)}", file=sys.stderr)
        if os.environ.get("SHELFCAST_TRACEBACK"):
            traceback.print_exception(error)
        sys.exit(BAD_INPUT if type(error).__name__ in BAD_INPUTS else FAILED)


def describe(error: Exception) -> str:
    """What a person is told of an error."""
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
