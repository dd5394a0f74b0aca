from datetime import UTC, date, datetime

import httpx
import pytest

from tests.unit.api.served import Shop


@pytest.fixture
async def run(api: httpx.AsyncClient, shop: Shop) -> str:
    """A run of store 1: milk succeeded, rye bread failed."""
    await api.post("/retrain", json={"store": "1", "reason": "why not", "run_id": "run-1"})
    await shop.plan()
    await shop.train("run-1", [("1", "milk")])
    await shop.train("run-1", [("1", "rye bread")], failure="7 open days; at least 10 are needed")
    return "run-1"


async def problem(api: httpx.AsyncClient, url: str) -> dict[str, str]:
    answer = await api.get(url)
    assert answer.status_code == 422, answer.text
    (one,) = answer.json()["errors"]
    return one


async def test_a_run_tells_its_parameters_counts_and_failures(api: httpx.AsyncClient, run: str):
    found = (await api.get(f"/runs/{run}")).json()

    times = [found.pop("requested_at"), found.pop("finished_at")]
    assert None not in times
    assert found == {
        "run_id": "run-1",
        "state": "completed",
        "coalesced_into": None,
        "requested_by": "api",
        "reason": "why not",
        "store": "1",
        "product": None,
        "strategy": "auto",
        "as_of": "2015-08-01",
        "horizon": 7,
        "policy": "if-better",
        "named": False,
        "failed_in": None,
        "older_than_days": None,
        "counts": {"planned": 2, "succeeded": 1, "failed": 1, "cancelled": 0, "pending": 0},
        "forecasts": {
            "due": 1,
            "current": 1,
            "stale": False,
            "stale_since": None,
            "stale_reason": None,
        },
        "failures": [
            {"store": "1", "product": "rye bread", "reason": "7 open days; at least 10 are needed"}
        ],
    }


async def test_runs_come_in_pages(api: httpx.AsyncClient, shop: Shop, run: str):
    await api.post("/retrain", json={"store": "2", "run_id": "run-2"})
    await shop.plan()
    newest = (await api.get("/runs", params={"limit": 1})).json()
    assert [each["run_id"] for each in newest["runs"]] == ["run-2"]
    rest = (await api.get("/runs", params={"limit": 2, "after": newest["next"]})).json()
    assert [each["run_id"] for each in rest["runs"]] == ["run-1"]
    assert rest["next"] is None


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"state": "running"}, ["run-2"]),
        ({"state": "completed"}, ["run-1"]),
        ({"state": "cancelled"}, []),
        ({"requested_by": "anna"}, ["run-2"]),
        ({"since": "2999-01-01"}, 422),
        ({"until": "2015-07-31"}, []),
        ({"state": "sleeping"}, 422),
        ({"after": "yesterday/run-1"}, 422),
        ({"after": "2015-07-31T12:00:00/run-1"}, 422),
        ({"after": "0001-01-01T00:00:00+14:00/run-1"}, 422),
    ],
)
async def test_runs_are_chosen_by_state_requester_and_day(
    api, shop: Shop, run: str, query, expected
):
    body = {"store": "2", "run_id": "run-2", "requested_by": "anna"}
    await api.post("/retrain", json=body)
    await shop.plan()
    answer = await api.get("/runs", params=query)
    if expected == 422:
        (error,) = answer.json()["errors"]
        assert (answer.status_code, error["field"]) == (422, next(iter(query)))
    else:
        assert [each["run_id"] for each in answer.json()["runs"]] == expected


async def test_the_runs_of_a_day_are_those_of_utc(api, run: str):
    today = datetime.now(UTC).date().isoformat()
    for query in ({"since": today}, {"until": today}, {"since": today, "until": today}):
        assert len((await api.get("/runs", params=query)).json()["runs"]) == 1


async def test_runs_are_listed_newest_first_without_failures(api, shop: Shop, run: str):
    await api.post("/retrain", json={"all": True, "run_id": "run-2"})
    await shop.plan()

    listed = (await api.get("/runs")).json()["runs"]

    assert [(one["run_id"], one["state"]) for one in listed] == [
        ("run-2", "running"),
        ("run-1", "completed"),
    ]
    assert "failures" not in listed[0]
    assert len((await api.get("/runs?limit=1")).json()["runs"]) == 1


async def test_without_a_run_the_list_is_empty(api: httpx.AsyncClient):
    assert (await api.get("/runs")).json() == {"runs": [], "next": None}


async def test_a_run_is_unknown_until_its_request_is_read(api: httpx.AsyncClient):
    await api.post("/retrain", json={"all": True, "run_id": "run-1"})

    answer = await api.get("/runs/run-1")

    assert answer.status_code == 404
    assert answer.json()["detail"].startswith("run_id: 'run-1' is unknown; a run is here once")


@pytest.mark.parametrize("limit", ["0", "1001", "-1", "many", ""])
@pytest.mark.parametrize("path", ["/runs", "/series"])
async def test_a_limit_out_of_range_is_refused(api: httpx.AsyncClient, path: str, limit: str):
    found = await problem(api, f"{path}?limit={limit}")

    assert found["field"] == "limit"
    assert found["value"] == repr(limit)


async def test_series_come_in_pages(api: httpx.AsyncClient, run: str):
    first = (await api.get("/series?limit=2")).json()
    last = (await api.get("/series", params={"limit": 2, "after": first["next"]})).json()

    assert first["next"] == "1/rye bread"
    assert first["series"][0] == {
        "store": "1",
        "product": "milk",
        "first_day": "2015-06-02",
        "last_day": "2015-07-31",
        "champion_version": 1,
    }
    assert [(one["store"], one["product"]) for one in last["series"]] == [("2", "milk")]
    assert last["series"][0]["champion_version"] is None
    assert last["next"] is None


@pytest.mark.parametrize("after", ["milk", "1/", "/milk", "1/milk/2", "1/mi%00lk", "%20" * 200])
async def test_a_malformed_place_to_go_on_from_is_refused(api: httpx.AsyncClient, after: str):
    found = await problem(api, f"/series?after={after}")

    assert found["field"] == "after"
    assert len(found["value"]) <= 81


async def test_a_series_history_ends_with_its_newest_day(api: httpx.AsyncClient):
    found = (await api.get("/series/1/rye%20bread")).json()

    assert (found["store"], found["product"]) == ("1", "rye bread")
    assert len(found["days"]) == 28
    assert found["days"][-1] == {"date": "2015-07-31", "units": 60.0, "open": True}
    assert found["days"][-6] == {"date": "2015-07-26", "units": 0.0, "open": False}


async def test_a_series_history_can_end_before_a_day(api: httpx.AsyncClient):
    asked = {"days": 3, "before": "2015-06-04"}
    found = (await api.get("/series/1/milk", params=asked)).json()

    assert [day["date"] for day in found["days"]] == ["2015-06-02", "2015-06-03"]
    asked["before"] = "1900-01-01"
    assert (await api.get("/series/1/milk", params=asked)).json()["days"] == []


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("days=0", "days"),
        ("days=3661", "days"),
        ("days=x", "days"),
        ("before=1438300800", "before"),
        ("before=20150731", "before"),
        ("before=1899-12-31", "before"),
        ("before=9999-12-31", "before"),
    ],
)
async def test_a_history_of_no_sensible_span_is_refused(api, query: str, field: str):
    assert (await problem(api, f"/series/1/milk?{query}"))["field"] == field


async def test_a_forecast_comes_from_the_champion(api: httpx.AsyncClient, run: str):
    found = (await api.get("/forecasts/1/milk")).json()

    assert found.pop("published_at") is not None
    assert found["days"][0] == {
        "date": "2015-08-01",
        "yhat": 55.25,
        "yhat_lower": 40.5,
        "yhat_upper": 1234.5,
        "assumed": [],
        "limited": [],
        "bounded": False,
    }
    assert found["days"][2]["assumed"] == ["promo"]
    assert found["days"][2]["limited"] == ["price"]
    assert found["days"][2]["bounded"] is True
    assert found["days"][1]["yhat_upper"] == 0
    assert len(found.pop("days")) == 7
    assert found == {
        "store": "1",
        "product": "milk",
        "model_id": "run-1:1:milk",
        "version": 1,
        "data_through": "2015-07-31",
        "stale": False,
        "stale_since": None,
        "stale_reason": None,
    }


async def test_a_forecast_whose_days_are_sold_says_that_it_is_stale(api, shop: Shop, run: str):
    shop.storage.sales["1", "milk"][date(2015, 8, 4)] = (1.0, True)

    found = (await api.get("/forecasts/1/milk")).json()

    assert (found["stale"], found["stale_since"]) == (True, "2015-08-02")
    assert "sales are known through 2015-08-04; roll it forward" in found["stale_reason"]


async def test_a_run_whose_forecasts_are_not_in_says_so(api, shop: Shop, run: str):
    shop.storage.windows_served.clear()

    told = (await api.get("/runs/run-1")).json()["forecasts"]

    assert (told["due"], told["current"], told["stale"]) == (1, 0, True)
    assert told["stale_since"] is not None
    assert told["stale_reason"].startswith("1 of 1 champions are not forecast for this run yet")


async def test_models_come_newest_first_with_their_aliases(api, shop: Shop, run: str):
    await api.post("/retrain", json={"store": "1", "run_id": "run-2"})
    await shop.plan()
    await shop.train("run-2", [("1", "milk")])

    found = (await api.get("/models/1/milk")).json()

    assert [(one["version"], one["aliases"]) for one in found["models"]] == [
        (2, ["champion"]),
        (1, ["previous"]),
    ]
    newest = found["models"][0]
    assert newest["metrics"] == {"rmse": 431.26, "mape": 0.0812, "mae": 322.9, "medae": None}
    assert "parameters" not in newest


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("/forecasts/9/milk", "no forecast of 9/milk yet; ask for one with POST /retrain"),
        ("/models/9/milk", "no model of 9/milk yet; ask for one with POST /retrain"),
        ("/series/9/milk", "no sales are known of store '9' and product 'milk'; import its"),
        ("/runs/nothing", "run_id: 'nothing' is unknown"),
        ("/forecasts/%E2%98%83/%C3%BC", "no forecast of ☃/ü yet"),
        ("/forecasts/1%2Fmilk/x", "path: '/forecasts/1/milk/x' is unknown; see /docs"),
        ("/forecasts/1/%FF", "no forecast of 1/\ufffd yet"),
        ("/nowhere", "path: '/nowhere' is unknown; see /docs"),
        ("/" + "n" * 5000, "…"),
    ],
)
async def test_what_is_unknown_is_a_404_that_says_what_to_do(api, path: str, told: str):
    answer = await api.get(path)

    assert answer.status_code == 404
    assert told in answer.json()["detail"]
    assert len(answer.text) < 800


@pytest.mark.parametrize("where", ["forecasts", "models", "series"])
@pytest.mark.parametrize("name", ["%00", "a%0Ab", "%20milk", "n" * 65])
async def test_a_name_that_no_series_can_have_is_refused(api, where: str, name: str):
    assert (await problem(api, f"/{where}/{name}/milk"))["field"] == "store"
    assert (await problem(api, f"/{where}/1/{name}"))["field"] == "product"


@pytest.mark.parametrize("run_id", ["a%20b", "%00", "r" * 129])
async def test_an_id_that_no_run_can_have_is_refused(api: httpx.AsyncClient, run_id: str):
    assert (await problem(api, f"/runs/{run_id}"))["field"] == "run_id"


async def test_another_method_is_refused_with_the_one_to_use(api: httpx.AsyncClient):
    answer = await api.delete("/runs")

    assert answer.status_code == 405
    assert answer.json()["detail"] == "method: DELETE is not taken by this path; use GET"
    assert answer.headers["allow"] == "GET"


async def test_a_series_whose_sales_were_removed_has_no_forecast(api, shop: Shop, run: str):
    assert (await api.get("/forecasts/1/milk")).status_code == 200
    sold = shop.storage.sales.pop(("1", "milk"))
    answer = await api.get("/forecasts/1/milk")
    assert answer.status_code == 404
    assert "no sales of 1/milk are stored any more (they were removed" in answer.json()["detail"]
    shop.storage.sales["1", "milk"] = sold
    assert (await api.get("/forecasts/1/milk")).status_code == 200
