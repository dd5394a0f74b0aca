"""Every storage there is: a suite that holds for one holds for all."""

from collections.abc import AsyncIterator

import pytest

from functions.storage import Storage
from infra.memory.storage import MemoryStorage
from infra.postgres.storage import PostgresStorage


@pytest.fixture(params=["memory", "postgres"])
def url(request: pytest.FixtureRequest) -> str | None:
    return request.getfixturevalue("database") if request.param == "postgres" else None


@pytest.fixture
async def storage(url: str | None) -> AsyncIterator[Storage]:
    if url is None:
        yield MemoryStorage()
        return
    postgres = PostgresStorage(url)
    yield postgres
    await postgres.close()
