import copy
import datetime as dt
from dataclasses import replace
from datetime import date

import httpx
import pytest

from functions.forecasting.baselines.baseline import BaselineModel
from functions.forecasting.model import SeriesModel
from functions.forecasting.prophet.parameters import ProphetParameters, Regressor
from tests.unit.api.served import LAST_DAY, Shop

PATH = "/forecasts/1/milk/what-if"
# By weekday 10 units, with a promotion 15; closed on Sundays.
MODEL = SeriesModel(
    members=(BaselineModel("naive", (10.0,) * 7 + (15.0,) * 7, -4.0, 4.0, "promo"),),
    last_day=LAST_DAY,
    cap=100.0,
    closed_weekdays=(6,),
    rest_weekdays=(6,),
    typical_drivers={"promo": (0.0,) * 7},
)
FITTED = ProphetParameters(
    k=0.0,
    m=1.0,
    delta=(0.0,),
    changepoints_t=(0.0,),
    beta=(0.0,),
    sigma_obs=0.1,
    y_scale=3.0,
    first_day=date(2015, 6, 2),
    t_scale_days=59,
    rows=60,
    seasonalities=(),
    changepoint_prior_scale=0.05,
    closed_weekdays=(6,),
    regressors=(Regressor("driver/promo", 10.0, 0.0, 1.0, 0.2),),
    scale="log",
)
MONDAY, SUNDAY = "2015-08-03", "2015-08-02"


@pytest.fixture
async def trained(api: httpx.AsyncClient, shop: Shop) -> None:
    """Milk of store 1 has a champion that a promotion moves."""
    await api.post("/retrain", json={"store": "1", "product": "milk", "run_id": "run"})
    await shop.plan()
    await shop.train("run", [("1", "milk")], parameters=MODEL.to_json_dict())


async def units(api: httpx.AsyncClient, **body: object) -> dict[str, float]:
    answer = await api.post(PATH, json=body)
    assert answer.status_code == 200, answer.text
    return {day["date"]: day["yhat"] for day in answer.json()["days"]}


async def test_without_a_change_it_is_the_champions_forecast(api, trained):
    answer = await api.post(PATH, json={})

    assert answer.status_code == 200
    found = answer.json()
    days = found.pop("days")
    assert found.pop("components") == []  # a level has no parts
    assert found == {
        "store": "1",
        "product": "milk",
        "model_id": "run:1:milk",
        "version": 1,
        "strategy": "windowed",
        "level": 0.95,
    }
    assert [day["date"] for day in days] == [f"2015-08-0{n}" for n in range(1, 8)]
    assert [day["yhat"] for day in days] == [10, 0, 10, 10, 10, 10, 10]
    assert [day["assumed"] for day in days] == [["promo"], [], *[["promo"]] * 5]


async def test_a_changed_driver_moves_the_forecast_of_its_day_alone(api, trained):
    found = await units(api, days=[{"date": MONDAY, "drivers": {"promo": 1}}])

    assert list(found.values()) == [10, 0, 15, 10, 10, 10, 10]


async def test_a_day_that_is_given_is_assumed_no_more(api, trained):
    change = {"days": [{"date": MONDAY, "drivers": {"promo": 0}}]}
    days = (await api.post(PATH, json=change)).json()["days"]
    assert (days[2]["yhat"], days[2]["assumed"]) == (10, [])


async def test_a_closed_day_sells_exactly_nothing_and_an_opened_one_something(api, trained):
    change = {"days": [{"date": MONDAY, "open": False}, {"date": SUNDAY, "open": True}]}
    days = (await api.post(PATH, json=change)).json()["days"]

    assert [day["yhat"] for day in days] == [10, 10, 0, 10, 10, 10, 10]
    assert (days[2]["yhat_lower"], days[2]["yhat_upper"]) == (0, 0)


async def test_what_is_planned_holds_where_nothing_is_changed(api, shop: Shop, trained):
    shop.storage.planned["1", ""] = {
        LAST_DAY.replace(month=8, day=3): (True, {"promo": 1.0, "holiday": 0.0}),
        LAST_DAY.replace(month=8, day=4): (False, {}),
    }
    found = await units(api, days=[{"date": SUNDAY, "open": True, "drivers": {"promo": 1}}])
    assert list(found.values()) == [10, 15, 15, 0, 10, 10, 10]

    found = await units(api, days=[{"date": "2015-08-04", "open": True}])
    assert list(found.values()) == [10, 0, 15, 10, 10, 10, 10]


async def test_nothing_is_stored_and_nothing_is_published(api, shop: Shop, trained):
    storage = shop.storage
    before = copy.deepcopy((storage.published, storage.planned, storage.stored, storage.aliases))
    records = sum(map(len, shop.log.partitions.values()))

    await units(api, days=[{"date": MONDAY, "drivers": {"promo": 1}, "open": False}], horizon=30)

    assert (storage.published, storage.planned, storage.stored, storage.aliases) == before
    assert sum(map(len, shop.log.partitions.values())) == records


async def test_start_and_horizon_say_which_days(api, trained):
    found = await units(api, start="2015-08-10", horizon=2)
    assert list(found) == ["2015-08-10", "2015-08-11"]


async def test_a_narrower_level_gives_narrower_intervals(api, trained):
    wide, narrow = [(await api.post(PATH, json={"level": level})).json() for level in (0.95, 0.5)]
    assert (wide["level"], narrow["level"]) == (0.95, 0.5)
    for day, other in zip(wide["days"], narrow["days"], strict=True):
        assert day["yhat"] == other["yhat"]
        if day["yhat"]:
            assert day["yhat_lower"] < other["yhat_lower"] < other["yhat_upper"]
            assert other["yhat_upper"] < day["yhat_upper"]


async def test_a_champion_that_came_back_is_asked_from_where_its_forecast_starts(
    api, shop: Shop, trained
):
    await api.post("/retrain", json={"store": "1", "product": "milk", "as_of": "2015-08-05",
                                     "run_id": "later"})  # fmt: skip
    await shop.plan()
    await shop.train("later", [("1", "milk")], parameters=MODEL.to_json_dict())

    answer = (await api.post(PATH, json={})).json()

    assert answer["version"] == 2
    assert answer["days"][0]["date"] == "2015-08-05"


@pytest.mark.parametrize(
    ("body", "field", "value", "message"),
    [
        (
            {"days": [{"date": MONDAY, "drivers": {"price": 2}}]},
            "days.0.drivers.price",
            "'price'",
            "is not a driver of this series' champion; it has: promo",
        ),
        (
            {"days": [{"date": MONDAY}, {"date": "2015-08-08", "open": False}]},
            "days.1.date",
            "'2015-08-08'",
            "is not forecast; choose a day from 2015-08-01 to 2015-08-07, or another horizon",
        ),
        (
            {"days": [{"date": "2015-07-31", "open": False}]},
            "days.0.date",
            "'2015-07-31'",
            "is not forecast; choose a day from 2015-08-01",
        ),
        ({"days": [{"date": "20150803"}]}, "days.0.date", "'20150803'", "a day like 2015-07-31"),
        ({"days": [{"open": True}]}, "days.0.date", None, "is required, but missing: give it"),
        (
            {"days": [{"date": MONDAY, "open": "yes"}]},
            "days.0.open",
            "'yes'",
            "must be true or false",
        ),
        (
            {"days": [{"date": MONDAY, "drivers": {"promo": "1"}}]},
            "days.0.drivers.promo",
            "'1'",
            "must be a number",
        ),
        (
            {"days": [{"date": MONDAY, "closed": True}]},
            "days.0.closed",
            "true",
            "is not a field here; there are date, open, drivers",
        ),
        ({"days": MONDAY}, "days", f"'{MONDAY}'", "must be a list"),
        ({"horizon": 91}, "horizon", "91", "must be 90 or less"),
        ({"horizon": "7"}, "horizon", "'7'", "must be a whole number"),
        ({"level": 1}, "level", "1", "less than 1"),
        ({"level": 0}, "level", "0", "must be more than 0"),
        ({"start": "1899-01-01"}, "start", "'1899-01-01'", "must be a day from 1900-01-01"),
        ({"day": []}, "day", "[]", "is not a field here; there are days, start, horizon, level"),
    ],
)
async def test_what_can_not_be_is_refused_with_field_value_and_fix(
    api, trained, body, field: str, value: str | None, message: str
):
    answer = await api.post(PATH, json=body)

    assert answer.status_code == 422, answer.text
    (problem,) = answer.json()["errors"]
    assert (problem["field"], problem["value"]) == (field, value)
    assert message in f"{problem['message']}; {problem['fix']}"


@pytest.mark.parametrize("text", ["NaN", "1e999", "-Infinity"])
async def test_a_driver_that_is_no_finite_number_is_refused(api, trained, text: str):
    body = f'{{"days": [{{"date": "{MONDAY}", "drivers": {{"promo": {text}}}}}]}}'
    answer = await api.post(PATH, content=body, headers={"content-type": "application/json"})

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "days.0.drivers.promo"


@pytest.mark.parametrize("scale", ["linear", "log"])
@pytest.mark.parametrize("value", [1e308, -1e308, 1e30, -1e30, 1e3, -1e3])
async def test_however_far_a_driver_is_a_number_comes_out_or_the_driver_is_refused(
    api, shop: Shop, scale, value: float
):
    await api.post("/retrain", json={"store": "1", "product": "milk", "run_id": "run"})
    await shop.plan()
    model = replace(MODEL, members=(replace(FITTED, scale=scale),))
    await shop.train("run", [("1", "milk")], parameters=model.to_json_dict())

    answer = await api.post(PATH, json={"days": [{"date": MONDAY, "drivers": {"promo": value}}]})

    if answer.status_code == 200:
        day = answer.json()["days"][2]
        assert 0 <= day["yhat_lower"] <= day["yhat"] <= day["yhat_upper"] <= 2 * MODEL.cap
        assert day["yhat"] == (MODEL.cap if value > 0 else 0)
    else:
        assert answer.status_code == 422
        (problem,) = answer.json()["errors"]
        assert (problem["field"], problem["value"]) == ("days", f"\"{{'promo': {value}}}\"")
        assert problem["message"] == "is beyond what the model can tell of 2015-08-03"
        assert problem["fix"] == "give drivers values like those they had"


async def test_what_is_no_json_is_not_taken(api, trained):
    assert (await api.post(PATH, content="days=1")).status_code == 415


async def test_without_a_model_there_is_no_answer(api):
    answer = await api.post("/forecasts/2/milk/what-if", json={})

    assert answer.status_code == 404
    assert answer.json()["detail"].startswith(
        "store/product: no model of 2/milk yet; ask for one with POST /retrain"
    )


async def test_a_fitted_model_shows_its_components(api, shop):
    await api.post("/retrain", json={"store": "1", "product": "milk", "run_id": "run"})
    await shop.plan()
    fitted = ProphetParameters(
        k=0.0,
        m=0.5,
        delta=(0.0,),
        changepoints_t=(0.0,),
        beta=(0.0,),
        sigma_obs=0.1,
        y_scale=8.0,
        first_day=dt.date(2015, 1, 1),
        t_scale_days=180,
        rows=150,
        seasonalities=(),
        changepoint_prior_scale=0.05,
        closed_weekdays=(),
        regressors=(Regressor("driver/promo", 10.0, 0.0, 1.0, 0.25),),
    )
    model = replace(MODEL, members=(fitted,), cap=100.0, interval_scale=())
    await shop.train("run", [("1", "milk")], parameters=model.to_json_dict())

    answer = await api.post(
        PATH, json={"days": [{"date": "2015-08-03", "drivers": {"promo": 1.0}}], "horizon": 7}
    )

    (components,) = answer.json()["components"]
    assert components["scale"] == "linear"
    assert components["parts"]["trend"] == [4.0] * 7
    at = [day["date"] for day in answer.json()["days"]].index("2015-08-03")
    assert components["parts"]["promo"][at] == 2.0


async def test_a_series_whose_sales_were_removed_has_no_days_ahead(api, shop: Shop, trained):
    del shop.storage.sales["1", "milk"]
    answer = await api.post(PATH, json={})
    assert answer.status_code == 404
    assert "removed" in answer.json()["detail"]
