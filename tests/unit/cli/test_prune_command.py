import asyncio
import json
from datetime import timedelta

import httpx
import pytest
from typer.testing import CliRunner, Result

from events.cloudevents import decode
from events.payloads import PruneRequested
from functions.retention import TABLES
from infra.cli.client import Client
from infra.cli.main import app
from infra.cli.prune import COUNTING_SECONDS
from tests.unit.api.served import InProcess, Shop


@pytest.fixture
def shop() -> Shop:
    return Shop()


def shelfcast(shop: Shop, *words: str) -> Result:
    client = Client("http://api", InProcess(shop.app()))
    return CliRunner(env={"COLUMNS": "80"}).invoke(app, words, obj=client)


def requests(shop: Shop) -> list[PruneRequested]:
    records = shop.log.records("maintenance-requests")
    return [decode(record.value, record.headers).data for record in records]


async def _old_runs(shop: Shop) -> None:
    shop.sell("1", "milk")
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(shop.app()), base_url="http://api"
    ) as client:
        await client.post("/retrain", json={"all": True, "run_id": "old"})
    await shop.plan()
    await shop.train("old", [("1", "milk")], failure="short")
    shop.storage.planned_at["old"] -= timedelta(days=400)


def test_prune_asks_for_it_and_says_where_to_look(shop: Shop):
    told = shelfcast(shop, "prune", "--reason", "disk", "--request-id", "mine")
    assert told.exit_code == 0
    assert told.stdout == (
        "Requested as mine\n"
        "See what was deleted: shelfcast events tail --topic maintenance --from-beginning\n"
    )
    assert requests(shop) == [PruneRequested(requested_by="cli", reason="disk")]


def test_a_dry_run_of_a_new_system_says_that_nothing_would_go(shop: Shop):
    told = shelfcast(shop, "prune", "--dry-run")
    assert told.exit_code == 0
    assert told.stdout == "Nothing would be deleted: no data has expired\n"
    assert requests(shop) == []


def test_a_dry_run_shows_what_would_go_and_asks_for_nothing(shop: Shop):
    asyncio.run(_old_runs(shop))
    day = str(shop.storage.planned_at["old"].date())
    told = shelfcast(shop, "prune", "--dry-run")
    assert told.exit_code == 0
    lines = [line.split() for line in told.stdout.splitlines()]
    assert ["training", "results", day, day, "1", "-"] in lines
    assert ["training", "runs", day, day, "1", "-"] in lines
    assert max(map(len, told.stdout.splitlines())) <= 80
    found = json.loads(shelfcast(shop, "prune", "--dry-run", "--json").stdout)
    rows = {each["table"]: each["rows"] for each in found["tables"]}
    assert rows == dict.fromkeys(TABLES, 0) | {"training_results": 1, "training_runs": 1}
    assert requests(shop) == []


def test_a_dry_run_waits_for_as_long_as_the_counting_of_all_rows_may_take():
    waited: list[float] = []

    def answer(request: httpx.Request) -> httpx.Response:
        waited.append(request.extensions["timeout"]["read"])
        return httpx.Response(200, json={"tables": []})

    client = Client("http://api", httpx.MockTransport(answer))
    assert CliRunner().invoke(app, ["prune", "--dry-run"], obj=client).exit_code == 0
    assert waited == [COUNTING_SECONDS]
