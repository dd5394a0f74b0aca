"""Find other Python versions on this machine."""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterable
from pathlib import Path

WHICH = "import sys; print('.'.join(map(str, sys.version_info[:2])))"


def version_of(python: str) -> str | None:
    """The version of that interpreter as `3.13`; None if it does not run."""
    try:
        done = subprocess.run([python, "-c", WHICH], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None  # pyenv leaves a `python3.13` on the path that only says it is not chosen
    return done.stdout.strip()


def candidates(version: str) -> list[str]:
    """Where an interpreter of that version may be: the path, then pyenv's and uv's folders."""
    home = Path.home()
    pyenv = Path(os.environ.get("PYENV_ROOT", home / ".pyenv")) / "versions"
    uv = Path(os.environ.get("UV_PYTHON_INSTALL_DIR", home / ".local/share/uv/python"))
    kept = [*pyenv.glob(f"{version}*"), *uv.glob(f"cpython-{version}*")]
    on_path = shutil.which(f"python{version}")
    first = [] if on_path is None else [on_path]
    return first + [str(one / "bin" / "python3") for one in sorted(kept)]


def find(
    version: str, places: Iterable[str], version_at: Callable[[str], str | None] = version_of
) -> str | None:
    """The first of the places where an interpreter of that version runs; None if none does."""
    return next((place for place in places if version_at(place) == version), None)
