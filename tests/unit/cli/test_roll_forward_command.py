import asyncio
import json
from datetime import date

import pytest
from typer.testing import CliRunner, Result

from events.cloudevents import decode
from events.topics import lanes
from infra.cli.client import Client
from infra.cli.main import app
from tests.unit.api.served import InProcess, Shop


@pytest.fixture
def shop() -> Shop:
    shop = Shop()
    shop.sell("1", "milk")
    return shop


@pytest.fixture
def client(shop: Shop) -> Client:
    return Client("http://api", InProcess(shop.app()))


def shelfcast(client: Client, *words: str) -> Result:
    return CliRunner(env={"COLUMNS": "80"}).invoke(app, words, obj=client)


def asked(shop: Shop):
    records = [r for topic in lanes("forecast-requests") for r in shop.log.records(topic)]
    return [decode(record.value, record.headers) for record in records]


def test_everything_is_asked_for_and_the_id_told(client: Client, shop: Shop):
    told = shelfcast(client, "roll-forward", "--all", "--reason", "new prices")
    [event] = asked(shop)
    assert told.exit_code == 0
    assert told.stdout.splitlines()[0] == f"Requested as {event.id}"
    assert (event.data.requested_by, event.data.reason) == ("cli", "new prices")


def test_a_series_can_be_asked_for_with_days_of_its_own(client: Client, shop: Shop):
    words = ("--series", "1/milk", "--as-of", "2015-08-02", "--horizon", "3", "--json")
    told = shelfcast(client, "roll-forward", *words, "--request-id", "r-1")
    assert json.loads(told.stdout) == {"request_id": "r-1"}
    [event] = asked(shop)
    assert (event.id, event.lane) == ("r-1", "express")
    assert (event.data.as_of, event.data.horizon) == (date(2015, 8, 2), 3)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ([], "name whose forecasts to make anew, in one way"),
        (["--all", "--store", "1"], "in one way"),
        (["--series", "milk"], "--series: 'milk' is not STORE/PRODUCT"),
        (["--all", "--as-of", "soon"], "--as-of: 'soon' is not a day"),
        (["--store", "9"], "no sales are known of store '9'"),
    ],
)
def test_what_means_nothing_is_refused(client: Client, shop: Shop, words, told):
    refused = shelfcast(client, "roll-forward", *words)
    assert refused.exit_code == 2
    assert told in refused.stderr
    assert asked(shop) == []


def test_a_stale_forecast_says_so_above_its_days(client: Client, shop: Shop):
    client.post("retrain", body={"store": "1", "product": "milk", "run_id": "run-1"})

    async def train() -> None:
        await shop.plan()
        await shop.train("run-1", [("1", "milk")])

    asyncio.run(train())
    assert "stale" not in shelfcast(client, "forecast", "1", "milk").stdout
    run = shelfcast(client, "runs", "run-1").stdout
    assert "1 of 1 champions" in run
    shop.storage.sales["1", "milk"][date(2015, 8, 9)] = (1.0, True)
    told = shelfcast(client, "forecast", "1", "milk").stdout
    assert "stale since 2015-08-02: all its days are past" in told
    shop.storage.windows_served.clear()
    assert "stale: 1 of 1 champions are not forecast" in shelfcast(client, "runs", "run-1").stdout
