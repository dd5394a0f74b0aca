import httpx
import pytest

from events.payloads import CancelRequested
from events.topics import lanes
from tests.unit.api.served import Shop

SERIES = [("1", "milk"), ("1", "rye bread")]


@pytest.fixture
async def run(api: httpx.AsyncClient, shop: Shop) -> str:
    await api.post("/retrain", json={"store": "1", "run_id": "run-1"})
    await shop.plan()
    return "run-1"


def cancels(shop: Shop):
    return [event for event in shop.requests() if isinstance(event.data, CancelRequested)]


async def test_a_run_that_goes_is_asked_to_end_on_the_express_lane(api, shop: Shop, run: str):
    answer = await api.post(f"/runs/{run}/cancel", json={"reason": "no", "requested_by": "me"})

    assert answer.status_code == 202
    assert answer.json() == {"run_id": "run-1", "url": "/runs/run-1"}
    (event,) = cancels(shop)
    assert event.data == CancelRequested(run_id="run-1", reason="no", requested_by="me")
    assert event.correlation_id == "run-1"
    assert [r.key for r in shop.log.records(lanes("retrain-requests")[1])] == [b"run-1"]


async def test_to_cancel_twice_is_one_event(api, shop: Shop, run: str):
    for _ in range(2):
        assert (await api.post(f"/runs/{run}/cancel", json={})).status_code == 202
    assert len({event.id for event in cancels(shop)}) == 1


async def test_what_is_trained_stays_and_the_rest_is_cancelled(api, shop: Shop, run: str):
    await shop.train(run, SERIES[:1])
    await api.post(f"/runs/{run}/cancel", json={})
    await shop.plan()

    found = (await api.get(f"/runs/{run}")).json()

    assert found["state"] == "cancelled"
    counts = {"planned": 2, "succeeded": 1, "failed": 0, "cancelled": 1, "pending": 0}
    assert found["counts"] == counts
    assert (await api.get("/forecasts/1/milk")).status_code == 200


async def test_a_run_that_has_ended_can_not_be_cancelled(api, shop: Shop, run: str):
    await shop.train(run, SERIES)

    answer = await api.post(f"/runs/{run}/cancel", json={})

    assert answer.status_code == 409
    assert answer.json()["detail"] == (
        "run_id: 'run-1' is completed already; there is nothing to cancel"
    )
    assert cancels(shop) == []


async def test_a_coalesced_run_names_the_one_to_cancel(api, shop: Shop, run: str):
    await api.post("/retrain", json={"store": "1", "run_id": "again"})
    await shop.plan()

    answer = await api.post("/runs/again/cancel", json={})

    assert answer.status_code == 409
    assert answer.json()["detail"] == (
        "run_id: run 'again' was coalesced into 'run-1'; cancel that one"
    )


async def test_an_unknown_run_can_not_be_cancelled(api: httpx.AsyncClient):
    answer = await api.post("/runs/nothing/cancel", json={})

    assert answer.status_code == 404
    assert answer.json()["detail"].startswith("run_id: there is no run 'nothing'; GET /runs")


async def test_a_field_that_is_none_is_told_with_those_there_are(api, run: str):
    answer = await api.post(f"/runs/{run}/cancel", json={"why": "no"})

    (problem,) = answer.json()["errors"]
    assert problem["field"] == "why"
    assert problem["message"] == "is not a field here; there are reason, requested_by"


async def test_without_kafka_the_answer_says_to_repeat(api, shop: Shop, run: str):
    shop.log.away = ConnectionRefusedError(111, "Connect call failed")

    answer = await api.post(f"/runs/{run}/cancel", json={})

    assert answer.status_code == 503
    assert "repeat it: to cancel twice is to cancel once" in answer.json()["detail"]
