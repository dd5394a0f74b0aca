import json
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner, Result

from events.cloudevents import decode
from events.payloads import SalesRemoved
from infra.cli.client import Client
from infra.cli.main import app
from tests.unit.api.served import LAST_DAY, InProcess, Shop


@pytest.fixture
def shop() -> Shop:
    shop = Shop()
    for series in (("1", "milk"), ("1", "rye bread"), ("a1", "U81")):
        shop.sell(*series)
    shop.storage.imports["a1", "U81"] = {LAST_DAY: "3f2a9c81-d04b"}
    return shop


@pytest.fixture
def client(shop: Shop) -> Client:
    return Client("http://api", InProcess(shop.app()))


def remove(client: Client, *words: str, answer: str = "") -> Result:
    return CliRunner().invoke(app, ["sales", "remove", *words], obj=client, input=answer)


def removals(shop: Shop) -> list[SalesRemoved]:
    return [decode(record.value, record.headers).data for record in shop.log.records("sales")]


def test_it_asks_before_a_series_goes_and_tells_how_much(client: Client, shop: Shop):
    words = ("--store", "a1", "--product", "U81", "--reason", "swapped")
    told = remove(client, *words, answer="n\n")
    assert told.exit_code == 1
    assert "Remove 60 days of 1 series, 2015-06-02 to 2015-07-31? [y/N]" in told.stderr
    assert removals(shop) == []
    told = remove(client, *words, answer="y\n")
    assert told.exit_code == 0
    assert "60 days of 1 series, 2015-06-02 to 2015-07-31 will be removed" in told.stdout
    (data,) = removals(shop)
    assert data == SalesRemoved(store="a1", product="U81", reason="swapped", requested_by="cli")


def test_an_import_goes_by_its_id_and_days_by_from_and_to(client: Client, shop: Shop):
    told = remove(client, "--import", "3f2a9c81-d04b", "--yes", "--json")
    assert told.exit_code == 0
    assert json.loads(told.stdout)["days"] == 1
    told = remove(client, "--store", "1", "--from", "2015-07-30", "--to", "2015-07-31", "-y")
    assert told.exit_code == 0
    assert "4 days of 2 series, 2015-07-30 to 2015-07-31" in told.stdout
    assert {data.key for data in removals(shop)} == {"3f2a9c81-d04b", "1/milk", "1/rye bread"}


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ((), "--store, --product, --import: give a store"),
        (("--store", "1", "--import", "x"), "--store, --product, --import: give a store"),
        (("--import", "x", "--from", "2015-07-30"), "--from, --to: are for a store or product"),
        (("--store", "1", "--json"), "--yes: is missing"),
        (("--store", "9", "--yes"), "store: no sales are known of store '9'"),
        (("--import", "x", "--yes"), "import_id: no sales are known of this import"),
        (("--store", "1", "--from", "soon", "--yes"), "first_day: must be a day like"),
    ],
)
def test_what_is_wrong_is_one_line_and_exit_two(client, shop: Shop, words, told: str):
    result = remove(client, *words)
    assert result.exit_code == 2
    assert result.stderr.startswith(f"shelfcast: {told}")
    assert result.stderr.count("\n") == 1
    assert removals(shop) == []


def test_a_request_without_an_answer_can_be_repeated():
    def silent(request: httpx.Request) -> Any:
        raise httpx.ReadTimeout("nothing", request=request)

    deaf = Client("http://api", httpx.MockTransport(silent))
    told = remove(deaf, "--store", "1", "--yes")
    assert told.exit_code == 1
    assert "then repeat this: a second removal changes nothing more" in told.stderr
