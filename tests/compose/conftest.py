"""One stack for all tests here, brought up from nothing."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.compose.composed import Composed
from tests.compose.engine import engine

STREAM = Path(__file__).with_name("stream.py")


@pytest.fixture(scope="session")
def docker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The environment in which a Docker engine answers."""
    with engine(tmp_path_factory.mktemp("engine")) as environment:
        yield environment


@pytest.fixture(scope="session")
def stack(docker: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Composed]:
    """The core, up."""
    scratch = tmp_path_factory.mktemp("files")
    scratch.chmod(0o755)  # the user in the container is another
    shutil.copy(STREAM, scratch / STREAM.name)
    composed = Composed(docker, scratch)
    try:
        composed.compose("build")
        composed.up()
        yield composed
    finally:
        composed.down("--volumes")
