import asyncio
import json

import pytest
from typer.testing import CliRunner, Result

from infra.cli.client import Client
from infra.cli.main import app
from tests.unit.api.served import InProcess, Shop
from tests.unit.api.test_api_what_if import MODEL, MONDAY, SUNDAY

MILK = ("1", "milk")


@pytest.fixture
def client() -> Client:
    """Milk of store 1 has a champion that a promotion moves."""
    shop = Shop()
    shop.sell(*MILK)
    shop.sell("2", "milk")
    client = Client("http://api", InProcess(shop.app()))

    async def train() -> None:
        await shop.plan()
        await shop.train("run", [MILK], parameters=MODEL.to_json_dict())

    client.post("retrain", body={"store": "1", "run_id": "run"})
    asyncio.run(train())
    return client


def what_if(client: Client, *words: str) -> Result:
    runner = CliRunner(env={"COLUMNS": "80"})
    return runner.invoke(app, ["what-if", *words], obj=client)


def units(told: Result) -> list[float]:
    assert told.exit_code == 0, told.stderr
    return [day["yhat"] for day in json.loads(told.stdout)["days"]]


def test_a_driver_and_a_closing_move_their_days(client: Client):
    promo = what_if(client, *MILK, "--day", MONDAY, "--driver", "promo=1", "--json")
    closed = what_if(client, *MILK, "--day", MONDAY, "--day", "2015-08-04", "--closed", "--json")
    opened = what_if(
        client, *MILK, "--day", SUNDAY, "--open", "--driver", "promo=1", "--horizon", "3", "--json"
    )

    assert units(promo) == [10, 0, 15, 10, 10, 10, 10]
    assert units(closed) == [10, 0, 0, 0, 10, 10, 10]
    assert units(opened) == [10, 15, 10]


def test_it_is_a_table_beside_the_forecast_as_planned(client: Client):
    told = what_if(client, *MILK, "--day", MONDAY, "--driver", "promo=1", "--level", "0.8")

    assert told.exit_code == 0
    lines = told.stdout.splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[0] == "1/milk by model version 1 (windowed)"
    assert lines[1].split() == [
        *("date", "weekday", "as", "planned", "what", "if", "lower", "upper", "notes")
    ]
    assert lines[3].split()[2:5] == ["10.0", "10.0", "7.4"]
    assert lines[3].endswith("promo assumed")
    assert lines[5].split()[:4] == ["2015-08-03", "Monday", "10.0", "15.0"]
    assert lines[-1].strip() == "in units, with the 80 % interval"


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        ([*MILK, "--closed"], 2, "--day: none is given; name the day that would be otherwise"),
        (
            [*MILK, "--day", MONDAY],
            2,
            "--driver, --closed, --open: none is given; say what would be otherwise",
        ),
        ([*MILK, "--day", "3 Aug", "--closed"], 2, "--day: '3 Aug' is not a day; use one like"),
        (
            [*MILK, "--day", MONDAY, "--driver", "promo"],
            2,
            "--driver: 'promo' is no NAME=NUMBER; use one like promo=1",
        ),
        ([*MILK, "--day", MONDAY, "--driver", "promo=on"], 2, "--driver: 'promo=on' is no NAME="),
        ([*MILK, "--day", MONDAY, "--driver", "promo=nan"], 2, "--driver: 'promo=nan' is no NAME"),
        ([*MILK, "--day", MONDAY, "--driver", "=1"], 2, "--driver: '=1' is no NAME=NUMBER"),
        (
            [*MILK, "--day", MONDAY, "--driver", "price=1"],
            2,
            "days.0.drivers.price: is not a driver of this series' champion (got 'price'); "
            "it has: promo",
        ),
        (
            [*MILK, "--day", "2015-08-08", "--closed"],
            2,
            "days.0.date: is not forecast (got '2015-08-08'); choose a day from 2015-08-01 to "
            "2015-08-07, or another horizon",
        ),
        ([*MILK, "--day", MONDAY, "--closed", "--level", "2"], 2, "level: must be less than 1"),
        (["1", "", "--day", MONDAY, "--closed"], 2, "PRODUCT: '' is not a name; give STORE and"),
        (
            ["2", "milk", "--day", MONDAY, "--closed"],
            1,
            "store/product: no model of 2/milk yet; ask for one with `shelfcast retrain`",
        ),
    ],
)
def test_what_is_wrong_is_one_line_on_standard_error(client, words, code: int, told: str):
    result = what_if(client, *words, "--json")

    assert result.exit_code == code
    assert result.stdout == ""
    assert result.stderr.startswith(f"shelfcast: {told}")
    assert result.stderr.count("\n") == 1
