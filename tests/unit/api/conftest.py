from collections.abc import AsyncIterator

import httpx
import pytest

from tests.unit.api.served import AwayStorage, Shop


@pytest.fixture
def shop() -> Shop:
    """An API over memory: store 1 sells milk and bread, store 2 milk."""
    shop = Shop()
    for series in (("1", "milk"), ("1", "rye bread"), ("2", "milk")):
        shop.sell(*series)
    return shop


@pytest.fixture
async def api(shop: Shop) -> AsyncIterator[httpx.AsyncClient]:
    async with _client(httpx.ASGITransport(shop.app())) as client:
        yield client


@pytest.fixture
async def api_without_database(shop: Shop) -> AsyncIterator[httpx.AsyncClient]:
    async with _client(httpx.ASGITransport(shop.app(AwayStorage()))) as client:
        yield client


def _client(transport: httpx.ASGITransport) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=transport, base_url="http://api")
