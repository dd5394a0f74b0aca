"""Every storage there is: a suite that holds for one holds for all."""

from collections.abc import AsyncIterator

import pytest

from functions.ports import Storage
from tests.contract.harness import Harness, MemoryHarness, PostgresHarness


@pytest.fixture(params=["memory", "postgres"])
def url(request: pytest.FixtureRequest) -> str | None:
    return request.getfixturevalue("database") if request.param == "postgres" else None


@pytest.fixture
async def harness(url: str | None) -> AsyncIterator[Harness]:
    harness = MemoryHarness() if url is None else PostgresHarness(url)
    yield harness
    await harness.close()


@pytest.fixture
def storage(harness: Harness) -> Storage:
    return harness.storage
