import httpx
import pytest

from functions.records import MAX_FAILURES
from tests.unit.api.served import Shop

PRODUCTS = [f"p{n:03}" for n in range(MAX_FAILURES + 5)]


@pytest.fixture
async def failed(shop: Shop) -> Shop:
    """A run of which every series failed."""
    shop = Shop()
    for product in PRODUCTS:
        shop.sell("1", product, days=3)
    return shop


@pytest.fixture
async def api(failed: Shop):
    transport = httpx.ASGITransport(failed.app())
    async with httpx.AsyncClient(transport=transport, base_url="http://api") as client:
        await client.post("/retrain", json={"store": "1", "run_id": "run-1"})
        await failed.plan()
        await failed.train("run-1", [("1", product) for product in PRODUCTS], failure="too short")
        yield client


async def test_a_run_tells_its_first_failures_how_many_there_are_and_where_the_rest_is(api):
    run = (await api.get("/runs/run-1")).json()
    rest = (await api.get(run["more"])).json()

    assert run["counts"]["failed"] == len(PRODUCTS)
    assert [each["product"] for each in run["failures"]] == PRODUCTS[:MAX_FAILURES]
    assert [each["product"] for each in rest["failures"]] == PRODUCTS[MAX_FAILURES:]
    assert rest["next"] is None


async def test_who_waits_for_a_run_need_not_read_its_failures(api):
    run = (await api.get("/runs/run-1", params={"failures": 0})).json()

    assert run["failures"] == []
    assert run["counts"]["failed"] == len(PRODUCTS)
    assert run["more"] == "/runs/run-1/failures"


async def test_failures_come_in_pages_until_there_is_no_next(api):
    seen, after = [], None
    while True:
        asked = {"limit": 40} | ({} if after is None else {"after": after})
        page = (await api.get("/runs/run-1/failures", params=asked)).json()
        seen += [each["product"] for each in page["failures"]]
        if (after := page["next"]) is None:
            break

    assert seen == PRODUCTS


@pytest.mark.parametrize(
    ("path", "status", "told"),
    [
        ("/runs/run-9/failures", 404, "run_id: 'run-9' is unknown"),
        ("/runs/run-1/failures?after=x", 422, "must be store/product, as `next` gives it"),
        ("/runs/run-1/failures?after=1/a%00b", 422, "must be store/product, as `next` gives it"),
        ("/runs/run-1/failures?limit=1001", 422, "must be 1,000 or less"),
        ("/runs/run-1?failures=101", 422, "must be 100 or less"),
    ],
)
async def test_what_is_no_page_of_failures_is_told(api, path: str, status: int, told: str):
    answer = await api.get(path)

    assert answer.status_code == status
    assert told in answer.text


async def test_the_same_id_with_other_series_is_another_run(api, failed: Shop):
    one = {"store": "1", "product": PRODUCTS[0]}
    two = {"store": "1", "product": PRODUCTS[1]}
    await api.post("/retrain", json={"series": [one], "run_id": "named"})
    await failed.plan()

    same = await api.post("/retrain", json={"series": [one], "run_id": "named"})
    others = [
        {"series": [two]},
        {"series": [one, two]},
        {"all": True},
        {"store": "1"},
    ]

    assert same.status_code == 202
    for other in others:
        answer = await api.post("/retrain", json=other | {"run_id": "named"})
        assert answer.status_code == 409, other
        assert answer.json()["detail"].startswith("run_id: 'named' is a run with ")
    named = await api.post("/retrain", json={"series": [one], "run_id": "run-1"})
    assert named.status_code == 409
