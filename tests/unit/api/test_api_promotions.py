import httpx
import pytest

from events.payloads import PromotionRequested, SeriesRef
from tests.unit.api.served import Shop, loses_to

MILK = [("1", "milk")]


@pytest.fixture
async def runs(api: httpx.AsyncClient, shop: Shop) -> None:
    """Milk of store 1 has three models: one replaced, a champion, a challenger that lost."""
    for n in (1, 2, 3):
        await api.post("/retrain", json={"store": "1", "run_id": f"run-{n}"})
    await shop.plan()
    for n in (1, 2):
        await shop.train(f"run-{n}", MILK)
    await shop.train("run-3", MILK, **loses_to("run-2:1:milk"))


async def standing(api: httpx.AsyncClient) -> dict[str, int]:
    found = (await api.get("/models/1/milk")).json()["models"]
    return {alias: model["version"] for model in found for alias in model["aliases"]}


async def refused(api: httpx.AsyncClient, path: str, body: object) -> dict[str, str]:
    answer = await api.post(path, json=body)
    assert answer.status_code == 422, answer.text
    [problem] = answer.json()["errors"]
    return problem


async def test_a_challenger_shows_what_it_lost_and_to_whom(api: httpx.AsyncClient, runs):
    challenger = (await api.get("/models/1/milk")).json()["models"][0]

    assert challenger["aliases"] == ["challenger"]
    assert (challenger["policy"], challenger["chosen"]) == ("if-better", "windowed")
    assert challenger["verdict"] == {
        "promote": False,
        "reason": "score 0.900, champion 0.800 on the same folds (naive 1): "
        "it loses by more than 2%",
        "champion_model_id": "run-2:1:milk",
        "score": 0.9,
        "champion_score": 0.8,
    }
    assert challenger["comparison"][2] == {
        "strategy": "full",
        "model_id": "run-2:1:milk",
        "score": 0.8,
        "metrics": {"wape": 0.08},
        "weight": None,
    }
    assert challenger["folds"][0]["first_day"] == "2015-07-25"
    assert challenger["findings"] == [{"code": "drivers-unused", "values": {"names": ["promo"]}}]
    [note] = challenger["notes"]
    assert note.startswith("not moved by promo")


async def test_a_version_is_promoted_and_rolled_back(api, shop: Shop, runs):
    body = {"version": 1, "reason": "empty shelves", "requested_by": "anna"}
    answer = await api.post("/models/1/milk/promote", json=body)

    assert answer.status_code == 202
    (event,) = shop.promotions()
    assert answer.json() == {"request_id": event.id, "series": 1}
    assert event.source == "shelfcast/api"
    assert event.data == PromotionRequested(
        action="promote",
        series=(SeriesRef(store="1", product="milk"),),
        version=1,
        requested_by="anna",
        reason="empty shelves",
    )
    await shop.promote()
    assert await standing(api) == {"champion": 1, "previous": 2, "challenger": 3}

    assert (await api.post("/models/1/milk/rollback", json={})).status_code == 202
    await shop.promote()
    assert await standing(api) == {"champion": 2, "previous": 1, "challenger": 3}


async def test_the_challenger_is_promoted_if_no_other_is_named(api, shop: Shop, runs):
    assert (await api.post("/models/1/milk/promote", json={})).status_code == 202
    await shop.promote()
    assert await standing(api) == {"champion": 3, "previous": 2}


async def test_the_history_says_who_when_why_from_and_to(api, shop: Shop, runs):
    await api.post(
        "/models/1/milk/promote",
        json={"model_id": "run-3:1:milk", "reason": "try it", "request_id": "try"},
    )
    await shop.promote()
    found = (await api.get("/models/1/milk/history")).json()

    assert (found["store"], found["product"]) == ("1", "milk")
    challenger, champion, *automatic = found["changes"]
    assert champion.pop("changed_at")
    assert champion == {
        "alias": "champion",
        "from_version": 2,
        "to_version": 3,
        "from_model_id": "run-2:1:milk",
        "to_model_id": "run-3:1:milk",
        "changed_by": "api",
        "reason": "try it",
        "cause_id": "try",
        "strategy": "windowed",
        "as_of": str(shop.storage.stored["run-3:1:milk"].as_of),
    }
    assert (challenger["alias"], challenger["to_version"]) == ("challenger", None)
    assert {change["changed_by"] for change in automatic} == {"registry"}
    assert [change["to_version"] for change in automatic] == [3, 2, 1]


async def test_a_repeat_with_the_same_id_is_accepted_and_changes_nothing(api, shop: Shop, runs):
    for _ in "12":
        answer = await api.post("/models/1/milk/promote", json={"request_id": "try"})
        assert (answer.status_code, answer.json()) == (202, {"request_id": "try", "series": 1})
        await shop.promote()
    assert [event.id for event in shop.promotions()] == ["try", "try"]
    assert await standing(api) == {"champion": 3, "previous": 2}


async def test_a_run_is_rolled_back_and_a_list_promoted(api, shop: Shop, runs):
    answer = await api.post("/promotions", json={"action": "rollback", "run_id": "run-2"})
    assert (answer.status_code, answer.json()["series"]) == (202, 1)
    await shop.promote()
    assert (await standing(api))["champion"] == 1

    wish = {"action": "promote", "series": ["1/milk"], "reason": "so be it"}
    assert (await api.post("/promotions", json=wish)).status_code == 202
    await shop.promote()
    assert await standing(api) == {"champion": 3, "previous": 1}
    assert shop.promotions()[-1].data.series == (SeriesRef(store="1", product="milk"),)


@pytest.mark.parametrize("verb", ["promote", "rollback"])
async def test_a_series_without_a_model_is_unknown(api, verb: str):
    answer = await api.post(f"/models/9/milk/{verb}", json={})
    assert answer.status_code == 404
    assert "no model of 9/milk yet; ask for one with POST /retrain" in answer.json()["detail"]
    assert (await api.get("/models/9/milk/history")).status_code == 404


@pytest.mark.parametrize(
    ("path", "body", "field", "told"),
    [
        ("/models/1/milk/promote", {"version": 9}, "version", "1/milk has no version 9; see GET"),
        ("/models/1/milk/promote", {"version": 0}, "version", "must be 1 or more"),
        ("/models/1/milk/promote", {"model_id": "x"}, "model_id", "'x' is not a model of 1/milk"),
        ("/models/1/milk/promote", {"version": 1, "model_id": "x"}, "body", "one of the two"),
        ("/models/1/milk/promote", {"policy": "x"}, "policy", "there are reason, requested_by"),
        ("/models/1/milk/rollback", {"version": 1}, "version", "is not a field here; there are"),
        ("/promotions", {"action": "undo", "run_id": "r"}, "action", "'promote' or 'rollback'"),
        ("/promotions", {"action": "promote"}, "body", "name series or a run_id"),
        ("/promotions", {"action": "promote", "run_id": "r"}, "run_id", "no model of run 'r'"),
        (
            "/promotions",
            {"action": "rollback", "run_id": "run-1"},
            "run_id",
            "no champion that replaced another is of run 'run-1'",
        ),
        (
            "/promotions",
            {"action": "rollback", "series": ["1/milk", "2/milk"]},
            "series",
            "2/milk has no champion that replaced another",
        ),
        (
            "/promotions",
            {"action": "rollback", "series": ["1/milk", "milk"]},
            "series.1",
            "must be store/product, as GET /series has them",
        ),
        (
            "/promotions",
            {"action": "rollback", "series": ["1/milk/x"]},
            "series.0",
            "must be store/product",
        ),
    ],
)
async def test_what_cannot_be_done_is_refused_before_it_is_published(
    api, shop: Shop, runs, path, body, field, told
):
    problem = await refused(api, path, body)

    assert problem["field"] == field
    assert problem["value"] is not None
    assert told in f"{problem['message']}; {problem['fix']}"
    assert shop.promotions() == []


async def test_without_a_broker_the_answer_says_how_to_repeat_it(api, shop: Shop, runs):
    shop.log.away = ConnectionRefusedError(111, "Connect call failed")
    answer = await api.post("/models/1/milk/rollback", json={"request_id": "mine"})

    assert answer.status_code == 503
    assert "repeat it with request_id 'mine'" in answer.json()["detail"]
    assert answer.headers["retry-after"]
