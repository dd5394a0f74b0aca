import httpx
import pytest

from tests.unit.api.served import Shop


async def test_healthz_answers_whatever_is_away(api_without_database: httpx.AsyncClient):
    answer = await api_without_database.get("/healthz")

    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


async def test_the_system_is_ready_when_database_and_functions_work(api, shop: Shop):
    shop.functions["trainer"] = {"state": "working", "trouble": None, "lag": 12}

    answer = await api.get("/readyz")

    assert answer.status_code == 200
    assert answer.json() == {
        "ready": True,
        "database": "ok",
        "functions": {
            "planner": {"state": "idle", "trouble": None, "lag": 0},
            "trainer": {"state": "working", "trouble": None, "lag": 12},
        },
    }


@pytest.mark.parametrize("state", ["degraded", "unreachable", "starting"])
async def test_a_function_in_trouble_makes_it_unready(api, shop: Shop, state: str):
    shop.functions["trainer"] = {"state": state, "trouble": "OSError()"}

    answer = await api.get("/readyz")

    assert answer.status_code == 503
    assert answer.json()["ready"] is False
    assert answer.json()["functions"]["trainer"]["state"] == state
    assert answer.json()["database"] == "ok"


async def test_without_the_database_it_is_unready_and_still_tells_of_functions(
    api_without_database: httpx.AsyncClient,
):
    answer = await api_without_database.get("/readyz")

    assert answer.status_code == 503
    assert "ConnectionRefusedError" in answer.json()["database"]
    assert answer.json()["functions"]["planner"]["state"] == "idle"


@pytest.mark.parametrize(
    "path",
    ["/runs", "/runs/run-1", "/series", "/series/1/milk", "/forecasts/1/milk", "/models/1/milk"],
)
async def test_without_the_database_a_read_is_a_503_that_says_when_to_come_again(
    api_without_database: httpx.AsyncClient, path: str
):
    answer = await api_without_database.get(path)

    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "5"
    detail = answer.json()["detail"]
    assert detail.startswith("a part of the system is away (ConnectionRefusedError(")
    assert detail.endswith("; ask again later")


@pytest.mark.parametrize("wish", [{"store": "1"}, {"all": True, "run_id": "run-1"}])
async def test_without_the_database_a_request_it_must_check_is_a_503(
    api_without_database: httpx.AsyncClient, shop: Shop, wish: dict
):
    answer = await api_without_database.post("/retrain", json=wish)

    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "5"
    assert shop.requests() == []


async def test_without_the_database_a_request_for_all_is_taken_and_waits_in_the_log(
    api_without_database: httpx.AsyncClient, shop: Shop
):
    answer = await api_without_database.post("/retrain", json={"all": True})

    assert answer.status_code == 202
    assert [event.id for event in shop.requests()] == [answer.json()["run_id"]]
