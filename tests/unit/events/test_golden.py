"""The wire format of every type, pinned: a change of one of these files is a new version."""

import json
from pathlib import Path

import pytest

from events.cloudevents import decode, encode
from events.payloads import PAYLOADS
from tests.unit.events.examples import DATA, example
from tests.unit.events.write_golden import write_missing

GOLDEN = Path(__file__).parents[1] / "golden"
each_type = pytest.mark.parametrize("data", DATA, ids=lambda data: data.TYPE)


def golden(data) -> dict:
    return json.loads((GOLDEN / f"{data.TYPE}.json").read_text())


def record(expected: dict) -> tuple[bytes, list[tuple[str, bytes]]]:
    value = json.dumps(expected["value"]).encode()
    return value, [(name, text.encode()) for name, text in expected["headers"].items()]


def test_every_type_has_a_golden_file_and_every_file_a_type():
    assert {file.stem for file in GOLDEN.glob("*.json")} == {p.TYPE for p in PAYLOADS}
    assert [type(data) for data in DATA] == list(PAYLOADS)


@each_type
def test_encoding_gives_exactly_the_golden_record(data):
    key, value, headers = encode(example(data))
    expected = golden(data)
    assert key.decode() == expected["key"]
    assert {name: text.decode() for name, text in headers} == expected["headers"]
    assert len(headers) == len(expected["headers"])
    assert json.loads(value) == expected["value"]
    # Not only equal as numbers: 1 and 1.0, the order of fields and the form of days, too.
    compact = json.dumps(expected["value"], separators=(",", ":"), ensure_ascii=False)
    assert value.decode() == compact


@each_type
def test_decoding_the_golden_record_gives_the_event(data):
    value, headers = record(golden(data))
    assert decode(value, headers) == example(data)


@each_type
def test_fields_and_headers_of_a_later_minor_change_are_ignored(data):
    expected = golden(data)
    expected["value"] |= {"added_later": {"x": [1, "two"]}}
    expected["headers"] |= {"ce_addedlater": "x", "other": "y"}
    value, headers = record(expected)
    assert decode(value, headers) == example(data)


def test_only_what_has_no_golden_file_gets_one(tmp_path):
    kept = tmp_path / f"{DATA[0].TYPE}.json"
    kept.write_text("as it is")
    assert write_missing(tmp_path) == [f"{data.TYPE}.json" for data in DATA[1:]]
    assert kept.read_text() == "as it is"
    for data in DATA[1:]:
        assert json.loads((tmp_path / f"{data.TYPE}.json").read_text()) == golden(data)
