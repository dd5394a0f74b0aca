"""Show the progress of several steps: live on a terminal, one line per step elsewhere."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console
from rich.progress import Progress as Bars
from rich.progress import SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn


class Progress(Protocol):
    """Receives the progress of several steps."""

    def begin(self, step: str, doing: str) -> None:
        """A step starts or continues; `doing` is the current activity, like `starting`."""

    def end(self, step: str, outcome: str) -> None:
        """The step has ended with `outcome`."""


class Silent:
    """Shows nothing."""

    def begin(self, step: str, doing: str) -> None:
        """Says nothing."""

    def end(self, step: str, outcome: str) -> None:
        """Says nothing."""


class Lines:
    """A line for each step that has ended, for logs and pipes."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._begun: dict[str, float] = {}

    def begin(self, step: str, doing: str) -> None:
        """Notes the time, once."""
        self._begun.setdefault(step, time.monotonic())

    def end(self, step: str, outcome: str) -> None:
        """Prints the outcome and the seconds it took."""
        seconds = time.monotonic() - self._begun.pop(step)
        self._console.print(f"{step}: {outcome} ({seconds:.1f} s)", highlight=False)


class Live:
    """A line for each step that counts its seconds while it lasts."""

    def __init__(self, bars: Bars) -> None:
        self._bars = bars
        self._tasks: dict[str, TaskID] = {}

    def begin(self, step: str, doing: str) -> None:
        """Adds the step's line, or says on it what is done now."""
        if step in self._tasks:
            self._bars.update(self._tasks[step], description=doing)
        else:
            self._tasks[step] = self._bars.add_task(doing, total=1, step=step)

    def end(self, step: str, outcome: str) -> None:
        """Ends the step's line with the outcome."""
        self._bars.update(self._tasks.pop(step), completed=1, description=outcome)


@contextmanager
def shown() -> Iterator[Progress]:
    """Progress on standard error for the length of the block."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield Lines(console)
        return
    columns = (
        SpinnerColumn(finished_text="[green]✓[/]"),
        TextColumn("{task.fields[step]:<9}"),
        TextColumn("{task.description}"),
        TimeElapsedColumn(),
    )
    with Bars(*columns, console=console) as bars:
        yield Live(bars)
