from typing import Any

import pytest

from tests.unit.api.served import Shop


@pytest.fixture
def document(shop: Shop) -> dict[str, Any]:
    return shop.app().openapi()


def refs(document: dict[str, Any], path: str, method: str = "get") -> dict[str, str]:
    """The model of each answer of an operation that has a body, which is of the right type."""
    found = {}
    for code, answer in document["paths"][path][method]["responses"].items():
        if "content" in answer:
            [(kind, content)] = answer["content"].items()
            assert kind == ("application/json" if code < "400" else "application/problem+json")
            found[code] = content["schema"]["$ref"].rpartition("/")[2]
    return found


def test_the_document_is_openapi_3_1(document: dict[str, Any]):
    assert document["openapi"].startswith("3.1.")


@pytest.mark.parametrize(
    ("path", "model"),
    [
        ("/runs/{run_id}", "RunDetail"),
        ("/series/{store}/{product}", "History"),
        ("/forecasts/{store}/{product}", "ForecastView"),
        ("/models/{store}/{product}", "Models"),
        ("/models/{store}/{product}/history", "AliasHistory"),
    ],
)
def test_reads_of_one_thing_tell_what_they_answer(document, path: str, model: str):
    assert refs(document, path) == {
        "200": model,
        "404": "Problem",
        "422": "Problem",
        "503": "Problem",
        "default": "Problem",
    }


def test_a_forecast_may_be_the_one_that_is_known(document: dict[str, Any]):
    answers = document["paths"]["/forecasts/{store}/{product}"]["get"]["responses"]
    assert "content" not in answers["304"]


@pytest.mark.parametrize(("path", "model"), [("/runs", "Runs"), ("/series", "SeriesPage")])
def test_lists_tell_what_they_answer(document, path: str, model: str):
    assert refs(document, path) == {
        "200": model,
        "422": "Problem",
        "503": "Problem",
        "default": "Problem",
    }


def test_a_request_tells_what_it_takes_and_every_refusal(document: dict[str, Any]):
    assert refs(document, "/retrain", "post") == {
        "202": "Accepted",
        "409": "Problem",
        "413": "Problem",
        "415": "Problem",
        "422": "Problem",
        "503": "Problem",
        "default": "Problem",
    }
    body = document["paths"]["/retrain"]["post"]["requestBody"]
    schema = body["content"]["application/json"]["schema"]
    assert body["required"] is True
    assert schema["additionalProperties"] is False
    assert schema["properties"]["horizon"] == {
        "default": 7,
        "description": "Days to forecast.",
        "maximum": 90,
        "minimum": 1,
        "title": "Horizon",
        "type": "integer",
    }
    assert schema["properties"]["as_of"]["anyOf"][0] == {"format": "date", "type": "string"}


@pytest.mark.parametrize(
    ("path", "unknown"),
    [
        ("/models/{store}/{product}/promote", {"404": "Problem"}),
        ("/models/{store}/{product}/rollback", {"404": "Problem"}),
        ("/promotions", {}),
    ],
)
def test_a_request_for_other_champions_tells_every_refusal(document, path: str, unknown):
    assert refs(document, path, "post") == unknown | {
        "202": "PromotionAccepted",
        "413": "Problem",
        "415": "Problem",
        "422": "Problem",
        "503": "Problem",
        "default": "Problem",
    }
    body = document["paths"][path]["post"]["requestBody"]
    schema = body["content"]["application/json"]["schema"]
    assert "$ref" not in str(schema), "nothing to look up elsewhere"
    assert {"reason", "requested_by", "request_id"} <= set(schema["properties"])


def test_a_what_if_tells_what_it_takes_and_every_refusal(document: dict[str, Any]):
    path = "/forecasts/{store}/{product}/what-if"
    assert refs(document, path, "post") == {
        "200": "WhatIf",
        "404": "Problem",
        "413": "Problem",
        "415": "Problem",
        "422": "Problem",
        "503": "Problem",
        "default": "Problem",
    }
    body = document["paths"][path]["post"]["requestBody"]
    day = body["content"]["application/json"]["schema"]["properties"]["days"]["items"]
    assert set(day["properties"]) == {"date", "open", "drivers"}


def test_every_operation_is_described(document: dict[str, Any]):
    operations = [one for methods in document["paths"].values() for one in methods.values()]

    assert len(operations) == 23
    assert all(one.get("description") for one in operations)


def test_whatever_else_an_operation_answers_is_a_problem(document: dict[str, Any]):
    operations = [one for methods in document["paths"].values() for one in methods.values()]

    for answer in (one["responses"]["default"] for one in operations):
        [kind] = answer["content"]
        assert kind == "application/problem+json"
