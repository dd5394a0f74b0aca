"""The programs that check deployment files, from `.venv-deploy`, which `make` installs."""

import subprocess
from collections.abc import Sequence
from pathlib import Path

PROJECT = Path(__file__).parents[2]
TOOLS = PROJECT / ".venv-deploy" / "bin"


def program(tool: str) -> Path:
    """Where it is; of compose the program itself, as its package's script always exits with 0."""
    if tool == "docker-compose":
        [found] = (TOOLS.parent / "lib").glob("python*/site-packages/compose/docker-compose")
        return found
    return TOOLS / tool


def run(tool: str, arguments: Sequence[str | Path], **options: object) -> str:
    """What the tool prints; an assertion with all that it says if it ends with an error."""
    told = subprocess.run(
        [program(tool), *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=PROJECT,
        **options,
    )
    assert told.returncode == 0, f"{tool} {arguments}:\n{told.stdout}\n{told.stderr}"
    return told.stdout
