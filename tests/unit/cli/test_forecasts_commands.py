import asyncio
import json
import re

import pytest
from typer.testing import CliRunner, Result

from infra.cli import forecasts
from infra.cli.client import Client
from infra.cli.main import app
from tests.unit.api.served import InProcess, Shop


@pytest.fixture
def shop() -> Shop:
    """Store 1's milk has two models and a forecast; store 2's has none."""
    shop = Shop()
    for series in (("1", "milk"), ("1", "[rye] bread"), ("2", "milk")):
        shop.sell(*series)
    return shop


@pytest.fixture
def client(shop: Shop) -> Client:
    client = Client("http://api", InProcess(shop.app()))

    async def train() -> None:
        await shop.plan()
        for run_id in ("run-1", "run-2"):
            await shop.train(run_id, [("1", "milk")])

    for run_id in ("run-1", "run-2"):
        client.post("retrain", body={"store": "1", "product": "milk", "run_id": run_id})
    asyncio.run(train())
    return client


def shelfcast(client: Client, *words: str) -> Result:
    return CliRunner(env={"COLUMNS": "80"}).invoke(app, words, obj=client)


def test_a_forecast_is_a_table_of_days(client: Client):
    told = shelfcast(client, "forecast", "1", "milk")

    assert told.exit_code == 0
    lines = told.stdout.splitlines()
    assert lines[0].startswith("1/milk by model version 2, data through 2015-07-31, published 0 s")
    assert lines[1].split() == ["date", "weekday", "yhat", "lower", "upper", "notes"]
    assert lines[3].split() == ["2015-08-01", "Saturday", "55", "40", "1,234"]
    assert lines[4].split() == ["2015-08-02", "Sunday", "0", "0", "0"]
    assert lines[5].endswith("promo assumed; price beyond all seen;")
    assert lines[6].strip() == "cut to its bound"
    assert len(lines) == 3 + 8 + 1


def test_a_forecast_with_nothing_to_say_has_no_column_of_notes():
    day = {"date": "2015-08-01", "yhat": 1.0, "yhat_lower": 0.5, "yhat_upper": 2.0}
    plain = {"days": [{**day, "assumed": [], "limited": [], "bounded": False}]}

    assert [column.header for column in forecasts.forecast_table(plain).columns] == [
        "date",
        "weekday",
        "yhat",
        "lower",
        "upper",
    ]


def test_a_plot_draws_history_and_forecast_within_80_columns(client: Client):
    told = shelfcast(client, "forecast", "1", "milk", "--plot")

    assert told.exit_code == 0
    assert "\x1b" not in told.stdout  # no terminal, no colours
    assert max(map(len, told.stdout.splitlines())) <= 80
    assert "── sold   ── forecast   ── 95 % interval" in told.stdout
    assert re.search(r"04 Jul .* 0\d Aug", told.stdout)
    assert re.search(r"^ +1,200 \|", told.stdout, re.MULTILINE)


@pytest.mark.parametrize("past", [[], [{"date": "2015-07-31", "units": 0.0, "open": False}]])
@pytest.mark.parametrize("units", [0.0, 0.25, 5e8])
def test_a_chart_needs_neither_history_nor_an_open_day(past: list, units: float):
    day = {"date": "2015-08-01", "yhat": units, "yhat_lower": units, "yhat_upper": units}

    assert "95 % interval" in forecasts.chart({"days": [day]}, past, 80)


@pytest.mark.parametrize(
    ("low", "high", "limits"),
    [(0, 14, (0, 14)), (2789, 6220, (2750, 6250)), (0, 0, (0, 0.14)), (0.31, 0.42, (0.31, 0.45))],
)
def test_the_lines_of_a_chart_are_round_numbers(low: float, high: float, limits: tuple):
    assert forecasts._rounded(low, high) == pytest.approx(limits)


def test_series_are_a_table_and_names_are_no_markup(client: Client):
    told = shelfcast(client, "series")

    assert told.exit_code == 0
    rows = [re.split(r"  +", line.strip()) for line in told.stdout.splitlines()[2:]]
    assert rows == [
        ["1", "[rye] bread", "2015-06-02", "2015-07-31", "none"],
        ["1", "milk", "2015-06-02", "2015-07-31", "2"],
        ["2", "milk", "2015-06-02", "2015-07-31", "none"],
    ]
    assert told.stderr == ""


def test_a_limit_beyond_a_page_takes_several(client: Client, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(forecasts, "PAGE", 2)

    assert len(json.loads(shelfcast(client, "series", "--json").stdout)["series"]) == 3
    told = shelfcast(client, "series", "--limit", "1")
    assert told.stderr == "shelfcast: there may be more; see --limit 10\n"


def test_without_sales_it_says_what_to_import(client: Client, shop: Shop):
    shop.storage.sales.clear()

    told = shelfcast(client, "series")

    assert told.stdout == "No series is known; import sales with `shelfcast sales import`\n"


@pytest.mark.parametrize(
    ("words", "path"),
    [
        (["forecast", "1", "milk"], ["forecasts", "1", "milk"]),
        (["series"], ["series"]),
    ],
)
def test_json_is_the_answer_of_the_api_and_nothing_else(client, words, path):
    told = shelfcast(client, *words, "--json")

    assert told.exit_code == 0
    assert json.loads(told.stdout) == client.get(*path)
    assert told.stderr == ""


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["forecast", "2", "milk"], 1, "store/product: no forecast of 2/milk yet; ask for one with "
         "`shelfcast retrain`, or see `shelfcast series`"),
        (["forecast", "9", " milk"], 2, "product: must have no slash, no control character and "),
        (["forecast", "1/milk", "x"], 2, "STORE: '1/milk' is not a name; give STORE and PRODUCT"),
        (["forecast", "1", ""], 2, "PRODUCT: '' is not a name; give STORE and PRODUCT as two"),
        (["forecast", "1", "milk", "--plot"], 2, "--plot: a drawing is not JSON; leave out"),
        (["series", "--limit", "0"], 2, "--limit: 0; must be 1 or more"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_one_line_on_standard_error(client, words, code: int, told: str):
    result = shelfcast(client, *words, "--json")

    assert result.exit_code == code
    assert result.stdout == ""
    assert result.stderr.startswith(f"shelfcast: {told}")
    assert result.stderr.count("\n") == 1
