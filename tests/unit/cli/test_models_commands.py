import asyncio
import json
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner, Result

from events.payloads import Compared, Finding
from functions.forecasting.findings import said
from infra.cli.client import Client
from infra.cli.main import app
from tests.unit.api.served import InProcess, Shop, loses_to

MILK, BREAD = ("1", "milk"), ("1", "rye bread")


@pytest.fixture
def shop() -> Shop:
    shop = Shop()
    for series in (MILK, BREAD, ("2", "milk")):
        shop.sell(*series)
    return shop


@pytest.fixture
def client(shop: Shop) -> Client:
    """Milk has a previous model, a champion and a challenger; rye bread has a champion."""
    client = Client("http://api", InProcess(shop.app()))

    async def train() -> None:
        await shop.plan()
        await shop.train("run-1", [MILK])
        await shop.train("run-2", [MILK, BREAD])
        await shop.train("run-3", [MILK], **loses_to("run-2:1:milk"))

    for n in (1, 2, 3):
        client.post("retrain", body={"store": "1", "run_id": f"run-{n}"})
    asyncio.run(train())
    return client


def shelfcast(client: Client, *words: str) -> Result:
    return CliRunner(env={"COLUMNS": "80"}).invoke(app, ["models", *words], obj=client)


def standing(shop: Shop) -> dict[str, int]:
    found = asyncio.run(shop.storage.versions_page(*MILK, None, 100))
    return {alias: model.version for model in found for alias in model.aliases}


def test_models_are_a_table_with_metrics_aliases_and_the_verdict_on_the_newest(client: Client):
    told = shelfcast(client, "list", *MILK)

    assert told.exit_code == 0
    lines = told.stdout.splitlines()
    assert max(map(len, lines[:-2])) <= 80
    assert [line.split()[:2] for line in lines[2:5]] == [
        ["3", "challenger"],
        ["2", "champion"],
        ["1", "previous"],
    ]
    assert lines[3].split()[2:] == ["auto:", "windowed", "2015-08-01", "323", "-", "-", "-"]
    assert lines[-2:] == [
        "Version 3 was kept as challenger: score 0.900, champion 0.800 on the same folds "
        "(naive 1): it loses by more than 2%",
        said("drivers-unused", {"names": ["promo"]}),
    ]


def test_what_the_newest_is_a_mean_of_is_told_the_largest_share_first(shop: Shop):
    client = Client("http://api", InProcess(shop.app()))
    client.post("retrain", body={"store": "1", "run_id": "run-1"})
    shares = {"local": 0.25, "calendar-all": 0.75, "naive": None}
    compared = tuple(
        Compared(strategy=name, score=0.9, metrics={}, weight=share)
        for name, share in shares.items()
    )
    finding = Finding(code="drivers-unused", values={"names": ("price",)})

    async def train() -> None:
        await shop.plan()
        await shop.train("run-1", [MILK], comparison=compared, findings=(finding,))

    asyncio.run(train())
    told = shelfcast(client, "list", *MILK)
    assert told.stdout.splitlines()[-2:] == [
        "Its forecasts are a mean: calendar-all 75.0 %, local 25.0 %",
        said(finding.code, finding.values),
    ]


def test_a_version_is_promoted_and_where_to_look_is_told(client: Client, shop: Shop):
    told = shelfcast(client, "promote", *MILK, "--version", "1", "--reason", "shelves")

    assert told.exit_code == 0
    (event,) = shop.promotions()
    assert told.stdout.splitlines() == [
        f"Requested as {event.id}, for 1 series",
        "See the result: shelfcast models history 1 milk",
    ]
    assert (event.data.version, event.data.reason) == (1, "shelves")
    assert event.data.requested_by == "cli"
    asyncio.run(shop.promote())
    assert standing(shop)["champion"] == 1


@pytest.mark.parametrize(
    ("words", "champion"),
    [
        (["promote", *MILK], 3),
        (["promote", *MILK, "--model", "run-1:1:milk"], 1),
        (["promote", "--series", "1/milk"], 3),
        (["promote", "--run", "run-3"], 3),
        (["rollback", *MILK], 1),
        (["rollback", "--series", "1/milk"], 1),
        (["rollback", "--run", "run-2"], 1),
    ],
)
def test_champions_are_chosen_by_series_list_or_run(client, shop: Shop, words, champion):
    told = shelfcast(client, *words, "--json")

    assert told.exit_code == 0, told.stderr
    (event,) = shop.promotions()
    assert json.loads(told.stdout) == {"request_id": event.id, "series": 1}
    asyncio.run(shop.promote())
    assert standing(shop)["champion"] == champion


def test_a_repeat_with_the_same_id_is_the_same_request(client: Client, shop: Shop):
    for _ in "12":
        assert shelfcast(client, "rollback", *MILK, "--request-id", "mine").exit_code == 0
        asyncio.run(shop.promote())
    assert {event.id for event in shop.promotions()} == {"mine"}
    assert standing(shop)["champion"] == 1


def test_the_history_is_a_table_of_who_when_and_why(client: Client, shop: Shop):
    shelfcast(client, "promote", *MILK, "--reason", "try it")
    asyncio.run(shop.promote())

    told = shelfcast(client, "history", *MILK)

    assert told.exit_code == 0
    rows = [line.split() for line in told.stdout.splitlines()]
    assert rows[0] == ["when", "place", "from", "to", "who", "why"]
    assert rows[2][3:] == ["challenger", "3", "-", "cli", "try", "it"]
    assert rows[3][3:] == ["champion", "2", "3", "cli", "try", "it"]
    assert rows[4][3:8] == ["challenger", "-", "3", "registry", "score"]
    assert json.loads(shelfcast(client, "history", *MILK, "--json").stdout) == client.get(
        "models", *MILK, "history"
    )


def test_json_of_the_list_is_the_answer_of_the_api(client: Client):
    told = shelfcast(client, "list", *MILK, "--json")
    assert json.loads(told.stdout) == client.get("models", *MILK)


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["list", "2", "milk"], 1, "store/product: no model of 2/milk yet; ask for one with "
         "`shelfcast retrain`, or see `shelfcast series`"),
        (["list", "1", ""], 2, "PRODUCT: '' is not a name; give STORE and PRODUCT as two words"),
        (["history", "2", "milk"], 1, "store/product: no model of 2/milk yet"),
        (["promote"], 2, "STORE PRODUCT, --run, --series: give one of the three"),
        (["promote", *MILK, "--run", "run-1"], 2, "STORE PRODUCT, --run, --series: give one"),
        (["rollback", "1"], 2, "PRODUCT: is missing; give STORE and PRODUCT, not '1' alone"),
        (["promote", "--run", "run-1", "--version", "1"], 2, "--version, --model: are for one"),
        (["promote", *MILK, "--version", "9"], 2, "version: 1/milk has no version 9; see "
         "`shelfcast models list` of it"),
        (["promote", *BREAD], 2, "series: 1/rye bread has no challenger; name a version"),
        (["rollback", *BREAD], 2, "series: 1/rye bread has no champion that replaced another"),
        (["rollback", "--series", "milk"], 2, "series.0: must be store/product, as "
         "`shelfcast series` has them (got 'milk')"),
        (["rollback", "--run", "nothing"], 1, "run_id: 'nothing' is unknown"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_one_line_on_standard_error(client, shop: Shop, words, code, told: str):
    result = shelfcast(client, *words, "--json")

    assert result.exit_code == code
    assert result.stdout == ""
    assert result.stderr.startswith(f"shelfcast: {told}")
    assert result.stderr.count("\n") == 1
    assert shop.promotions() == []


def test_a_request_without_an_answer_says_how_to_repeat_it(client: Client):
    def silent(request: httpx.Request) -> Any:
        raise httpx.ReadTimeout("nothing", request=request)

    deaf = Client("http://api", httpx.MockTransport(silent))
    told = shelfcast(deaf, "rollback", *MILK, "--request-id", "mine")
    assert told.exit_code == 1
    assert "then repeat this with --request-id mine" in told.stderr
