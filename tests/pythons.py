"""Runs the unit tests on the oldest and newest Python supported: `python -m tests.pythons`.

The Python that runs this is left out: `make test` has it already. Each other gets a temporary
virtual environment, filled from the same lock. A Python that this machine lacks is told as
NOT TESTED. Versions given as arguments (`3.12`) take the place of the default ones. Ends with
1 when an installation or a test fails.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

from infra.local.preflight import NEWEST, OLDEST

ROOT = Path(__file__).parents[1]
WHICH = "import sys; print('.'.join(map(str, sys.version_info[:2])))"


def version_of(python: str) -> str | None:
    """The version of that interpreter as `3.13`; None if it does not run."""
    try:
        told = subprocess.run([python, "-c", WHICH], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None  # pyenv leaves a `python3.13` on the path that only says it is not chosen
    return told.stdout.strip()


def candidates(version: str) -> list[str]:
    """Where an interpreter of that version may be: the path, then pyenv's and uv's folders."""
    home = Path.home()
    pyenv = Path(os.environ.get("PYENV_ROOT", home / ".pyenv")) / "versions"
    uv = Path(os.environ.get("UV_PYTHON_INSTALL_DIR", home / ".local/share/uv/python"))
    kept = [*pyenv.glob(f"{version}*"), *uv.glob(f"cpython-{version}*")]
    on_path = shutil.which(f"python{version}")
    return [on_path] * bool(on_path) + [str(one / "bin" / "python3") for one in sorted(kept)]


def find(
    version: str, places: Iterable[str], told: Callable[[str], str | None] = version_of
) -> str | None:
    """The first of the places where an interpreter of that version runs; None if none does."""
    return next((place for place in places if told(place) == version), None)


def passes(python: str) -> bool:
    """Whether lock and unit tests hold on that interpreter."""
    uv = Path(sys.executable).with_name("uv")
    with tempfile.TemporaryDirectory(prefix="shelfcast-python-") as folder:
        inside = str(Path(folder) / "bin" / "python")
        pip = [str(uv), "pip"]
        quietly = ["--quiet", "--python", inside]
        steps: list[list[str]] = [
            [str(uv), "venv", "--quiet", "--python", python, folder],
            [*pip, "sync", *quietly, "--require-hashes", "requirements.txt"],
            [*pip, "install", *quietly, "--no-deps", "--no-build-isolation", "--editable", "."],
            [inside, "-m", "pytest", "tests/unit", "-q", "-p", "no:cacheprovider"],
        ]
        return all(subprocess.run(step, cwd=ROOT, check=False).returncode == 0 for step in steps)


def main() -> None:
    """Run the unit tests on each Python asked for; exit 1 when one fails."""
    running = ".".join(map(str, sys.version_info[:2]))
    ends = [".".join(map(str, end)) for end in (OLDEST, NEWEST)]
    wanted = sys.argv[1:] or [version for version in ends if version != running]
    failed = []
    for version in wanted:
        python = find(version, candidates(version))
        if python is None:
            print(f"Python {version}: NOT TESTED: this machine has none; install it and try again")
            continue
        print(f"Python {version}: {python}", flush=True)
        if not passes(python):
            failed.append(version)
    if failed:
        sys.exit(f"failed on Python {', '.join(failed)}")


if __name__ == "__main__":
    main()
