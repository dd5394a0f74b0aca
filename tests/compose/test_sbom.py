"""The image says what it holds, in a document that CycloneDX's own schema takes."""

import json
import subprocess

from tests.compose.composed import Composed
from tests.deploy.tools import TOOLS

IMAGE = "shelfcast:latest"
VALIDATE = (
    "import sys; from cyclonedx.schema import SchemaVersion; "
    "from cyclonedx.validation.json import JsonStrictValidator; "
    "wrong = JsonStrictValidator(SchemaVersion.V1_6).validate_str(sys.stdin.read()); "
    "sys.exit(wrong and str(wrong))"
)


def test_the_image_lists_what_it_holds(stack: Composed):
    told = stack.docker(
        "run", "--rm", "--network", "none", IMAGE, "python", "-m", "infra.docker.sbom"
    )

    checked = subprocess.run(
        [TOOLS / "python", "-c", VALIDATE], input=told, capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stderr
    kinds = {each["purl"].partition("@")[0] for each in json.loads(told)["components"]}
    assert {"pkg:pypi/shelfcast", "pkg:pypi/ray", "pkg:deb/debian/libc6"} <= kinds
    assert "pkg:maven/org.apache.kafka/kafka-clients" in kinds


def test_what_was_installed_beside_the_code_is_not_in_the_image(stack: Composed):
    find = ("find", "/opt/app", "-name", "node_modules")

    assert stack.docker("run", "--rm", "--network", "none", IMAGE, *find) == ""
