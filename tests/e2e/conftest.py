"""The whole stack, started once and used by every test here."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.local import stack
from tests.e2e import traces
from tests.e2e.system import System

GUARD = 1800  # seconds for one test; what hangs has to end some day, on however busy a machine


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.timeout(GUARD))


@pytest.fixture(scope="session")
def collector() -> Iterator[traces.Collector]:
    """Where the stack's traces go."""
    with traces.collector() as collector:
        yield collector


@pytest.fixture(scope="session")
def system(
    tmp_path_factory: pytest.TempPathFactory, collector: traces.Collector
) -> Iterator[System]:
    # Whatever the environment says, Ray asks for its token.
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("RAY_AUTH_MODE", "disabled")
        environment.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.address)
        yield from _started(tmp_path_factory)


def _started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    with stack.running(tmp_path_factory.mktemp("stack"), stack.EVERYTHING) as settings:
        yield System(settings)
