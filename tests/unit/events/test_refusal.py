import pickle

import pytest
from pydantic import BaseModel, Field, ValidationError

from events.dead_letters import dead_letter, read
from events.errors import InvalidField, Refusal, explain, refusals
from events.log import Received
from events.wording import MAX_PROBLEMS

UNKNOWN = Refusal("store", "no sales are known of store '9'", "'9'", "see GET /series")


class Sold(BaseModel):
    """Units of a day."""

    units: float = Field(ge=0)
    day: str


def test_a_refusal_is_a_value_of_four_parts_that_do_not_change():
    assert (UNKNOWN.field, UNKNOWN.message) == ("store", "no sales are known of store '9'")
    assert (UNKNOWN.value, UNKNOWN.fix) == ("'9'", "see GET /series")
    assert Refusal(*UNKNOWN.args) == UNKNOWN
    assert len({UNKNOWN, Refusal(*UNKNOWN.args), InvalidField(*UNKNOWN.args)}) == 2
    with pytest.raises(AttributeError):
        UNKNOWN.field = "product"


def test_it_travels_between_processes_as_it_is():
    assert pickle.loads(pickle.dumps(UNKNOWN)) == UNKNOWN  # noqa: S301 - our own bytes


@pytest.mark.parametrize(
    ("refusal", "line"),
    [
        (UNKNOWN, "store: no sales are known of store '9'; see GET /series"),
        (
            InvalidField("horizon", "must be 90 or less", "91"),
            "horizon: must be 90 or less (got 91)",
        ),
        (
            InvalidField("days.0.date", "is not forecast", "'2015-08-08'", "choose another"),
            "days.0.date: is not forecast (got '2015-08-08'); choose another",
        ),
        (
            InvalidField("store", "is required, but missing: give it"),
            "store: is required, but missing: give it",
        ),
        (Refusal("", "Kafka is away", None, "repeat it"), "Kafka is away; repeat it"),
    ],
)
def test_its_line_has_what_a_person_needs(refusal: Refusal, line: str):
    assert str(refusal) == line


def test_a_dead_letter_has_the_line():
    letter = read(
        Received("dead-letters", *_letter(dead_letter(_record(), "planner", UNKNOWN, 1)), 0, 0)
    )

    assert letter is not None
    assert (letter.error, letter.message) == ("Refusal", str(UNKNOWN))


def test_what_a_validation_finds_are_such_values_and_no_flood_of_them():
    with pytest.raises(ValidationError) as raised:
        Sold.model_validate({"units": -1})

    assert refusals(raised.value, "data") == [
        InvalidField("units", "must be 0 or more", "-1"),
        InvalidField("day", "is required, but missing: give it"),
    ]
    assert explain(raised.value) == (
        "units: must be 0 or more (got -1); day: is required, but missing: give it"
    )
    with pytest.raises(ValidationError) as raised:
        _many().model_validate({})
    assert len(refusals(raised.value, "data")) == MAX_PROBLEMS
    assert explain(raised.value).endswith("; and 5 more")


def _many() -> type[BaseModel]:
    fields = {f"f{n}": int for n in range(MAX_PROBLEMS + 5)}
    return type("Many", (BaseModel,), {"__annotations__": fields})


def _record() -> Received:
    return Received("retrain-requests", b"9/*", b"{}", [], 0, 7)


def _letter(record) -> tuple:
    return record.key, record.value, record.headers
