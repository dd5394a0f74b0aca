"""Whatever is refused is one kind of document (RFC 9457), on whatever way it is refused."""

import json
import re

import httpx
import pytest
from fastapi import HTTPException

from events.envelope import first_event
from events.errors import Refusal
from events.payloads import RetrainRequested
from functions.api.problem_document import KINDS, PROBLEM_JSON
from functions.forecasting.strategy import table
from functions.planner import Planner
from tests.unit.api.served import PATIENT, AwayStorage, Shop

JSON = {"content-type": "application/json"}
PARTS = ["type", "title", "status", "detail", "instance", "errors"]


async def ask(app, method: str, path: str, **options) -> httpx.Response:
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://api") as client:
        return await client.request(method, path, **options)


ASKED = [
    ("unknown-host", 400, "GET", "/runs", {"headers": {"host": "evil.example"}}, "host"),
    ("foreign-origin", 403, "POST", "/retrain", {"headers": {"origin": "http://x.y"}}, "origin"),
    ("not-found", 404, "GET", "/runs/nothing", {}, "run_id"),
    ("not-found", 404, "GET", "/forecasts/9/milk", {}, "store/product"),
    ("unknown-path", 404, "GET", "/nowhere", {}, "path"),
    ("method-not-taken", 405, "DELETE", "/runs", {}, "method"),
    ("conflict", 409, "POST", "/retrain", {"json": {"store": "2", "run_id": "run"}}, "run_id"),
    ("conflict", 409, "POST", "/runs/again/cancel", {"json": {}}, "run_id"),
    ("too-large", 413, "POST", "/retrain", {"content": b"x" * 1_000_001, "headers": JSON}, "body"),
    ("wrong-content-type", 415, "POST", "/retrain", {"data": {"all": "true"}}, "content-type"),
    ("invalid-request", 422, "GET", "/runs?limit=0", {}, "limit"),
    ("invalid-request", 422, "POST", "/retrain", {"json": {"horizon": 0}}, "horizon"),
    ("invalid-request", 422, "POST", "/retrain", {"json": {"store": "9"}}, "store"),
    (
        "invalid-request",
        422,
        "POST",
        "/promotions",
        {"json": {"action": "promote", "run_id": "run"}},
        "run_id",
    ),
]


@pytest.mark.parametrize(("kind", "status", "method", "path", "options", "field"), ASKED)
async def test_a_refusal_is_a_problem_with_its_field(
    shop: Shop, kind: str, status: int, method: str, path: str, options: dict, field: str
):
    app = shop.app()
    for run_id in ("run", "again"):
        await ask(app, "POST", "/retrain", json={"store": "1", "run_id": run_id})
    await shop.plan()

    answer = await ask(app, method, path, **options)

    problem = answer.json()
    assert (answer.status_code, answer.headers["content-type"]) == (status, PROBLEM_JSON)
    assert list(problem) == PARTS
    assert (problem["type"], problem["status"]) == (f"/docs#{kind}", status)
    assert problem["instance"] == path.partition("?")[0]
    [error] = problem["errors"]
    assert list(error) == ["field", "message", "value", "fix"]
    assert error["field"] == field
    assert problem["detail"].startswith(f"{field}: {error['message']}")
    assert problem["detail"].endswith(error["fix"] or "")


async def test_an_outage_is_a_problem_of_no_field(shop: Shop):
    answer = await ask(shop.app(AwayStorage()), "GET", "/runs")

    assert (answer.status_code, answer.headers["content-type"]) == (503, PROBLEM_JSON)
    assert answer.headers["retry-after"] == "5"
    assert answer.json()["type"] == "/docs#away"
    [error] = answer.json()["errors"]
    assert (error["field"], error["fix"]) == (None, "ask again later")


async def test_a_request_that_kafka_may_have_is_a_problem_of_its_own_kind(shop: Shop):
    shop.log.away = ConnectionRefusedError(111, "Connect call failed")

    answer = await ask(shop.app(), "POST", "/prune", json={"request_id": "mine"})

    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert answer.json()["type"] == "/docs#not-acknowledged"
    [error] = answer.json()["errors"]
    assert error["fix"] == (
        "repeat it with request_id 'mine': should it have arrived after all, that is still one "
        "pruning"
    )


async def test_a_flaw_of_ours_is_a_problem_that_tells_nothing_of_it(shop: Shop):
    shop.log.away = ZeroDivisionError("a flaw, and the database's password")

    answer = await ask(shop.app(), "POST", "/retrain", json={"all": True})

    assert (answer.status_code, answer.headers["content-type"]) == (500, PROBLEM_JSON)
    assert answer.json()["type"] == "/docs#failed"
    assert "flaw" not in answer.text


@pytest.mark.parametrize(
    ("status", "kind", "title"),
    [
        (429, "/docs#too-many-requests", "The client asks more often than it may"),
        (403, "about:blank", "Forbidden"),
    ],
)
async def test_what_a_route_raises_by_its_status_is_a_problem_with_its_headers(
    shop: Shop, status: int, kind: str, title: str
):
    app = shop.app()

    @app.get("/often")
    async def often() -> None:
        """Asked too often."""
        raise HTTPException(status, "token: asked 61 times in a minute", {"Retry-After": "9"})

    answer = await ask(app, "GET", "/often")

    assert (answer.status_code, answer.headers["retry-after"]) == (status, "9")
    assert (answer.json()["type"], answer.json()["title"]) == (kind, title)
    assert answer.json()["detail"] == "token: asked 61 times in a minute"


async def test_several_problems_are_told_at_once_and_detail_has_them_all(shop: Shop):
    body = {"all": True, "horizon": 0, "as_of": "soon"}

    problem = (await ask(shop.app(), "POST", "/retrain", json=body)).json()

    assert [each["field"] for each in problem["errors"]] == ["as_of", "horizon"]
    assert problem["detail"] == (
        "as_of: must be a day like 2015-07-31 (got 'soon'); horizon: must be 1 or more (got 0)"
    )


async def test_a_type_leads_to_its_words_on_the_documents_page(shop: Shop):
    page = (await ask(shop.app(), "GET", "/docs")).text

    ids = re.findall(r'id="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    assert {kind.name for kind in KINDS} <= set(ids)
    assert all(f"<code>{kind.type}</code>" in page for kind in KINDS)


@pytest.mark.parametrize(
    "asked",
    [
        {"store": "9"},
        {"store": "1", "product": "soap"},
        {"series": [{"store": "1", "product": "soap"}]},
        {"store": "1", "as_of": "2015-06-01"},
        {"store": "1", "as_of": "2015-09-01"},
        {"store": "1", "strategy": "magic"},
        {"store": "1", "strategy": "patient"},
        {"store": "1", "failed_in": "nothing"},
    ],
)
async def test_what_the_planner_refuses_the_api_refuses_in_the_same_four_parts(shop: Shop, asked):
    planner = Planner(shop.storage, 16, 100_000, strategies=table([PATIENT]))
    request = RetrainRequested.model_validate_json(json.dumps(asked | {"requested_by": "me"}))
    with pytest.raises(Refusal) as raised:
        await planner([first_event(request, "test")])

    problem = (await ask(shop.app(), "POST", "/retrain", json=asked)).json()

    refusal = raised.value
    assert problem["detail"] == str(refusal)
    assert [tuple(each.values()) for each in problem["errors"]] == [refusal.args]
    assert None not in refusal.args
    assert shop.requests() == []
