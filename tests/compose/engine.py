"""A Docker engine for these tests: one that answers, or one that they are asked to start.

SHELFCAST_START_ENGINE=1 starts it from the scripts in the folder SHELFCAST_CONTAINERS_KIT, which
also build images of the official names where no registry is reached. Without either the tests
are skipped, and say why.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

_DEFAULT = Path(__file__).parents[2] / ".." / "shared" / "containers"
KIT = Path(os.environ.get("SHELFCAST_CONTAINERS_KIT", _DEFAULT))
IMAGES = (
    *("python:3.13-slim", "postgres:18", "apache/kafka:4.3.1", "caddy:2"),
    "prom/prometheus:v3.5.0",
)
LAMBDA_IMAGES = ("localstack/localstack:4.14.0", "public.ecr.aws/lambda/python:3.13")


@contextmanager
def engine(scratch: Path) -> Iterator[dict[str, str]]:
    """The environment in which Docker answers, with the images; skips where it can't be had."""
    wanted = os.environ.get("SHELFCAST_START_ENGINE")
    if answers(os.environ):
        provide(scratch, dict(os.environ), IMAGES)
        yield dict(os.environ)
    elif wanted and KIT.is_dir():
        kit = _writable(scratch / "engine")
        told = _run([kit / "engine", "start"], dict(os.environ))
        variable, _, value = told.strip().removeprefix("export ").partition("=")
        environment = {**os.environ, variable: value}
        try:
            provide(scratch, environment, IMAGES)
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


def provide(scratch: Path, environment: dict[str, str], images: Sequence[str]) -> None:
    """Have those images there, if the kit is; else the engine fetches them when it needs them."""
    if KIT.is_dir():
        _run([_writable(scratch) / "stand-ins", *images], environment)


def _writable(scratch: Path) -> Path:
    """A copy of the kit: files that can't be written would be as unwritable in its images."""
    kit = scratch / "kit"
    shutil.copytree(KIT, kit)
    for path in [kit, *kit.rglob("*")]:
        path.chmod(path.stat().st_mode | 0o200)
    return kit


def _run(command: list[str | Path], environment: dict[str, str]) -> str:
    """What it prints; skips where this machine can't do it, which says nothing of the stack."""
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if ended.returncode != 0:
        pytest.skip(f"{command[0]} {command[1]} ended with {ended.returncode}: {ended.stderr}")
    return ended.stdout
