"""What `make` must never do to an environment that is not its own."""

import shutil
import subprocess
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[3]
MAKE = shutil.which("make") or "make"


@pytest.mark.parametrize("environment", [".venv", ".venv-deploy", ".venv-aws"])
def test_an_environment_that_others_use_by_a_link_is_never_made_anew(
    tmp_path: Path, environment: str
):
    others = tmp_path / "others"
    others.mkdir()
    (others / "kept").touch()
    folder = tmp_path / "project"
    folder.mkdir()
    for name in ("Makefile", "pyproject.toml", "requirements.txt"):
        shutil.copy(PROJECT / name, folder / name)
    for lock in ("infra/deploy/tools.txt", "infra/aws/emulator.txt"):
        (folder / lock).parent.mkdir(parents=True, exist_ok=True)
        (folder / lock).touch()
    if environment != ".venv":
        (folder / ".venv").mkdir()
        (folder / ".venv" / ".installed").touch()
    (folder / environment).symlink_to(others)

    told = subprocess.run(
        [MAKE, f"{environment}/.installed", "PYTHON=false"],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
    )

    assert told.returncode != 0
    assert f"{environment} is a link to an environment that others may use" in told.stdout
    assert [each.name for each in others.iterdir()] == ["kept"]
