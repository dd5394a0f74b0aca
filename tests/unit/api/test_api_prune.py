from datetime import UTC, datetime, timedelta

import httpx

from events.cloudevents import decode
from events.payloads import PruneRequested
from functions.api import create_app
from functions.retention import TABLES, Retention
from infra.outages import is_outage
from tests.unit.api.served import LAST_DAY, Shop


def requests(shop: Shop) -> list[PruneRequested]:
    records = shop.log.records("maintenance-requests")
    return [decode(record.value, record.headers).data for record in records]


async def test_a_request_to_prune_becomes_an_event(api: httpx.AsyncClient, shop: Shop):
    body = {"reason": "disk", "requested_by": "ui", "request_id": "mine"}
    answer = await api.post("/prune", json=body)
    assert (answer.status_code, answer.json()) == (202, {"request_id": "mine"})
    assert requests(shop) == [PruneRequested(requested_by="ui", reason="disk")]


async def test_what_is_kept_is_for_the_settings_to_say(api: httpx.AsyncClient, shop: Shop):
    answer = await api.post("/prune", json={"keep_versions": 1})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "keep_versions"
    assert requests(shop) == []


async def test_what_would_go_is_told_and_stays(api: httpx.AsyncClient, shop: Shop):
    before = dict(shop.storage.sales)
    answer = await api.get("/prune")
    assert answer.status_code == 200
    assert answer.json()["tables"] == [
        {"table": table, "rows": 0, "oldest": None, "newest": None, "bytes": None}
        for table in TABLES
    ]
    assert shop.storage.sales == before
    assert requests(shop) == []


async def test_what_would_go_follows_the_settings_and_the_day(shop: Shop):
    today = datetime(LAST_DAY.year, LAST_DAY.month, LAST_DAY.day, tzinfo=UTC)
    app = create_app(
        *(shop.storage, shop.publisher(), shop.health, is_outage),
        retention=Retention(sales_days=10),
        clock=lambda: today,
    )
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://api") as client:
        found = (await client.get("/prune")).json()["tables"]
    [sales] = [each for each in found if each["rows"]]
    assert sales == {
        "table": "daily_sales",
        "rows": 3 * 49,
        "oldest": str(LAST_DAY - timedelta(days=59)),
        "newest": str(LAST_DAY - timedelta(days=11)),
        "bytes": None,
    }


async def test_a_database_that_is_away_is_a_503(api_without_database: httpx.AsyncClient):
    assert (await api_without_database.get("/prune")).status_code == 503
