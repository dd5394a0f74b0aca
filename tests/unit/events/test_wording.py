import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from events.errors import explain
from events.payloads import MAX_INTEGER, Payload, SaleRecorded
from events.wording import LIMITS, OTHERWISE, WORDS, in_words, shown
from functions.api.model_views import PromoteBody, PromotionBody, RollbackBody
from functions.api.views import CancelBody, RetrainBody
from functions.api.what_if import WhatIfBody
from tests.unit.events.examples import DATA, example

MACHINE_WORDS = re.compile(
    r"[Ii]nput should|[Ss]tring should|[Ff]ield required|pattern|pydantic|nonetype|regex"
    r"|\bNone\b|\bTrue\b|\bFalse\b|\bdict|tuple|instance|traceback|[Vv]alue error"
    r"|\bint\b|\bstr\b|\bfloat\b",
)
NASTY: tuple[Any, ...] = (
    None,
    True,
    0,
    -1,
    7.5,
    2**31,
    10**20,
    1e308,
    float("nan"),
    float("inf"),
    "",
    "x",
    "a/b",
    " ",
    "..",
    "a\x00b",
    "a\nb",
    "\u202e",
    "x" * 2000,
    "2015-13-45",
    "0001-01-01",
    "9999-12-31",
    [],
    {},
    [1],
    [None],
    ["a/b", "1/milk"],
    [{}],
    [{"store": "1"}],
    [{"store": "..", "product": "a/b"}],
    [{"store": "1", "product": "milk"}] * 5001,
    {"": 1},
    {"a/b": 1},
    {"a": "b"},
    {str(n): n for n in range(99)},
)
BODIES: dict[type[BaseModel], dict[str, Any]] = {
    RetrainBody: {"store": "1", "as_of": "2015-08-01"},
    CancelBody: {},
    PromoteBody: {"version": 1},
    RollbackBody: {},
    PromotionBody: {"action": "promote", "series": ["1/milk"]},
    WhatIfBody: {"days": [{"date": "2015-08-01", "drivers": {"promo": 1}}]},
}


def documents() -> Iterator[tuple[type[BaseModel], dict[str, Any]]]:
    """A good document of each event and each body."""
    for data in DATA:
        yield type(data), json.loads(data.model_dump_json())
    yield from BODIES.items()


def changed(document: Any) -> Iterator[Any]:
    """The document with each of its values, however deep, left out or nasty."""
    if isinstance(document, dict):
        for name, value in document.items():
            rest = {each: document[each] for each in document if each != name}
            yield rest
            yield from ({**rest, name: nasty} for nasty in NASTY)
            yield from ({**rest, name: deeper} for deeper in changed(value))
    if isinstance(document, list) and document:
        yield from ([nasty, *document[1:]] for nasty in NASTY)
        yield from ([deeper, *document[1:]] for deeper in changed(document[0]))


def refusals(model: type[BaseModel], document: dict[str, Any]) -> Iterator[ValidationError]:
    whole = (*(document | {name: nasty} for name in model.model_fields for nasty in NASTY), *NASTY)
    for each in (*changed(document), *whole):
        try:
            model.model_validate_json(json.dumps(each))
        except ValidationError as error:
            yield error


ALL = [pytest.param(*each, id=each[0].__name__) for each in documents()]


@pytest.mark.parametrize(("model", "document"), ALL)
def test_whatever_is_wrong_is_told_in_plain_words(model, document):
    assert model.model_validate_json(json.dumps(document)), "the document itself is good"
    told = {
        (item["type"], in_words(item))
        for error in refusals(model, document)
        for item in error.errors(include_url=False)
    }
    assert told
    assert not {each for each in told if MACHINE_WORDS.search(each[1])}
    assert not {kind for kind, words in told if words == OTHERWISE}, "each kind has its words"


@pytest.mark.parametrize("data", DATA, ids=lambda data: data.TYPE)
def test_no_integer_is_wider_than_its_column(data: Payload):
    for name, field in type(data).model_fields.items():
        if field.annotation is int:
            with pytest.raises(ValidationError, match="less than or equal"):
                type(data).model_validate(data.__dict__ | {name: MAX_INTEGER + 1})


@pytest.mark.parametrize("data", DATA, ids=lambda data: data.TYPE)
def test_no_text_of_an_event_has_what_a_column_does_not_take(data: Payload):
    document = json.loads(example(data).data.model_dump_json())
    for name, value in document.items():
        for nasty in ("a\x00b", {"a\x00b": 1}, {"a": ["b\x00"]}, ["a\x00b"]):
            kept = isinstance(nasty, type(value))
            text = json.dumps(document | {name: nasty})
            if kept or isinstance(value, str):
                with pytest.raises(ValidationError):
                    type(data).model_validate_json(text)


def test_a_model_is_of_days_before_its_first_forecast():
    trained = next(data for data in DATA if type(data).__name__ == "ModelTrained")
    later = json.loads(trained.model_dump_json()) | {"data_through": "2015-08-01"}
    with pytest.raises(ValidationError, match="a model is of days before its as_of"):
        type(trained).model_validate_json(json.dumps(later))


def test_parameters_with_the_letters_of_an_escape_are_what_they_are():
    trained = next(data for data in DATA if type(data).__name__ == "ModelTrained")
    for good in ("\\u0000", "NaN", "Infinity"):
        assert trained.__class__(**trained.__dict__ | {"parameters": {"note": good, good: 1.0}})
    bad_ones: list[dict[str, object]] = [
        *({"k": float("inf")}, {"k": [1.0, float("nan")]}, {"note": "NaN", "k": float("-inf")}),
        *({"k": {"\x00": 1}}, {"k": "\ud800"}, {"\udfff": 1}),
    ]
    for bad in bad_ones:
        with pytest.raises(ValidationError, match="parameters: have"):
            trained.__class__(**trained.__dict__ | {"parameters": bad})


def test_a_limit_is_written_as_people_write_it():
    with pytest.raises(ValidationError) as error:
        SaleRecorded.model_validate_json(
            '{"store": "1", "product": "x", "date": "2015-07-31", "units": 1e10}'
        )
    assert explain(error.value) == ("units: must be 1,000,000,000 or less (got 10000000000.0)")


def test_of_a_thousand_problems_the_first_are_told_and_the_others_counted():
    drivers = {f"{n}/": n for n in range(60)}
    with pytest.raises(ValidationError) as error:
        SaleRecorded.model_validate_json(json.dumps({"drivers": drivers}))
    assert explain(error.value).endswith("; and 44 more")


@pytest.mark.parametrize(
    ("value", "as_told"),
    [
        (None, "null"),
        (True, "true"),
        ("a\nb", r"'a\nb'"),
        ({"all": True, "of": None}, '{"all": true, "of": null}'),
        ([1, "é"], '[1, "é"]'),
        (float("inf"), "inf"),
        ("x" * 10**6, "'" + "x" * 79 + "…"),
        (b"\xff{", "'�{'"),
    ],
)
def test_a_value_is_shown_as_its_sender_wrote_it(value: object, as_told: str):
    assert shown(value) == as_told


def test_every_sentence_goes_on_after_the_name_of_a_field():
    sentences = [*WORDS.values(), *(words for _, words in LIMITS.values()), OTHERWISE]
    assert all(re.match(r"(is|has|must|can't|contains) ", words) for words in sentences)
