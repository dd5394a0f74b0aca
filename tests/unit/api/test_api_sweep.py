"""Whatever is sent, the API has an answer of its own: no 5xx, each refusal in plain words."""

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from tests.unit.api.served import Shop
from tests.unit.api.test_api_what_if import MODEL
from tests.unit.events.test_wording import MACHINE_WORDS, NASTY, changed

WHOLE: dict[str, dict[str, Any]] = {
    "/retrain": {
        "store": "1",
        "product": "milk",
        "series": [{"store": "1", "product": "milk"}],
        "all": False,
        "failed_in": "run-1",
        "older_than_days": 1,
        "as_of": "2015-08-01",
        "strategy": "auto",
        "horizon": 7,
        "policy": "never",
        "reason": "why",
        "requested_by": "me",
        "run_id": "run-2",
    },
    "/runs/run-1/cancel": {"reason": "why", "requested_by": "me"},
    "/models/1/milk/promote": {"version": 1, "model_id": "x", "reason": "", "requested_by": "me"},
    "/models/1/milk/rollback": {"reason": "why", "requested_by": "me", "request_id": "one"},
    "/promotions": {"action": "promote", "series": ["1/milk"], "run_id": "run-1", "reason": ""},
    "/forecasts": {
        "store": "1",
        "product": "milk",
        "series": [{"store": "1", "product": "milk"}],
        "all": False,
        "as_of": "2015-08-01",
        "horizon": 7,
        "reason": "why",
        "requested_by": "me",
        "request_id": "one",
    },
    "/forecasts/query": {
        "store": "1",
        "product": "milk",
        "series": [{"store": "1", "product": "milk"}],
        "all": False,
        "after": "1/milk",
        "limit": 10,
    },
    "/prune": {"reason": "why", "requested_by": "me"},
    "/forecasts/1/milk/what-if": {
        "days": [{"date": "2015-08-01", "open": True, "drivers": {"promo": 1}}],
        "start": "2015-08-01",
        "horizon": 7,
        "level": 0.9,
    },
}
REMOVAL = {
    "store": "1",
    "product": "milk",
    "first_day": "2015-07-01",
    "last_day": "2015-07-31",
    "import_id": "3f2a9c81-d04b",
    "reason": "why",
    "requested_by": "me",
    "request_id": "one",
}
WHOLE |= {"/sales/removals": REMOVAL, "/sales/removals/preview": REMOVAL}
WHOLE["/calendar/check"] = {
    "scopes": [{"store": "1", "product": "milk"}],
    "drivers": ["promo"],
}
TEXTS = sorted({each for each in NASTY if isinstance(each, str)} | {"%00", "%2F", "99999999999999"})
QUERIES = {
    "/runs": ("limit", "after", "state", "requested_by", "since", "until"),
    "/runs/run-1": ("failures",),
    "/runs/run-1/failures": ("limit", "after"),
    "/series": ("limit", "after"),
    "/forecasts/1/milk": ("wait",),
    "/series/1/milk": ("days", "before"),
    "/models/1/milk": ("limit", "before"),
    "/models/1/milk/history": ("limit", "before"),
}


@pytest.fixture
async def trained(shop: Shop, api: httpx.AsyncClient) -> httpx.AsyncClient:
    await api.post("/retrain", json={"store": "1", "run_id": "run-1"})
    await shop.plan()
    await shop.train("run-1", [("1", "milk")], parameters=MODEL.to_json_dict())
    return api


def judge(answer: httpx.Response, asked: object) -> None:
    assert answer.status_code < 500, (asked, answer.text)
    if answer.status_code >= 400:
        assert answer.headers["content-type"] == "application/problem+json", asked
        problem = answer.json()
        assert (problem["status"], len(problem["errors"]) > 0) == (answer.status_code, True)
        for text in (problem["detail"], *(each["message"] for each in problem["errors"])):
            assert not MACHINE_WORDS.search(text), (asked, problem)


def bodies(whole: dict[str, Any]) -> Iterator[Any]:
    yield from NASTY
    yield from changed(whole)
    for name in whole:
        yield from ({name: nasty} for nasty in NASTY)


@pytest.mark.parametrize("path", WHOLE)
async def test_no_body_makes_the_api_fail(trained: httpx.AsyncClient, path: str):
    for body in bodies(WHOLE[path]):
        content = json.dumps(body)
        if len(content) < 300_000:
            headers = {"content-type": "application/json"}
            judge(await trained.post(path, content=content, headers=headers), body)


def test_the_sweep_is_over_every_body_and_every_parameter(shop: Shop):
    paths = shop.app().openapi()["paths"]
    fill = {"{store}": "1", "{product}": "milk", "{run_id}": "run-1"}
    filled = {}
    for path, methods in paths.items():
        for gap, value in fill.items():
            path = path.replace(gap, value)
        filled[path] = methods
    posts = {path: methods["post"] for path, methods in filled.items() if "post" in methods}
    assert set(posts) == set(WHOLE)
    for path, methods in filled.items():
        names = [
            p["name"] for p in methods.get("get", {}).get("parameters", []) if p["in"] == "query"
        ]
        assert sorted(names) == sorted(QUERIES.get(path, ()))


@pytest.mark.parametrize(("path", "names"), QUERIES.items())
async def test_no_parameter_makes_the_api_fail(trained: httpx.AsyncClient, path: str, names):
    for name in names:
        for text in TEXTS:
            judge(await trained.get(path, params={name: text}), (name, text))


@pytest.mark.parametrize(
    "path",
    [
        "/runs/{}",
        "/runs/{}/failures",
        "/series/{}/milk",
        "/series/1/{}",
        "/forecasts/{}/{}",
        "/models/{}/milk",
        "/models/1/{}/history",
    ],
)
async def test_no_name_in_a_path_makes_the_api_fail(trained: httpx.AsyncClient, path: str):
    for text in (*TEXTS, "%ff", "%ED%A0%80"):
        given = text if text.startswith("%") else quote(text, safe="")
        if text not in ("", ".", ".."):
            judge(await trained.get(path.format(given, given)), text)


async def test_a_reason_that_no_column_takes_is_refused_before_it_is_an_event(trained, shop: Shop):
    before = len(shop.requests())

    answer = await trained.post("/retrain", json={"store": "1", "reason": "a\x00b"})

    [problem] = answer.json()["errors"]
    assert answer.status_code == 422
    assert problem == {
        "field": "reason",
        "message": "must be one line without control characters; it has U+0000 at character 2",
        "value": r"'a\x00b'",
        "fix": None,
    }
    assert len(shop.requests()) == before


async def test_a_version_that_no_column_takes_is_refused(trained: httpx.AsyncClient):
    answer = await trained.post("/models/1/milk/promote", json={"version": 99_999_999_999})

    [problem] = answer.json()["errors"]
    assert answer.status_code == 422
    assert problem["message"] == "must be 2,147,483,647 or less"
