"""Forecasts of many series at once: pages as JSON, streams as NDJSON and Arrow."""

import json
from collections.abc import Sequence
from datetime import date
from typing import Any

import httpx
import pyarrow as pa
import pytest

from functions.api import forecast_query
from functions.records import Forecast, Series
from infra.memory.storage import MemoryStorage
from tests.unit.api.served import Shop

NDJSON = {"accept": "application/x-ndjson"}
ARROW = {"accept": "application/vnd.apache.arrow.stream"}
ALL = [["1", "milk"], ["1", "rye bread"], ["2", "milk"]]


@pytest.fixture(autouse=True)
async def served(shop: Shop, api: httpx.AsyncClient) -> None:
    """All of the three series have a forecast."""
    await api.post("/retrain", json={"all": True, "run_id": "run-1"})
    await shop.plan()
    await shop.train("run-1", [("1", "milk"), ("1", "rye bread"), ("2", "milk")])


async def ask(api: httpx.AsyncClient, headers: dict[str, str] | None = None, **body: Any) -> Any:
    answer = await api.post("/forecasts/query", json=body, headers=headers)
    assert answer.status_code == 200, answer.text
    return answer


def keys(forecasts: Sequence[dict[str, Any]]) -> list[list[str]]:
    return [[each["store"], each["product"]] for each in forecasts]


def lines(answer: httpx.Response) -> list[dict[str, Any]]:
    assert answer.headers["content-type"] == "application/x-ndjson"
    return [json.loads(line) for line in answer.text.splitlines()]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"all": True}, ALL),
        ({"store": "1"}, ALL[:2]),
        ({"product": "milk"}, [ALL[0], ALL[2]]),
        ({"store": "1", "product": "rye bread"}, [ALL[1]]),
        ({"series": [{"store": "2", "product": "milk"}, {"store": "1", "product": "milk"}]},
         [ALL[0], ALL[2]]),
        ({"all": True, "after": "1/milk"}, ALL[1:]),
    ],
)  # fmt: skip
async def test_a_query_answers_the_forecasts_of_its_series_in_order(api, body, expected):
    page = (await ask(api, **body)).json()
    assert (keys(page["forecasts"]), page["next"]) == (expected, None)
    assert keys(lines(await ask(api, NDJSON, **body))) == expected


async def test_each_is_the_forecast_that_is_served_of_its_series_alone(api):
    alone = [(await api.get(f"/forecasts/{store}/{product}")).json() for store, product in ALL]
    assert (await ask(api, all=True)).json()["forecasts"] == alone
    assert lines(await ask(api, NDJSON, all=True)) == alone


async def test_pages_follow_each_other_until_next_is_null(api):
    seen, after = [], None
    for _ in range(2):
        page = (await ask(api, all=True, limit=2, after=after)).json()
        seen += keys(page["forecasts"])
        after = page["next"]
    assert (seen, after) == (ALL, None)


async def test_named_series_come_in_pages_too(api):
    named = [{"store": store, "product": product} for store, product in reversed(ALL)]
    page = (await ask(api, series=named, limit=2)).json()
    assert (keys(page["forecasts"]), page["next"]) == (ALL[:2], "1/rye bread")
    page = (await ask(api, series=named, limit=2, after=page["next"])).json()
    assert (keys(page["forecasts"]), page["next"]) == (ALL[2:], None)


@pytest.mark.parametrize("limit", [1, 2, 3, None])
async def test_a_stream_is_the_same_in_batches_of_any_size(api, monkeypatch, limit):
    monkeypatch.setattr(forecast_query, "BATCH", 2)
    asked = {} if limit is None else {"limit": limit}
    assert keys(lines(await ask(api, NDJSON, all=True, **asked))) == ALL[:limit]


async def test_arrow_has_a_row_for_each_series_and_day(api, monkeypatch):
    monkeypatch.setattr(forecast_query, "BATCH", 2)
    answer = await ask(api, ARROW, all=True)
    table = pa.ipc.open_stream(answer.content).read_all()
    rows = table.to_pylist()
    assert [[r["store"], r["product"]] for r in rows[::7]] == ALL
    assert (len(rows), table.column("store").num_chunks) == (21, 2)
    third = rows[2]
    assert (third["date"], third["yhat"], third["yhat_lower"]) == (date(2015, 8, 3), 55.25, 40.5)
    assert (third["assumed"], third["limited"], third["bounded"]) == (["promo"], ["price"], True)
    assert third["model_id"] == "run-1:1:milk"


async def test_arrow_of_no_forecast_has_columns_and_no_row(shop: Shop, api):
    shop.sell("3", "milk")
    answer = await ask(api, ARROW, store="3")
    table = pa.ipc.open_stream(answer.content).read_all()
    assert (table.num_rows, "yhat_upper" in table.column_names) == (0, True)


async def test_series_without_a_forecast_are_left_out(shop: Shop, api):
    shop.sell("3", "milk")
    both = [{"store": "3", "product": "milk"}, {"store": "2", "product": "milk"}]
    assert keys((await ask(api, series=both)).json()["forecasts"]) == [["2", "milk"]]
    assert (await ask(api, store="3")).json() == {"forecasts": [], "next": None}


async def test_a_series_whose_sales_are_gone_is_left_out(shop: Shop, api):
    del shop.storage.sales["1", "milk"]
    assert keys(lines(await ask(api, NDJSON, all=True))) == ALL[1:]


@pytest.mark.parametrize("headers", [{}, NDJSON, ARROW])
@pytest.mark.parametrize(
    ("body", "field", "message"),
    [
        ({"store": "9"}, "store", "no sales are known of store '9'"),
        ({"series": [{"store": "9", "product": "x"}]}, "series", "no sales are known of '9/x'"),
        ({}, "body", "name a store, a product or both, or series, or set all to true"),
        ({"all": True, "limit": 0}, "limit", "must be 1 or more"),
        ({"all": True, "after": "milk"}, "after", "must be store/product"),
    ],
)
async def test_what_can_not_be_asked_is_refused_before_a_stream_begins(
    api, headers, body, field, message
):
    answer = await api.post("/forecasts/query", json=body, headers=headers)
    (error,) = answer.json()["errors"]
    assert (answer.status_code, error["field"]) == (422, field)
    assert message in error["message"]


async def test_a_type_that_can_not_be_answered_is_refused(api):
    answer = await api.post("/forecasts/query", json={"all": True}, headers={"accept": "text/csv"})
    assert (answer.status_code, answer.json()["type"]) == (406, "/docs#not-acceptable")
    assert answer.json()["errors"][0]["fix"].startswith("send one of application/json")


@pytest.mark.parametrize("headers", [{}, NDJSON, ARROW])
async def test_a_database_that_is_away_is_a_503(api_without_database, headers):
    answer = await api_without_database.post(
        "/forecasts/query", json={"all": True}, headers=headers
    )
    assert answer.status_code == 503


@pytest.mark.parametrize("headers", [NDJSON, ARROW])
async def test_a_stream_that_breaks_off_is_no_whole_answer(shop: Shop, monkeypatch, headers):
    """What serves the application ends the connection without HTTP's last chunk."""

    class BreaksOff(MemoryStorage):
        async def forecasts(self, series: Sequence[Series]) -> list[Forecast]:
            if ("2", "milk") in series:
                raise ConnectionResetError(104, "the database went away")
            return await super().forecasts(series)

    monkeypatch.setattr(forecast_query, "BATCH", 2)
    storage = BreaksOff()
    storage.__dict__.update(shop.storage.__dict__)
    transport = httpx.ASGITransport(shop.app(storage))
    async with httpx.AsyncClient(transport=transport, base_url="http://api") as api:
        with pytest.raises(ConnectionResetError):
            await api.post("/forecasts/query", json={"all": True}, headers=headers)
