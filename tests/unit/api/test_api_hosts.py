import re

import httpx
import pytest
from fastapi import FastAPI

from functions.api import create_app
from tests.unit.api.served import Shop

CHANGE = {"store": "1"}


def served(shop: Shop, *hosts: str) -> FastAPI:
    return create_app(shop.storage, shop.publisher(), shop.health, lambda _: False, hosts=hosts)


async def ask(app: FastAPI, method: str, path: str, **options) -> httpx.Response:
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000") as client:
        return await client.request(method, path, **options)


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1:8000",
        "127.0.0.1",
        "[::1]:8000",
        "localhost:8000",
        "LOCALHOST",
        "localhost.",
        "shop.example.org",
        "Shop.Example.org:443",
        "10.0.0.5:8000",
    ],
)
async def test_the_api_answers_to_its_names_and_to_addresses(shop: Shop, host: str):
    app = served(shop, "127.0.0.1", "shop.example.org")

    answer = await ask(app, "GET", "/runs", headers={"host": host})

    assert answer.status_code == 200


@pytest.mark.parametrize(
    "host",
    [
        "rebound.evil.example",
        "rebound.evil.example:8000",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "evil",
        "shop.example.org.evil.example",
        "evilshop.example.org",
        "[::1",
        "",
    ],
)
@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/forecasts/1/milk"), ("POST", "/retrain"), ("GET", "/docs")]
)
async def test_a_name_that_another_site_has_pointed_here_is_refused(shop, host, method, path):
    app = served(shop, "127.0.0.1", "shop.example.org")
    body = {"json": CHANGE} if method == "POST" else {}

    answer = await ask(app, method, path, headers={"host": host}, **body)

    assert answer.status_code == 400
    assert "is not a name of this API; ask for its address, or for a name that" in answer.text
    assert shop.requests() == []


async def test_an_app_that_knows_no_names_still_refuses_those_of_other_sites(shop: Shop):
    near = await ask(shop.app(), "GET", "/runs", headers={"host": "api"})
    far = await ask(shop.app(), "GET", "/runs", headers={"host": "rebound.evil.example"})

    assert (near.status_code, far.status_code) == (200, 400)


async def test_a_star_is_any_name(shop: Shop):
    answer = await ask(served(shop, "*"), "GET", "/runs", headers={"host": "any.example"})

    assert answer.status_code == 200


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1:3000", "x"])
async def test_a_change_that_another_sites_page_asks_for_is_refused(shop: Shop, origin: str):
    app = served(shop, "*")

    answer = await ask(app, "POST", "/retrain", json=CHANGE, headers={"origin": origin})
    read = await ask(app, "GET", "/runs", headers={"origin": origin})

    assert answer.status_code == 403
    assert answer.json()["detail"].startswith(f"origin: a page of '{origin}' may not ask")
    assert shop.requests() == []
    assert read.status_code == 200


@pytest.mark.parametrize("origin", ["http://127.0.0.1:8000", "https://shop.example.org"])
async def test_the_apis_own_pages_may_ask_for_changes(shop: Shop, origin: str):
    app = served(shop, "shop.example.org")

    answer = await ask(app, "POST", "/retrain", json=CHANGE, headers={"origin": origin})

    assert answer.status_code == 202


async def test_the_documents_page_has_all_it_needs_and_nothing_of_other_hosts(shop: Shop):
    answer = await ask(shop.app(), "GET", "/docs")

    assert answer.headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert not re.search(r"(?:https?:)?//|<script|<link|<img|@import|url\(", answer.text)
    for path, methods in shop.app().openapi()["paths"].items():
        assert all(f"{method.upper()} {path}" in answer.text for method in methods)
    assert "Days to forecast; integer 1 to 90; default 7" in answer.text


@pytest.mark.parametrize("path", ["/redoc", "/docs/oauth2-redirect", "/", "/nowhere", "/runs"])
async def test_no_page_loads_anything_of_another_host(shop: Shop, path: str):
    answer = await ask(shop.app(), "GET", path)

    assert not answer.headers["content-type"].startswith("text/html")
    assert "http://" not in answer.text
    assert "https://" not in answer.text
