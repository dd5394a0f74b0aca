"""`serverless.yml` as osls packages it: the templates that CloudFormation would be given."""

import json
import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.deploy.tools import PROJECT

OSLS = PROJECT / "infra/aws/node_modules/.bin/osls"
FILES = ("serverless.yml", "infra/aws/resources.yml", "infra/aws/roles.yml")


@dataclass(frozen=True)
class Packaged:
    """A stage's template: the file, and what is in it."""

    file: Path
    template: dict[str, Any]

    def of_type(self, kind: str) -> dict[str, dict[str, Any]]:
        """Properties of the resources of this type, by their names."""
        resources = self.template["Resources"]
        return {n: r["Properties"] for n, r in resources.items() if r["Type"] == kind}


def require() -> None:
    """Skip where osls is not installed."""
    if not OSLS.exists():
        pytest.skip("osls is not installed: install Node.js 20 with npm, then `make check-deploy`")


def project(folder: Path, lambda_zip: Path) -> Path:
    """A folder with all that osls reads, for a test to change."""
    for name in FILES:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(PROJECT / name, folder / name)
    (folder / "build").mkdir()
    shutil.copy(lambda_zip, folder / "build" / "lambda.zip")
    return folder


def osls(
    folder: Path, arguments: Sequence[str], **environ: str
) -> subprocess.CompletedProcess[str]:
    """What osls says in that folder, which is its home too; it has no credentials but these."""
    known = {"PATH": os.environ["PATH"], "HOME": str(folder), **environ}
    return subprocess.run(
        [OSLS, *arguments], capture_output=True, text=True, check=False, cwd=folder, env=known
    )


def package(folder: Path, stage: str, *more: str) -> Packaged:
    """The stage's template; an assertion with all that osls says if it refuses."""
    target = folder / stage
    told = osls(folder, ["package", "--stage", stage, "--package", str(target), *more])
    assert told.returncode == 0, told.stdout + told.stderr
    assert "Warning" not in told.stdout + told.stderr, told.stdout + told.stderr
    file = target / "cloudformation-template-update-stack.json"
    return Packaged(file, json.loads(file.read_text()))
