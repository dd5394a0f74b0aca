"""Runs that end early, are one with another, or overtake another, through the whole system."""

from events.payloads import EXPRESS_SERIES
from tests.e2e.system import System, wait

MANY = 1000  # series: seconds of work, so what is asked meanwhile meets the run going


def test_a_single_series_overtakes_a_run_that_is_cancelled_under_way(system: System):
    store = system.shop(MANY, days=60)
    many = system.retrain(store)
    wait(lambda: system.run(many).get("state") == "running")
    twin = system.retrain(store)
    single = system.post("/retrain", {"store": store, "product": "product-0"}).json()["run_id"]
    assert system.ended(single)["counts"]["succeeded"] == 1
    wait(lambda: system.run(twin) != {})
    assert system.run(twin)["coalesced_into"] is None, "what is being trained has read its sales"
    assert system.run(many)["state"] == "running", "the single one did not wait for it"
    assert system.post(f"/runs/{twin}/cancel", {}).status_code == 202
    system.ended(twin)
    assert system.post(f"/runs/{many}/cancel", {}).status_code == 202
    ended = system.ended(many)
    assert ended["state"] == "cancelled"
    assert ended["counts"]["cancelled"] > 0
    assert ended["counts"]["pending"] == 0
    assert system.post(f"/runs/{many}/cancel", {}).status_code == 409
    again = system.ended(system.retrain(store, older_than_days=1))
    assert again["counts"]["planned"] <= MANY - ended["counts"]["succeeded"]
    assert again["counts"]["succeeded"] == again["counts"]["planned"]
    champions = "SELECT count(*) FROM model_aliases WHERE alias = 'champion' AND store = %s"
    assert system.rows(champions, store) == [(MANY,)], "what was cancelled is trained by now"


def test_what_failed_is_trained_again_once_it_can_be(system: System):
    store = system.shop(series=EXPRESS_SERIES + 1, days=30, is_open=False)
    first = system.ended(system.retrain(store))
    assert first["counts"]["failed"] == EXPRESS_SERIES + 1
    system.sell(store, series=EXPRESS_SERIES + 1, days=30)
    answer = system.post("/retrain", {"failed_in": first["run_id"], "requested_by": "test"})
    again = system.ended(answer.json()["run_id"])
    assert again["failed_in"] == first["run_id"]
    assert again["counts"]["succeeded"] == EXPRESS_SERIES + 1
    nothing = system.retrain(store, failed_in=again["run_id"])
    assert system.ended(nothing)["counts"]["planned"] == 0
