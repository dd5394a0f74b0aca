"""Check that this machine can run the composed stack: `python -m infra.docker.preflight`.

What is missing, too old or too full is said with the value seen and the next step, before anything
is built; the exit code is then 2. It needs nothing but Python.
"""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

MIN_ENGINE = (20, 10)  # of which memory limits, `init` and named volumes were tried
MIN_COMPOSE = (2, 24)  # the first that takes an env_file that need not be there
MIN_FREE = 8 << 30  # images and what they are built from take 5 GB, data come on top
MIN_MEMORY = 6 << 30  # the five services hold 2.3 GB idle; a full retrain more
GIB = 1 << 30
Ask = Callable[[Sequence[str]], str | None]


def problems(ask: Ask, free_bytes: Callable[[Path], int | None]) -> list[str]:
    """List the obstacles; `ask` returns a command's output, or None if it fails."""
    engine = ask(["docker", "version", "--format", "{{.Server.Version}}"])
    if engine is None:
        return [
            "no Docker engine answers: install Docker Engine or Docker Desktop and start it; "
            "`docker version` must name a server"
        ]
    found = [
        problem
        for problem in (
            _too_old("the Docker engine", engine, MIN_ENGINE),
            _compose(ask(["docker", "compose", "version", "--short"])),
        )
        if problem
    ]
    info = json.loads(ask(["docker", "info", "--format", "{{json .}}"]) or "{}")
    if 0 < (memory := info.get("MemTotal", 0)) < MIN_MEMORY:
        found.append(
            f"the Docker engine has {memory / GIB:.1f} GiB of memory, and {MIN_MEMORY // GIB} are "
            "needed: give it more"
        )
    folder = info.get("DockerRootDir")
    free = free_bytes(Path(folder)) if folder else None
    if free is not None and free < MIN_FREE:
        found.append(
            f"{folder} has {free / GIB:.1f} GiB of room, and {MIN_FREE // GIB} are needed: "
            "`docker system df` shows what holds it"
        )
    return found


def _compose(version: str | None) -> str | None:
    if version is None:
        return "docker compose is not there: install Docker's compose plugin"
    return _too_old("docker compose", version, MIN_COMPOSE)


def _too_old(what: str, version: str, oldest: tuple[int, int]) -> str | None:
    numbers = re.findall(r"\d+", version)[:2]
    if len(numbers) == 2 and tuple(map(int, numbers)) < oldest:
        return f"{what} is {version.strip()}, and {'.'.join(map(str, oldest))} is needed: update it"
    return None


def _ask(command: Sequence[str]) -> str | None:
    program = shutil.which(command[0])
    if program is None:
        return None
    ended = subprocess.run(
        [program, *command[1:]], capture_output=True, text=True, check=False, timeout=60
    )
    return ended.stdout if ended.returncode == 0 else None


def _free(folder: Path) -> int | None:
    """None where the engine's folder is on another machine, or closed to this user."""
    try:
        return shutil.disk_usage(folder).free
    except OSError:
        return None


def main() -> None:
    """Exit with 0 or 2."""
    found = problems(_ask, _free)
    for problem in found:
        print(f"shelfcast: {problem}", file=sys.stderr)
    sys.exit(2 if found else 0)


if __name__ == "__main__":
    main()
