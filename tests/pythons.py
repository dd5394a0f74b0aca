"""Runs the unit tests on the oldest and newest Python supported: `python -m tests.pythons`.

The Python that runs this is left out: `make test` has it already. Each other gets a temporary
virtual environment, filled from the same lock. A Python that this machine lacks is told as
NOT TESTED. Versions given as arguments (`3.12`) take the place of the default ones. Ends with
1 when an installation or a test fails.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

from infra.local.interpreters import candidates, find
from infra.local.preflight import NEWEST, OLDEST

ROOT = Path(__file__).parents[1]


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
