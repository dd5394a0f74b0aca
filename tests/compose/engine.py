"""A Docker engine for these tests: one that answers, or one that they are asked to start.

SHELFCAST_START_ENGINE=1 starts it from the scripts in the folder SHELFCAST_CONTAINERS_KIT, which
also build images of the official names where no registry is reached. Without either the tests
are skipped, and say why.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

_DEFAULT = Path(__file__).parents[2] / ".." / "shared" / "containers"
KIT = Path(os.environ.get("SHELFCAST_CONTAINERS_KIT", _DEFAULT))
IMAGES = ("python:3.13-slim", "postgres:18", "apache/kafka:4.3.1", "caddy:2")


@contextmanager
def engine(scratch: Path) -> Iterator[dict[str, str]]:
    """The environment in which Docker answers, with the images; skips where it can't be had."""
    wanted = os.environ.get("SHELFCAST_START_ENGINE")
    if answers(os.environ):
        if KIT.is_dir():
            _build(_writable(scratch), dict(os.environ))
        yield dict(os.environ)
    elif wanted and KIT.is_dir():
        kit = _writable(scratch)
        told = _run([kit / "engine", "start"], dict(os.environ))
        variable, _, value = told.strip().removeprefix("export ").partition("=")
        environment = {**os.environ, variable: value}
        try:
            _build(kit, environment)
            yield environment
        finally:
            _run([kit / "engine", "stop"], environment)
    else:
        pytest.skip(
            "no Docker engine answers: start one, or let SHELFCAST_START_ENGINE=1 start it from "
            f"SHELFCAST_CONTAINERS_KIT ({KIT})"
        )


def answers(environment: "os._Environ[str] | dict[str, str]") -> bool:
    """Whether a Docker engine does."""
    docker = shutil.which("docker")
    if docker is None:
        return False
    asked = subprocess.run([docker, "version"], env=environment, capture_output=True, check=False)
    return asked.returncode == 0


def _writable(scratch: Path) -> Path:
    """A copy of the kit: files that can't be written would be as unwritable in its images."""
    kit = scratch / "kit"
    shutil.copytree(KIT, kit)
    for path in [kit, *kit.rglob("*")]:
        path.chmod(path.stat().st_mode | 0o200)
    return kit


def _build(kit: Path, environment: dict[str, str]) -> None:
    _run([kit / "stand-ins", *IMAGES], environment)


def _run(command: list[str | Path], environment: dict[str, str]) -> str:
    ended = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=False)
    assert ended.returncode == 0, f"{command} ended with {ended.returncode}"
    return ended.stdout
