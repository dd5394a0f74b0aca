"""One stack for all tests here, brought up from nothing, and down after the last of them."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.compose.composed import Composed
from tests.compose.engine import engine
from tests.compose.scraped import Scraped

STREAM = Path(__file__).with_name("stream.py")


@pytest.fixture(scope="package")
def docker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The environment in which a Docker engine answers."""
    with engine(tmp_path_factory.mktemp("engine")) as environment:
        yield environment


@pytest.fixture(scope="package")
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


@pytest.fixture(scope="package")
def prometheus(stack: Composed) -> Scraped:
    """The stack's Prometheus, which sees the broker, too; the rest of its profile has images that
    are not everywhere.
    """
    parts = ("prometheus", "kafka-metrics")
    stack.compose("--profile", "observability", "up", "--detach", "--wait", *parts)
    return Scraped(f"http://127.0.0.1:{stack.ports['PROMETHEUS_PORT']}/api/v1")
