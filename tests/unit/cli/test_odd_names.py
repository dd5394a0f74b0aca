import asyncio
import json
import unicodedata

import pytest
from typer.testing import CliRunner

from infra.cli.client import Client
from infra.cli.main import app
from tests.unit.api.served import InProcess, Shop

NAMES = [
    "-5",
    "what-if",
    "history",
    "%2F",
    "100% Bio",
    "A&B #3",
    "a+b",
    "a?b=c",
    "a;b",
    "C:\\shop",
    'Zoë\'s "Café"',
    "🍎 fruit",
    "Store 1",
    "store 1",
    "Store  1",
    "...",
]


@pytest.fixture
def shop() -> Shop:
    shop = Shop()
    for name in NAMES:
        shop.sell(name, "total")
    return shop


@pytest.fixture
def client(shop: Shop) -> Client:
    client = Client("http://api", InProcess(shop.app()))
    client.post("retrain", body={"all": True, "run_id": "run-1"})
    asyncio.run(shop.plan())
    return client


@pytest.mark.parametrize("name", NAMES)
def test_a_store_is_read_back_by_its_name(client: Client, shop: Shop, name: str):
    asyncio.run(shop.train("run-1", [(name, "total")]))

    for words in (["forecast", name, "total"], ["models", "list", name, "total"]):
        told = CliRunner().invoke(app, [*words, "--json"], obj=client)
        assert told.exit_code == 0, told.stderr
        assert json.loads(told.stdout)["store"] == name
    history = client.get("series", name, "total")
    assert (history["store"], history["product"]) == (name, "total")


def test_a_store_is_found_in_either_spelling(client: Client):
    spelt = unicodedata.normalize("NFD", NAMES[10])
    assert spelt != NAMES[10]

    assert client.get("series", spelt, "total")["store"] == NAMES[10]


@pytest.mark.parametrize("name", [".", ".."])
def test_a_name_that_no_url_carries_is_refused_with_a_word(client: Client, name: str):
    told = CliRunner().invoke(app, ["retrain", "--store", name], obj=client)

    assert told.exit_code == 2
    assert "store: is dots alone, which no URL can carry; add a letter" in told.stderr
    for words in (["forecast", name, "total"], ["what-if", name, "total", "--day", "2015-08-01"]):
        told = CliRunner().invoke(app, words, obj=client)
        assert told.exit_code == 2
        assert "is dots alone" in told.stderr


def test_a_misspelt_option_is_still_told(client: Client):
    told = CliRunner().invoke(app, ["forecast", "1", "total", "--plto"], obj=client)

    assert told.exit_code == 2
    assert "No such option: --plto" in told.stderr
