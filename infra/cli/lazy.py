"""Commands whose modules are imported on first use.

Running a command imports only its module. `--help`, completion and the hint after a mistyped
name list all commands; only the first two import them.
"""

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any, cast

import typer
from typer.core import TyperGroup
from typer.main import get_group

# The module of each command, in the order in which `--help` lists them.
MODULES = {
    "up": "stack",
    "down": "stack",
    "status": "stack",
    "logs": "stack",
    "migrate": "migrate",
    "retrain": "retrain",
    "roll-forward": "roll_forward",
    "forecast": "forecasts",
    "series": "forecasts",
    "what-if": "what_if",
    "demo": "demo",
    "prune": "prune",
    "credentials": "credentials",
    "runs": "runs",
    "sales": "sales",
    "calendar": "calendar",
    "models": "models",
    "dead-letters": "dead_letters",
    "events": "events",
}


def commands_of(module: str) -> dict[str, Any]:
    """The commands that a module of `infra.cli` has, by name."""
    loaded = import_module(f"infra.cli.{module}")
    own = typer.Typer()
    if hasattr(loaded, "register"):
        loaded.register(own)
    else:
        own.add_typer(loaded.app)
    return dict(get_group(own).commands)


class LazyCommands(Mapping[str, Any]):
    """Commands by name; one is loaded when it is first taken out."""

    def __init__(self, modules: Mapping[str, str]) -> None:
        self._modules = modules
        self._loaded: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._loaded:
            self._loaded[name] = commands_of(self._modules[name])[name]
        return self._loaded[name]

    def __contains__(self, name: object) -> bool:
        return name in self._modules

    def __iter__(self) -> Iterator[str]:
        return iter(self._modules)

    def __len__(self) -> int:
        return len(self._modules)


class LazyGroup(TyperGroup):
    """The group of all commands."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        # Nobody adds one, so a mapping that can't change will do.
        self.commands = cast(Any, LazyCommands(MODULES))
