import json
from datetime import date

import httpx
import pytest

from events.payloads import RetrainRequested
from events.wording import MAX_PROBLEMS
from functions.api.faults import MAX_BYTES
from tests.unit.api.served import Shop

JSON = {"content-type": "application/json"}


async def refused(api: httpx.AsyncClient, body: bytes) -> list[dict[str, str]]:
    answer = await api.post("/retrain", content=body, headers=JSON)
    assert answer.status_code == 422, answer.text
    return answer.json()["errors"]


async def test_what_was_asked_for_is_published(api: httpx.AsyncClient, shop: Shop):
    wish = {
        "store": "1",
        "product": "rye bread",
        "as_of": "2015-07-01",
        "strategy": "windowed",
        "horizon": 14,
        "reason": "new prices",
        "requested_by": "somebody",
    }
    answer = await api.post("/retrain", json={**wish, "run_id": "run-1"})

    assert answer.status_code == 202
    assert answer.json() == {"run_id": "run-1", "url": "/runs/run-1"}
    assert answer.headers["location"] == "/runs/run-1"
    (event,) = shop.requests()
    assert event.id == "run-1"
    assert event.source == "shelfcast/api"
    assert event.data == RetrainRequested(**{**wish, "as_of": date(2015, 7, 1)})


async def test_all_series_are_asked_for_with_the_defaults(api: httpx.AsyncClient, shop: Shop):
    answer = await api.post("/retrain", json={"all": True})

    (event,) = shop.requests()
    assert answer.json()["run_id"] == event.id
    assert event.data == RetrainRequested(requested_by="api", horizon=7)


async def test_the_same_run_id_twice_is_the_same_event(api: httpx.AsyncClient, shop: Shop):
    answers = [await api.post("/retrain", json={"all": True, "run_id": "weekly"}) for _ in "12"]

    assert [answer.status_code for answer in answers] == [202, 202]
    assert [event.id for event in shop.requests()] == ["weekly", "weekly"]


async def test_a_planned_run_can_be_asked_for_again(api: httpx.AsyncClient, shop: Shop):
    wish = {"store": "1", "as_of": "2015-08-01", "run_id": "weekly"}
    await api.post("/retrain", json=wish)
    await shop.plan()

    assert (await api.post("/retrain", json=wish)).status_code == 202


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"store": "2"}, "run_id: 'weekly' is a run with store '1', not '2'; choose another"),
        ({"horizon": 9}, "horizon '7', not '9'"),
        ({"as_of": "2015-07-01"}, "as_of '2015-08-01', not '2015-07-01'"),
        ({"product": "milk"}, "product unset, not 'milk'"),
        ({"older_than_days": 7}, "older_than_days unset, not '7'"),
        ({"policy": "never"}, "policy 'if-better', not 'never'"),
    ],
)
async def test_a_run_id_of_another_run_is_a_conflict(api, shop: Shop, change, told):
    await api.post("/retrain", json={"store": "1", "run_id": "weekly"})
    await shop.plan()

    answer = await api.post("/retrain", json={"store": "1", "run_id": "weekly"} | change)

    assert answer.status_code == 409
    assert told in answer.json()["detail"]
    assert len(shop.requests()) == 1


@pytest.mark.parametrize(
    ("wish", "field", "message", "value"),
    [
        ({}, "body", "name a store, a product or both, or series, or set all to", "{}"),
        ({"all": True, "store": "1"}, "body", "but not both", '{"all": true, "store": "1"}'),
        ({"all": "yes"}, "all", "must be true or false", "'yes'"),
        ({"all": 1}, "all", "must be true or false", "1"),
        ({"store": 1}, "store", "must be text", "1"),
        ({"store": ""}, "store", "at least 1 character", "''"),
        ({"store": "a/b"}, "store", "no slash", "'a/b'"),
        ({"store": " 1"}, "store", "no blank at its ends", "' 1'"),
        ({"store": "\x00"}, "store", "no control character", "'\\x00'"),
        ({"store": "s" * 65}, "store", "at most 64 characters", "'sss"),
        ({"store": "9"}, "store", "no sales are known of store '9'; import its", "'9'"),
        ({"product": "9"}, "product", "no sales are known of product '9'", "'9'"),
        ({"store": "2", "product": "rye bread"}, "store", "and product 'rye bread'", "'2'"),
        ({"all": True, "series": [{"store": "1", "product": "milk"}]}, "body", "not both", "{"),
        ({"series": []}, "body", "series: is empty; name at least one", "{"),
        ({"series": ["1/milk"]}, "series.0", "must be an object", "'1/milk'"),
        (
            {"series": [{"store": "1"}]},
            "series.0.product",
            "is required, but missing: give it",
            None,
        ),
        (
            {"series": [{"store": "9", "product": "x"}]},
            "series",
            "no sales are known of '9/x'",
            "'9/",
        ),
        ({"failed_in": "run-9"}, "failed_in", "there is no run 'run-9'; GET /runs", "'run-9'"),
        ({"all": True, "older_than_days": 0}, "older_than_days", "must be 1 or more", "0"),
        ({"older_than_days": 7}, "body", "name a store, a product or both", "{"),
        ({"all": True, "policy": "maybe"}, "policy", "'always', 'if-better' or 'never'", "'maybe'"),
        ({"all": True, "strategy": "magic"}, "strategy", "known are: ", "'magic'"),
        (
            {"all": True, "strategy": "patient"},
            "strategy",
            "patient needs at least 400 open days, and no series of these has more than 60 days",
            "'patient'",
        ),
        ({"store": "2", "strategy": "patient"}, "strategy", "lower its min_open_days", "'patient'"),
        ({"all": True, "horizon": 0}, "horizon", "must be 1 or more", "0"),
        ({"all": True, "horizon": 91}, "horizon", "must be 90 or less", "91"),
        ({"all": True, "horizon": "7"}, "horizon", "must be a whole number", "'7'"),
        ({"all": True, "horizon": 7.5}, "horizon", "must be a whole number", "7.5"),
        ({"all": True, "as_of": "1899-12-31"}, "as_of", "a day from 1900-01-01", "'1899-12-31'"),
        ({"all": True, "as_of": "9999-12-31"}, "as_of", "a day from 1900-01-01", "'9999-12-31'"),
        ({"all": True, "as_of": "2015-02-30"}, "as_of", "a day like 2015-07-31", "'2015-02-30'"),
        ({"all": True, "as_of": "20150731"}, "as_of", "a day like 2015-07-31", "'20150731'"),
        (
            {"all": True, "as_of": 1438300800},
            "as_of",
            "must be a day like 2015-07-31",
            "1438300800",
        ),
        (
            {"all": True, "as_of": "2010-01-01"},
            "as_of",
            "is before any sales of '1/milk', '1/rye bread', '2/milk'; the first day is "
            "2015-06-02, choose a later one",
            "'2010-01-01'",
        ),
        ({"store": "2", "as_of": "2015-06-02"}, "as_of", "first day of sales of '2/milk'", "'2015"),
        (
            {"series": [{"store": "1", "product": "milk"}], "as_of": "2015-06-01"},
            "as_of",
            "is before any sales of '1/milk'; the first day is 2015-06-02, choose a later one",
            "'2015-06-01'",
        ),
        ({"all": True, "reason": "y" * 1001}, "reason", "at most 1000 characters", "'yyy"),
        ({"all": True, "run_id": "a b"}, "run_id", "letters, digits and _ . : - only", "'a b'"),
        (
            {"all": True, "shop": 1},
            "shop",
            "is not a field here; there are store, product, series, failed_in, older_than_days, "
            "as_of, strategy, horizon, policy, reason, requested_by, all, run_id",
            "1",
        ),
    ],
)
async def test_a_bad_field_is_named_with_its_value_and_the_fix(
    api, shop: Shop, wish, field, message, value
):
    (problem,) = await refused(api, json.dumps(wish).encode())

    assert problem["field"] == field
    assert message in f"{problem['message']}; {problem['fix']}"
    assert value is None or problem["value"].startswith(value)
    assert shop.requests() == []


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"", "Invalid JSON: EOF"),
        (b"{", "Invalid JSON: EOF"),
        (b'{"all": true,}', "trailing comma"),
        (b'{"store": "\xff"}', "invalid unicode"),
        (b'{"store": "\\ud800"}', "Invalid JSON"),
        (b"[" * 100_000, "recursion limit"),
        (b'{"horizon": ' + b"1" * 10_000 + b"}", "number out of range"),
        (b"[]", "must be an object"),
        (b"null", "must be an object"),
    ],
)
async def test_bytes_that_are_no_json_object_in_utf8_are_told_as_such(api, body: bytes, told: str):
    (problem,) = await refused(api, body)

    assert problem["field"] == "body"
    assert told in problem["message"]
    assert len(problem["value"]) <= 81


async def test_the_farthest_day_is_the_horizon_after_the_newest_sale(api: httpx.AsyncClient):
    assert (await api.post("/retrain", json={"all": True, "as_of": "2015-08-07"})).is_success
    assert (
        await api.post("/retrain", json={"all": True, "as_of": "2015-08-14", "horizon": 14})
    ).is_success
    (problem,) = await refused(api, b'{"all": true, "as_of": "2015-08-08"}')
    assert (problem["field"], problem["value"]) == ("as_of", "'2015-08-08'")
    assert "8 days after the newest sales (2015-07-31)" in problem["message"]


async def test_every_bad_field_is_told_at_once_but_no_flood_of_them(api: httpx.AsyncClient):
    two = await refused(api, b'{"all": true, "horizon": 0, "as_of": "soon"}')
    many = await refused(api, json.dumps({f"f{n}": n for n in range(5000)}).encode())

    assert [problem["field"] for problem in two] == ["as_of", "horizon"]
    assert len(many) == MAX_PROBLEMS


async def test_big_names_and_values_are_shortened_in_the_answer(api: httpx.AsyncClient):
    (problem,) = await refused(api, json.dumps({"f" * 9000: "v" * 9000, "all": True}).encode())

    assert len(problem["field"]) == len(problem["value"]) == 81


@pytest.mark.parametrize("declared", [True, False])
async def test_a_body_of_two_megabytes_is_refused_before_it_is_read(api, declared: bool):
    read = 0

    async def chunks():
        nonlocal read
        for _ in range(20):
            read += 100_000
            yield b"x" * 100_000

    length = {"content-length": "2000000"} if declared else {}
    answer = await api.post("/retrain", content=chunks(), headers=JSON | length)

    assert answer.status_code == 413
    assert answer.json()["detail"].endswith("send 1,000,000 at most")
    assert answer.headers["connection"] == "close"
    assert read <= (0 if declared else MAX_BYTES + 100_000)


async def test_a_body_of_another_type_is_refused(api: httpx.AsyncClient):
    answer = await api.post("/retrain", data={"all": "true"})

    assert answer.status_code == 415
    assert "'application/x-www-form-urlencoded' is not taken; send application/json" in answer.text
    with_charset = {"content-type": "application/json; charset=utf-8"}
    assert (await api.post("/retrain", content=b'{"all": true}', headers=with_charset)).is_success


async def test_without_kafka_the_answer_says_how_to_repeat_without_a_second_run(
    api: httpx.AsyncClient, shop: Shop
):
    shop.log.away = ConnectionRefusedError(111, "Connect call failed")
    answer = await api.post("/retrain", json={"all": True})

    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "5"
    assert shop.requests() == []
    detail = answer.json()["detail"]
    assert detail.startswith("Kafka did not acknowledge the request (ConnectionRefusedError")
    run_id = detail.split("repeat it with run_id '")[1].split("'")[0]

    shop.log.away = None
    again = await api.post("/retrain", json={"all": True, "run_id": run_id})
    assert again.json()["run_id"] == run_id


async def test_a_flaw_of_ours_is_not_told_as_an_outage(shop: Shop):
    shop.log.away = ZeroDivisionError("a flaw")
    transport = httpx.ASGITransport(shop.app(), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://api") as api:
        assert (await api.post("/retrain", json={"all": True})).status_code == 500
