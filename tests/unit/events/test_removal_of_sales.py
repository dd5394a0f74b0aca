import datetime as dt
from typing import Any

import pytest
from pydantic import ValidationError

from events.payloads import SalesRemoved

DAY = dt.date(2015, 7, 31)


def removed(**said: Any) -> SalesRemoved:
    return SalesRemoved(requested_by="test", **said)


def test_it_is_of_a_series_some_of_its_days_or_an_import():
    assert removed(store="1", product="milk").key == "1/milk"
    assert removed(store="1", product="milk", first_day=DAY, last_day=DAY).key == "1/milk"
    assert removed(import_id="3f2a9c81-d04b").key == "3f2a9c81-d04b"


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({}, "name store and product, or an import_id"),
        ({"store": "1"}, "name store and product, or an import_id"),
        ({"store": "1", "product": "milk", "import_id": "x"}, "import_id: means all"),
        ({"import_id": "x", "last_day": DAY}, "import_id: means all"),
        (
            {"store": "1", "product": "m", "first_day": DAY, "last_day": dt.date(2015, 7, 1)},
            "last_day: 2015-07-01 is before first_day 2015-07-31; swap them",
        ),
    ],
)
def test_a_wish_that_is_not_one_is_refused(said: dict[str, Any], message: str):
    with pytest.raises(ValidationError, match=message):
        removed(**said)
