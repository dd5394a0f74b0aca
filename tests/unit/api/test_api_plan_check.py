from typing import Any

import httpx
import pytest

from functions.api.plan_check import KnownSeries, nearest
from tests.unit.api.served import LAST_DAY, Shop


async def check(api: httpx.AsyncClient, *scopes: tuple[str | None, str | None], **body: Any) -> Any:
    named = [{"store": store, "product": product} for store, product in scopes]
    answer = await api.post("/calendar/check", json={"scopes": named, **body})
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_a_plan_that_reaches_series_and_their_drivers_has_nothing_to_tell(api, shop: Shop):
    shop.storage.drivers["2", "milk"] = {LAST_DAY: {"promo": 1.0}}
    scopes = [(None, None), ("2", None), (None, "milk"), ("2", "milk")]
    found = await check(api, *scopes, drivers=["promo"])
    assert found == {"series": 3, "unreached": [], "unknown_drivers": []}


async def test_a_driver_is_asked_of_the_series_concerned(api, shop: Shop):
    shop.storage.drivers["1", "milk"] = {LAST_DAY: {"promo": 1.0}}
    shop.storage.drivers["2", "milk"] = {LAST_DAY: {"promo_1": 1.0, "price": 2.0}}
    found = await check(api, ("1", None), ("2", None), (None, "rye bread"), drivers=["promo"])
    assert found["unknown_drivers"] == [
        {
            "name": "promo",
            "store": "2",
            "product": None,
            "scopes": 2,
            "nearest": "promo_1",
            "known": ["price", "promo_1"],
        }
    ]


async def test_what_has_no_sales_is_told_with_what_is_near(api, shop: Shop):
    shop.sell("118", "total")
    scopes = [("118.0", None), ("1", "rye bred"), ("2", "rye bread"), (None, "silk"), ("118", None)]
    found = await check(api, *scopes)
    near = [(one["nearest_store"], one["nearest_product"]) for one in found["unreached"]]
    assert near == [("118", None), ("1", "rye bread"), ("2", None), (None, "milk")]
    assert [one["store"] for one in found["unreached"]] == ["118.0", "1", "2", None]


async def test_without_any_sales_there_is_nothing_to_tell(api, shop: Shop):
    shop.storage.sales.clear()
    found = await check(api, ("9", None), drivers=["promo"])
    assert found == {"series": 0, "unreached": [], "unknown_drivers": []}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"scopes": []}, "scopes"),
        ({"scopes": [{"store": "a/b"}]}, "scopes.0.store"),
        ({"scopes": [{}], "drivers": [""]}, "drivers.0"),
    ],
)
async def test_what_is_no_plan_is_refused(api: httpx.AsyncClient, body: Any, field: str):
    answer = await api.post("/calendar/check", json=body)
    assert answer.status_code == 422
    assert field in [problem["field"] for problem in answer.json()["errors"]]


@pytest.mark.parametrize(
    ("name", "known", "found"),
    [
        ("7", ["17", "007", "70"], "007"),
        ("0017", ["17", "170"], "17"),
        ("118.0", ["118"], "118"),
        ("118", ["118.0"], "118.0"),
        ("Zu\u0308rich hb", ["Zürich HB", "Bern"], "Zürich HB"),
        ("Basel", ["Zürich", "Bern"], None),
        ("Berne", ["Zürich", "Bern"], "Bern"),
        ("promo", ["price", "promo_1"], "promo_1"),
        ("x", [], None),
    ],
)
def test_the_nearest_name_is_the_same_written_otherwise_or_a_close_one(name, known, found):
    assert nearest(name, known) == found


def test_every_unreached_scope_is_told_but_only_the_first_have_a_suggestion():
    found = KnownSeries([("007", "x")]).unreached([(str(n), None) for n in (7, *range(20, 30))])
    assert len(found) == 11
    assert found[0].nearest_store == "007"
    assert found[-1].nearest_store is None
