"""The workflow asks for the same as every other machine, by steps that nobody can exchange."""

import re
from typing import Any

import yaml

from tests.deploy.tools import PROJECT, run

FILES = sorted((PROJECT / ".github" / "workflows").glob("*.yml"))
STEPS: list[dict[str, Any]] = [
    step
    for file in FILES
    for job in yaml.safe_load(file.read_text())["jobs"].values()
    for step in job["steps"]
]


def test_zizmor_finds_nothing_in_it():
    run("zizmor", ["--offline", "--no-progress", *FILES])


def test_it_runs_what_every_commit_has_to_pass():
    assert [step for step in STEPS if step.get("run") == ".ci/run"]
    assert (PROJECT / ".ci" / "run").stat().st_mode & 0o111


def test_every_action_is_named_by_the_hash_of_a_commit():
    used = [step["uses"] for step in STEPS if "uses" in step]

    assert used
    for each in used:
        assert re.fullmatch(r"[\w.-]+/[\w.-]+@[0-9a-f]{40}", each), each


def test_the_image_is_built_from_its_file_and_its_bill_is_kept():
    commands = " ".join(step.get("run", "") for step in STEPS)
    [kept] = [step["with"]["path"] for step in STEPS if "path" in step.get("with", {})]

    assert "docker build --file infra/docker/Dockerfile" in commands
    assert f"python -m infra.docker.sbom > {kept}" in commands
