"""Who is champion changes by request, and what is served with it."""

from events.dead_letters import waiting
from events.envelope import first_event
from events.payloads import PromotionRequested, SeriesRef
from tests.e2e.system import System, wait

DONE = "SELECT count(*) FROM alias_history WHERE cause_id = %s AND alias = 'champion'"


def trained_twice(system: System) -> tuple[str, str, int, int]:
    """A store whose one product has two versions: store, last run, champion, the other one."""
    store = system.shop(series=1)
    for _ in "12":
        run_id = system.retrain(store)
        system.ended(run_id)
    wait(lambda: len(standing(system, store)) == 2)
    champion = standing(system, store)["champion"]
    wait(lambda: system.forecast(store, "product-0")["version"] == champion)
    return store, run_id, champion, 3 - champion


def standing(system: System, store: str) -> dict[str, int]:
    found = system.get(f"/models/{store}/product-0").json()["models"]
    return {alias: model["version"] for model in found for alias in model["aliases"]}


def test_a_promoted_version_serves_and_so_does_the_one_before_after_a_rollback(system: System):
    store, _, champion, other = trained_twice(system)
    days = [day["date"] for day in system.forecast(store, "product-0")["days"]]
    path = f"/models/{store}/product-0"
    wish = {"version": other, "reason": "the new promo", "requested_by": "anna"}
    assert system.post(f"{path}/promote", wish).json()["series"] == 1
    wait(lambda: system.forecast(store, "product-0")["version"] == other)
    assert [day["date"] for day in system.forecast(store, "product-0")["days"]] == days
    assert system.post(f"{path}/rollback", {"reason": "empty shelves"}).status_code == 202
    wait(lambda: system.forecast(store, "product-0")["version"] == champion)
    changes = system.get(f"{path}/history").json()["changes"]
    by_people = [c for c in changes if c["changed_by"] != "registry" and c["alias"] == "champion"]
    assert [(c["from_version"], c["to_version"], c["reason"]) for c in by_people] == [
        (other, champion, "empty shelves"),
        (champion, other, "the new promo"),
    ]


def test_a_repeated_event_changes_champions_once_and_one_for_nobody_is_a_dead_letter(
    system: System,
):
    store, _, _, other = trained_twice(system)
    refs = (SeriesRef(store=store, product="product-0"),)
    wish = PromotionRequested(action="promote", series=refs, version=other, requested_by="test")
    forth = first_event(wish, "test")
    nobody = first_event(wish.model_copy(update={"version": 9}), "test")
    back = first_event(
        PromotionRequested(action="rollback", series=refs, requested_by="test"), "test"
    )
    last = first_event(wish, "test")
    # One partition: when the last has been heeded, so have those before it.
    system.publish([forth, forth, nobody, back, forth, back, last])
    wait(lambda: system.rows(DONE, last.id) == [(1,)])
    assert standing(system, store)["champion"] == other
    changes = system.get(f"/models/{store}/product-0/history").json()["changes"]
    asked = [c["cause_id"] for c in changes if c["changed_by"] == "test"]
    assert [cause for cause in asked if cause in (forth.id, back.id, last.id)] == asked
    assert len(set(asked)) == 3

    def refused() -> list[str]:
        letters = waiting(system.topic("dead-letters"))
        return [letter.message for letter in letters if letter.header("ce_id") == nobody.id]

    wait(lambda: len(refused()) == 1)
    assert refused()[0].startswith(f"version: {store}/product-0 has no version 9")
    for event in (forth, back, last):
        wait(lambda cause=event.id: len(set(promoted_by(system, cause))) == 1)


def promoted_by(system: System, cause: str) -> list[str]:
    """Ids of the promotions that an event caused, as often as they were said."""
    headers = [dict(record.headers) for record in system.topic("model-promotions")]
    return [h["ce_id"].decode() for h in headers if h.get("ce_causationid", b"").decode() == cause]


def test_a_run_is_rolled_back_as_a_whole(system: System):
    store, _, champion, other = trained_twice(system)
    models = system.get(f"/models/{store}/product-0").json()["models"]
    if champion == 1:  # the second lost: it becomes champion first, so that it replaced one
        system.post(f"/models/{store}/product-0/promote", {})
        wait(lambda: standing(system, store)["champion"] == 2)
        champion, other = 2, 1
    [run_id] = [model["run_id"] for model in models if model["version"] == champion]
    answer = system.post("/promotions", {"action": "rollback", "run_id": run_id})
    assert (answer.status_code, answer.json()["series"]) == (202, 1)
    wait(lambda: system.forecast(store, "product-0")["version"] == other)
