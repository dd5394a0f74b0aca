"""A sale and a retrain request travel end to end, and nothing is lost or doubled on the way."""

from datetime import timedelta

from events.dead_letters import waiting
from events.envelope import first_event
from events.log import Record
from events.payloads import RetrainRequested
from tests.e2e.system import LAST_DAY, System, sale, wait

PIPELINE = (
    *("training-shards", "training-results", "model-promotions", "forecast-shards"),
    *("forecasts", "runs"),
)
TABLES = {
    "daily_sales": "SELECT product, date, units, open, event_id FROM daily_sales WHERE store = %s",
    "results": "SELECT product, run_id, state, model_id FROM training_results WHERE store = %s",
    "models": "SELECT product, model_id, version, parameters FROM model_versions WHERE store = %s",
    "aliases": "SELECT product, alias, model_id FROM model_aliases WHERE store = %s",
    "history": "SELECT product, alias, model_id FROM alias_history WHERE store = %s",
    "forecasts": "SELECT product, model_id, date, yhat, yhat_upper FROM forecasts WHERE store = %s",
}


def tables(system: System, store: str) -> dict[str, list[str]]:
    """Everything the database knows of a store."""
    return {name: sorted(map(str, system.rows(sql, store))) for name, sql in TABLES.items()}


def test_a_sale_becomes_a_row_and_a_correction_replaces_it(system: System):
    first = sale("corner", "milk", LAST_DAY, 12.0, drivers={"promo": 1.0})
    later = sale("corner", "milk", LAST_DAY, 11.0, open=False)
    row = "SELECT units, open, drivers FROM daily_sales WHERE store = 'corner'"
    system.publish([later])
    wait(lambda: system.rows(row) == [(11.0, False, {})])
    system.publish([first, sale("corner", "bread", LAST_DAY, 1.0)])
    wait(lambda: len(system.rows(row)) == 2)
    assert (11.0, False, {}) in system.rows(row), "the earlier event came later and changed nothing"


def test_a_request_becomes_forecasts(system: System):
    store = system.shop(series=2)
    run = system.ended(system.retrain(store))
    assert run["counts"] == {
        "planned": 2,
        "succeeded": 2,
        "failed": 0,
        "cancelled": 0,
        "pending": 0,
    }
    forecast = system.forecast(store, "product-0")
    days = [str(LAST_DAY + timedelta(days=step)) for step in range(1, 8)]
    assert [day["date"] for day in forecast["days"]] == days
    assert all(0 <= d["yhat_lower"] <= d["yhat"] <= d["yhat_upper"] for d in forecast["days"])
    [model] = system.get(f"/models/{store}/product-0").json()["models"]
    assert model["model_id"] == forecast["model_id"]
    assert model["metrics"]["rmse"] >= 0
    wait(lambda: len(system.ids("forecasts", run["run_id"])) == 2)


def test_a_series_that_cannot_be_trained_has_its_reason(system: System):
    store = system.shop(series=1, days=30, is_open=False)
    run = system.ended(system.retrain(store))
    assert run["counts"]["failed"] == 1
    reason = "no open day before 2024-07-01; at least 1 is needed"
    assert run["failures"] == [{"store": store, "product": "product-0", "reason": reason}]


def test_a_series_of_three_days_is_forecast_and_its_model_says_how(system: System):
    store = system.shop(series=1, days=3)
    assert system.ended(system.retrain(store))["counts"]["succeeded"] == 1
    assert len(system.forecast(store, "product-0")["days"]) == 7
    [model] = system.get(f"/models/{store}/product-0").json()["models"]
    assert model["chosen"] == "naive"
    assert model["notes"] == ["the naive serves: 3 open days are too few to measure"]


def test_a_day_before_all_sales_is_refused_at_once(system: System):
    store = system.shop(series=1, days=30)
    answer = system.post("/retrain", {"store": store, "as_of": "2010-01-01"})
    assert answer.status_code == 422
    [problem] = answer.json()["errors"]
    assert problem["field"] == "as_of"
    assert problem["message"] == f"2010-01-01 is before any sales of '{store}/product-0'"
    assert problem["fix"] == "the first day is 2024-06-01, choose a later one"


def test_everything_published_twice_changes_no_table_and_no_id(system: System):
    store = system.shop(series=2)
    run_id = system.retrain(store)
    system.ended(run_id)
    system.forecast(store, "product-1")
    wait(lambda: len(system.ids("forecasts", run_id)) == 2)
    before = tables(system, store), {topic: system.ids(topic, run_id) for topic in PIPELINE}
    again = [
        record
        for topic in ("sales", "retrain-requests", *PIPELINE)
        for record in system.topic(topic)
        if store.encode() in (record.value or b"") or run_id.encode() in (record.value or b"")
    ]
    counts = {topic: len(system.topic(topic)) for topic in PIPELINE}
    system.send([Record(r.topic, r.key, r.value, r.headers) for r in again])
    # What has its result is trained no more. Results say again what is to be forecast, and that is
    # doubled too, as are the two forecasts.
    wait(lambda: len(system.topic("forecasts")) >= counts["forecasts"] + 6)
    system.shop(series=1, days=1)  # sales behind the doubled ones are in, so those are too
    after = tables(system, store), {topic: system.ids(topic, run_id) for topic in PIPELINE}
    assert after == before


def test_two_requests_with_one_id_are_one_run(system: System):
    store = system.shop(series=1)
    run_ids = {system.retrain(store, run_id=f"once-{store}") for _ in range(2)}
    assert run_ids == {f"once-{store}"}
    assert system.ended(f"once-{store}")["counts"]["planned"] == 1
    runs = "SELECT count(*) FROM training_runs WHERE store = %s"
    assert system.rows(runs, store) == [(1,)]


def test_poison_goes_to_the_dead_letters_and_the_rest_goes_on(system: System):
    store = system.shop(series=1, days=20)
    poison = f"poison of {store}".encode()
    good = sale(store, "product-0", LAST_DAY + timedelta(days=1), 3.0)
    system.send([Record("sales", b"k", poison), Record("training-results", b"k", poison)])
    system.publish([good])
    wait(lambda: [r.topic for r in letters(system, poison)] == ["sales", "training-results"])
    count = "SELECT count(*) FROM daily_sales WHERE store = %s"
    wait(lambda: system.rows(count, store) == [(21,)])
    assert system.ended(system.retrain(store))["counts"]["succeeded"] == 1


def letters(system: System, value: bytes):
    found = [letter for letter in waiting(system.topic("dead-letters")) if letter.value == value]
    return sorted(found, key=lambda letter: letter.topic)


def test_a_dead_letter_can_be_replayed_once_its_cause_is_mended(system: System):
    store = f"unknown-{LAST_DAY}"
    request = first_event(RetrainRequested(store=store, requested_by="test"), "test")
    system.publish([request])
    wait(lambda: any(letter.header("ce_id") == request.id for letter in dead(system)))
    [letter] = [found for found in dead(system) if found.header("ce_id") == request.id]
    assert store in letter.message
    history = [sale(store, "p", LAST_DAY - timedelta(days=day), 9.0) for day in range(30)]
    system.publish(history)
    count = "SELECT count(*) FROM daily_sales WHERE store = %s"
    wait(lambda: system.rows(count, store) == [(30,)])
    system.send([letter.original(), letter.tombstone()])
    assert system.ended(request.id)["counts"]["succeeded"] == 1
    assert letter.id not in {found.id for found in dead(system)}


def dead(system: System):
    return waiting(system.topic("dead-letters"))
