from importlib import import_module
from pathlib import Path

from typer.testing import CliRunner

import infra.cli
from infra.cli.lazy import MODULES, commands_of
from infra.cli.main import app

OF_COMMANDS = [
    file.stem
    for file in sorted(Path(infra.cli.__path__[0]).glob("*.py"))
    if {"register", "app"} & set(vars(import_module(f"infra.cli.{file.stem}")))
    and file.stem != "main"
]


def test_every_command_of_every_module_is_in_the_table() -> None:
    found = {name: module for module in OF_COMMANDS for name in commands_of(module)}

    assert found == MODULES


def test_help_lists_every_command_with_what_it_does() -> None:
    told = CliRunner().invoke(app, ["--help"], env={"COLUMNS": "200"})

    assert told.exit_code == 0
    lines = [line.strip("│ ") for line in told.output.splitlines()]
    for name in MODULES:
        [line] = [line for line in lines if line.split(" ")[0] == name]
        assert len(line.split()) > 3, line


def test_a_mistyped_command_is_told_the_nearest() -> None:
    told = CliRunner().invoke(app, ["serie"])

    assert told.exit_code == 2
    assert "Did you mean 'series'?" in told.output
