"""What is known of the days ahead moves forecasts: as planned, and as asked for."""

from datetime import date, timedelta

from events.envelope import first_event
from events.payloads import CalendarPlanned
from tests.e2e.system import LAST_DAY, System, sale, wait

CLOSED, PROMOTED = LAST_DAY + timedelta(days=3), LAST_DAY + timedelta(days=4)


def test_planned_days_move_the_forecast_and_a_what_if_moves_it_again(system: System):
    store = promoted_shop(system)
    system.publish(
        [
            plan(store, CLOSED, open=False),
            plan(store, PROMOTED, drivers={"promo": 1.0}),
        ]
    )
    planned = "SELECT count(*) FROM calendar WHERE store = %s"
    wait(lambda: system.rows(planned, store) == [(2,)])
    run = system.ended(system.retrain(store, strategy="naive"))
    assert run["counts"]["succeeded"] == 1

    assert units(system.forecast(store, "milk")) == [20, 20, 0, 40, 20, 20, 20]
    closed = system.forecast(store, "milk")["days"][2]
    assert (closed["yhat_lower"], closed["yhat_upper"]) == (0, 0)

    path = f"/forecasts/{store}/milk/what-if"
    change = [
        {"date": str(CLOSED), "open": True, "drivers": {"promo": 1}},
        {"date": str(PROMOTED), "drivers": {"promo": 0}},
    ]
    answer = system.post(path, {"days": change})
    assert answer.status_code == 200, answer.text
    assert units(answer.json()) == [20, 20, 40, 20, 20, 20, 20]
    assert units(system.post(path, {}).json()) == [20, 20, 0, 40, 20, 20, 20], "nothing is stored"

    wrong = system.post(path, {"days": [{"date": str(CLOSED), "drivers": {"price": 1}}]})
    assert wrong.status_code == 422
    assert wrong.json()["errors"][0]["field"] == "days.0.drivers.price"


def test_what_is_planned_after_the_run_reaches_the_forecast_that_is_out(system: System):
    store = promoted_shop(system)
    system.ended(system.retrain(store, strategy="naive"))
    assert units(system.forecast(store, "milk")) == [20] * 7
    system.publish(
        [
            plan(store, CLOSED, open=False),
            plan(store, PROMOTED, drivers={"promo": 1.0}),
        ]
    )
    wait(lambda: units(system.forecast(store, "milk")) == [20, 20, 0, 40, 20, 20, 20])


def promoted_shop(system: System) -> str:
    """A store that sells 20 of its milk a day, and 40 in every other week's promotion."""
    store = system.shop(series=0)
    days = [LAST_DAY - timedelta(days=n) for n in range(84)]
    promotions = [float(n // 7 % 2) for n in range(84)]
    system.publish(
        [
            sale(store, "milk", day, 20 + 20 * promo, drivers={"promo": promo})
            for day, promo in zip(days, promotions, strict=True)
        ]
    )
    count = "SELECT count(*) FROM daily_sales WHERE store = %s"
    wait(lambda: system.rows(count, store) == [(84,)])
    return store


def plan(store: str, day: date, **what: object):
    return first_event(CalendarPlanned(store=store, date=day, **what), "test")


def units(forecast: dict) -> list[float]:
    return [day["yhat"] for day in forecast["days"]]
