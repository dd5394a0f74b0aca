"""Forecasts move on with the sales, without training."""

from datetime import timedelta

from tests.e2e.system import LAST_DAY, System, sale, wait


def first_day(system: System, store: str) -> str:
    return str(system.forecast(store, "product-0")["days"][0]["date"])


def test_a_forecast_whose_days_are_sold_is_stale_until_it_is_rolled_forward(system: System):
    store = system.shop(series=1)
    system.ended(system.retrain(store))
    wait(lambda: first_day(system, store) == str(LAST_DAY + timedelta(days=1)))
    assert system.forecast(store, "product-0")["stale"] is False
    newest = LAST_DAY + timedelta(days=3)
    system.publish([sale(store, "product-0", newest, 50.0)])
    # A reader may remember a forecast for a minute, but not across a change of it.
    body = {"store": store, "product": "product-0"}
    persisted = "SELECT count(*) FROM daily_sales WHERE store = %s AND date = %s"
    wait(lambda: system.rows(persisted, store, newest) == [(1,)])
    assert system.post("/forecasts", body).status_code == 202
    wait(lambda: first_day(system, store) == str(newest + timedelta(days=1)))
    moved = system.forecast(store, "product-0")
    assert (moved["stale"], moved["version"], len(moved["days"])) == (False, 1, 7)
