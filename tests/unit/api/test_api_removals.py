from datetime import timedelta

import httpx
import pytest

from events.cloudevents import decode
from events.envelope import Event
from events.payloads import SalesRemoved
from tests.unit.api.served import LAST_DAY, Shop


def removals(shop: Shop) -> list[Event[SalesRemoved]]:
    found = [decode(record.value, record.headers) for record in shop.log.records("sales")]
    return sorted(found, key=lambda event: (event.time, event.data.key))


async def refused(api: httpx.AsyncClient, **body: object) -> list[dict[str, str]]:
    answer = await api.post("/sales/removals", json=body)
    assert answer.status_code == 422, answer.text
    return answer.json()["errors"]


async def test_a_series_is_taken_back_as_an_event(api: httpx.AsyncClient, shop: Shop):
    body = {"store": "1", "product": "milk", "reason": "swapped", "requested_by": "anna"}
    answer = await api.post("/sales/removals", json=body | {"request_id": "mine"})

    first = str(LAST_DAY - timedelta(days=59))
    told = {"series": 1, "days": 60, "first_day": first, "last_day": str(LAST_DAY)}
    assert answer.status_code == 202
    assert answer.json() == told | {"request_id": "mine"}
    (event,) = removals(shop)
    assert event.data == SalesRemoved(
        store="1", product="milk", reason="swapped", requested_by="anna"
    )
    assert event.correlation_id == "mine"
    await api.post("/sales/removals", json=body | {"request_id": "mine"})
    assert len({each.id for each in removals(shop)}) == 1


async def test_a_store_or_a_product_is_each_of_its_series(api: httpx.AsyncClient, shop: Shop):
    day = str(LAST_DAY)
    answer = await api.post("/sales/removals", json={"store": "1", "first_day": day})
    assert (answer.json()["series"], answer.json()["days"]) == (2, 2)
    assert [event.data.key for event in removals(shop)] == ["1/milk", "1/rye bread"]
    assert {event.data.first_day for event in removals(shop)} == {LAST_DAY}
    answer = await api.post("/sales/removals", json={"product": "milk"})
    assert [event.data.key for event in removals(shop)][2:] == ["1/milk", "2/milk"]


async def test_an_import_is_one_event_whatever_its_series(api: httpx.AsyncClient, shop: Shop):
    for series in (("1", "milk"), ("2", "milk")):
        shop.storage.imports[series] = {LAST_DAY: "import-1"}
    answer = await api.post("/sales/removals", json={"import_id": "import-1"})
    assert (answer.json()["series"], answer.json()["days"]) == (2, 2)
    (event,) = removals(shop)
    assert (event.data.key, event.data.store) == ("import-1", None)


async def test_a_preview_counts_and_publishes_nothing(api: httpx.AsyncClient, shop: Shop):
    answer = await api.post("/sales/removals/preview", json={"product": "milk"})
    assert answer.status_code == 200
    assert (answer.json()["series"], answer.json()["days"]) == (2, 120)
    assert removals(shop) == []


@pytest.mark.parametrize(
    ("body", "field", "said"),
    [
        ({}, "body", "name a store, a product or both, or an import_id"),
        ({"store": "9"}, "store", "no sales are known of store '9'"),
        ({"store": "2", "product": "rye bread"}, "store", "no sales are known of store '2' and"),
        ({"import_id": "nothing"}, "import_id", "no sales are known of this import"),
        ({"import_id": "x", "store": "1"}, "body", "import_id: means all of the import"),
        ({"store": "1", "first_day": "2015-08-01"}, "first_day", "from 2015-06-02 to 2015-07-31"),
        ({"store": "1", "last_day": "soon"}, "last_day", "must be a day like 2015-07-31"),
    ],
)
async def test_what_takes_nothing_back_is_refused(api, shop: Shop, body, field: str, said: str):
    [problem] = await refused(api, **body)
    assert problem["field"] == field
    assert said in f"{problem['message']}; {problem['fix']}"
    assert removals(shop) == []
