"""What `make` must never do to an environment that is not its own."""

import shutil
import subprocess
from pathlib import Path

PROJECT = Path(__file__).parents[3]
MAKE = shutil.which("make") or "make"


def test_an_environment_that_others_use_by_a_link_is_never_made_anew(tmp_path: Path):
    others = tmp_path / "others"
    others.mkdir()
    (others / "kept").touch()
    folder = tmp_path / "project"
    folder.mkdir()
    for name in ("Makefile", "pyproject.toml", "requirements.txt"):
        shutil.copy(PROJECT / name, folder / name)
    (folder / ".venv").symlink_to(others)

    told = subprocess.run(
        [MAKE, ".venv/.installed", "PYTHON=false"],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
    )

    assert told.returncode != 0
    assert ".venv is a link to an environment that others may use" in told.stdout
    assert [each.name for each in others.iterdir()] == ["kept"]
