"""The whole stack, started once and used by every test here."""

from collections.abc import Iterator

import pytest

from infra.local import stack
from tests.e2e.system import System


@pytest.fixture(scope="session")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    with stack.running(tmp_path_factory.mktemp("stack"), stack.EVERYTHING) as settings:
        yield System(settings)
