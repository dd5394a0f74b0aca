"""Parts are killed while they work; everything goes on where it was."""

from datetime import timedelta

import pytest

from events.payloads import EXPRESS_SERIES
from functions.catalog import processes
from tests.e2e.system import LAST_DAY, System, sale, wait

COUNT = "SELECT count(*), sum(units) FROM daily_sales WHERE store = %s"


@pytest.mark.parametrize("series", [4, EXPRESS_SERIES + 1])  # one run on each lane
def test_every_function_killed_during_a_run_leaves_the_state_of_an_undisturbed_one(
    system: System, series: int
):
    store = system.shop(series)
    run_id = system.retrain(store)
    for name in processes():
        system.kill_process(name)
    run = system.ended(run_id)
    assert run["counts"] == {
        "planned": series,
        "succeeded": series,
        "failed": 0,
        "cancelled": 0,
        "pending": 0,
    }
    for number in range(series):
        forecast = system.forecast(store, f"product-{number}")
        assert forecast["version"] == 1
        assert len(forecast["days"]) == 7
    rows = "SELECT count(*), count(DISTINCT model_id) FROM forecasts WHERE store = %s"
    wait(lambda: system.rows(rows, store) == [(7 * series, series)])
    history = "SELECT count(*) FROM alias_history WHERE store = %s AND alias = 'champion'"
    assert system.rows(history, store) == [(series,)]
    wait(lambda: len(system.ids("forecasts", run_id)) == series)


@pytest.mark.parametrize("name", ["kafka", "postgres", "spark", "ray"])
def test_a_killed_part_comes_up_again_and_everything_catches_up(system: System, name: str):
    store = system.shop(series=1, days=30)
    run_id = system.retrain(store)
    system.kill_server(name)
    system.up()
    newer = [sale(store, "product-0", LAST_DAY + timedelta(days=day), 5.0) for day in range(1, 4)]
    system.publish(newer)
    wait(lambda: [row[0] for row in system.rows(COUNT, store)] == [33])
    assert system.ended(run_id)["counts"]["succeeded"] == 1
    assert system.forecast(store, "product-0")["version"] == 1
    second = system.retrain(store)
    assert system.ended(second)["as_of"] == str(LAST_DAY + timedelta(days=4))
    wait(lambda: system.forecast(store, "product-0")["version"] == 2)
