import json

import httpx
import pytest

from events.cloudevents import decode
from events.payloads import ForecastRequested, SeriesRef
from events.topics import lanes
from tests.unit.api.served import Shop


def asked(shop: Shop) -> list[ForecastRequested]:
    records = [r for topic in lanes("forecast-requests") for r in shop.log.records(topic)]
    return [decode(record.value, record.headers).data for record in records]


async def test_a_request_becomes_an_event_of_its_id(api: httpx.AsyncClient, shop: Shop):
    body = {"store": "1", "reason": "new prices", "request_id": "r-1", "horizon": 14}
    answer = await api.post("/forecasts", json=body)
    assert (answer.status_code, answer.json()) == (202, {"request_id": "r-1"})
    assert asked(shop) == [
        ForecastRequested(store="1", reason="new prices", horizon=14, requested_by="api")
    ]


async def test_everything_and_named_series_can_be_asked_for(api: httpx.AsyncClient, shop: Shop):
    named = [{"store": "1", "product": "milk"}]
    assert (await api.post("/forecasts", json={"all": True})).is_success
    assert (await api.post("/forecasts", json={"series": named})).is_success
    everything, one = sorted(asked(shop), key=lambda data: data.series is not None)
    assert (everything.store, everything.product, everything.series) == (None, None, None)
    assert one.series == (SeriesRef(store="1", product="milk"),)


@pytest.mark.parametrize(
    ("body", "field", "told"),
    [
        ({}, "body", "name a store, a product or both, or series, or set all to true"),
        ({"all": True, "store": "1"}, "body", "but not both"),
        ({"store": "77"}, "store", "no sales are known of store '77'"),
        ({"series": [{"store": "7", "product": "x"}]}, "series", "no sales are known of '7/x'"),
        ({"all": True, "as_of": "2015-08-20"}, "as_of", "20 days after the newest sales"),
        ({"all": True, "as_of": "1999-08-20"}, "as_of", "before any sales"),
        ({"all": True, "horizon": 91}, "horizon", "90"),
    ],
)
async def test_what_means_nothing_is_refused_by_its_field(api, shop: Shop, body, field, told):
    headers = {"content-type": "application/json"}
    answer = await api.post("/forecasts", content=json.dumps(body), headers=headers)
    assert answer.status_code == 422
    [problem] = answer.json()["errors"]
    assert problem["field"] == field
    assert told in problem["message"]
    assert asked(shop) == []
