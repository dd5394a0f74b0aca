"""Values judged by columns, against the payload itself judging each."""

import json
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream_jobs.contract import decode_batch
from stream_jobs.plain_values import plain_values
from stream_jobs.tables import CALENDAR, REMOVALS, SALES, Projection
from tests.unit.stream_jobs.records import batch, planned, raw, removed, with_data

Row = dict[str, Any]
SALE = raw()[0] or b""


def _rest() -> Row:
    return {"date": "2026-02-28", "units": 1.5, "drivers": {"é": 1.0}, "import_id": "i-1"}


def taken(values: Sequence[bytes | None], kept: Projection = SALES) -> dict[int, Row]:
    """What the fast path makes of each value that it takes."""
    found: dict[int, Row] = {}
    for part in plain_values(pa.array(values, pa.binary()), kept):
        rows = pa.table(dict(part.columns)).to_pylist()
        found |= dict(zip(part.rows.tolist(), rows, strict=True))
    return found


def strict(value: bytes | None, kept: Projection = SALES) -> Row | None:
    """What the payload makes of the value; None if it refuses it."""
    try:
        event = kept.payload.model_validate_json(value or b"")
    except ValueError:
        return None
    return {name: kept.column(name, [said])[0].as_py() for name, said in event}


def agree(values: Sequence[bytes | None], kept: Projection = SALES) -> dict[int, Row]:
    found = taken(values, kept)
    assert found == {at: strict(values[at], kept) for at in found}
    return found


@pytest.mark.parametrize(
    "value",
    [
        SALE,
        json.dumps(json.loads(SALE), indent=2).encode(),
        json.dumps(dict(reversed(json.loads(SALE).items()))).encode(),
        json.dumps({"store": "Zürich é", "product": 'a "b" \\ {c}', **_rest()}).encode(),
        json.dumps({"store": "Zürich", "product": "k", **_rest()}, ensure_ascii=False).encode(),
        b'{"store":"1","product":"milk","date":"2026-02-28","units":12}',
        b'{"store":"1","product":"milk","date":"2026-02-28","units":1.2E+3,"open":false}',
        b'{"store":"1","product":"milk","date":"2026-02-28","units":0,"drivers":{}}',
        b'{"store":"1","product":"milk","date":"2026-02-28","units":0,"drivers":{"}":1,"a":2}}',
    ],
)
def test_what_any_producer_rightly_writes_is_taken_by_columns(value: bytes) -> None:
    assert agree([value, value]).keys() == {0, 1}


@pytest.mark.parametrize(
    "value",
    [
        None,
        b"",
        b"{}",
        b"[]",
        SALE[:-1],
        SALE + b"}",
        SALE + b"," + SALE,
        SALE.replace(b"}", b",}"),
        SALE.replace(b'"1"', b"1"),
        SALE.replace(b'"1"', b"null"),
        SALE.replace(b'"1"', b'"1\xff"'),
        SALE.replace(b'"1"', b'"\\ud800"'),
        SALE.replace(b'"1"', b'"\\x"'),
        SALE.replace(b'"1"', b'"a\nb"'),
        SALE.replace(b'"1"', b'" 1"'),
        SALE.replace(b"3.0", b"03.0"),
        SALE.replace(b"3.0", b"3."),
        SALE.replace(b"3.0", b"-3.0"),
        SALE.replace(b"3.0", b"NaN"),
        SALE.replace(b"3.0", b"1e999"),
        SALE.replace(b"3.0", b"true"),
        SALE.replace(b"3.0", b'"3.0"'),
        SALE.replace(b"2026-02-28", b"2026-02-30"),
        SALE.replace(b"2026-02-28", b"20260228"),
        SALE.replace(b"2026-02-28", b"2999-01-01"),
        SALE.replace(b'{"promo":1.0}', b'{"promo":1.0'),
        SALE.replace(b'{"promo":1.0}', b'{"promo:1.0}'),
        SALE.replace(b'{"promo":1.0}', b'{"a/b":1.0}'),
        SALE.replace(b'{"promo":1.0}', b'{"promo":null}'),
        SALE.replace(b'{"promo":1.0}', b"{1:2}"),
        SALE.replace(b'"open":true', b'"open":null'),
        SALE.replace(b'"open":true', b'"open":True'),
        SALE.replace(b'"product":"milk",', b""),
        SALE.replace(b'"import_id":null', b'"import_id":"a b"'),
    ],
)
def test_what_the_payload_refuses_is_not_taken_and_its_neighbours_are(
    value: bytes | None,
) -> None:
    assert strict(value) is None
    assert agree([SALE, value, SALE]).keys() == {0, 2}
    assert not taken([value])


def test_of_a_field_said_twice_the_payload_says_which_counts() -> None:
    twice = SALE.replace(b'"store":"1"', b'"store":"1","store":"2"')
    result = decode_batch(batch((twice, raw()[1])), SALES)
    assert result.rows["store"].to_pylist() == ["2"]


def test_two_spellings_of_a_driver_are_one_as_for_the_payload() -> None:
    both = with_data(drivers={"\u00e9": 1.0, "e\u0301": 2.0})[0]
    assert agree([both])[0]["drivers"] == b'\x01{"\xc3\xa9":2.0}'


def test_values_of_several_layouts_are_taken_together() -> None:
    turned = json.dumps(dict(reversed(json.loads(SALE).items()))).encode()
    assert agree([SALE, turned, SALE, turned, SALE, turned]).keys() == set(range(6))


def test_values_of_one_program_are_cut_by_where_the_quotes_of_the_first_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def slowly(values: Any, layout: object) -> None:
        pytest.fail(f"{len(values)} values are cut by a pattern")

    monkeypatch.setattr("stream_jobs.plain_values.cut_freely", slowly)
    others = [with_data(store=f"store {n}", units=n / 7)[0] for n in range(5)]
    assert agree([SALE, *others]).keys() == set(range(6))


def test_a_plan_for_all_is_kept_as_the_table_keeps_it() -> None:
    values = [planned(store=None)[0], planned(product="milk", open=None)[0]]
    rows = agree(values, CALENDAR)
    assert [(rows[at]["store"], rows[at]["product"], rows[at]["open"]) for at in (0, 1)] == [
        ("", "", False),
        ("1", "milk", None),
    ]


def test_a_payload_that_is_judged_as_a_whole_is_not_judged_by_columns() -> None:
    assert not taken([removed()[0]], REMOVALS)


# What goes wrong where files and programs are written by hand, and what looks wrong and is not.
PIECES = [
    *(b'"', b"\\", b"{", b"}", b"[", b"]", b",", b":", b" ", b"\n", b"\t", b"\x00", b"\xff"),
    *(b"null", b"true", b"NaN", b"Infinity", b"1e400", b"-0.0", b"1_000", b"0x1", b"1.", b".5"),
    *("é".encode(), "e\u0301".encode(), b"\\u00e9", b"\\ud83d", b"\\/", b"\\n", b'\\"'),
    *(b"/", b"\xc2\xa0", b'"store":"x",', b'"units":1,', b'"a":{"b":1},', b'{"promo":1}'),
    *(b"2026-02-29", b"1899-12-31", b"2200-01-02", b"1000000000", b"1000000000.1", b"x" * 65),
]


@st.composite
def mutated(draw: st.DrawFn, value: bytes) -> bytes:
    """The value with some of its bytes cut out, doubled or replaced by other ones."""
    for _ in range(draw(st.integers(0, 2))):
        begin = draw(st.integers(0, len(value)))
        end = min(len(value), begin + draw(st.integers(0, 6)))
        kind = draw(st.sampled_from(["put", "cut", "double"]))
        put = draw(st.sampled_from(PIECES)) if kind == "put" else value[begin:end] * 2
        value = value[:begin] + (b"" if kind == "cut" else put) + value[end:]
    return value


@st.composite
def written(draw: st.DrawFn, kept: Projection) -> bytes:
    """A right event's data, mostly, as some program writes it."""
    fields: Row = {
        "store": draw(st.one_of(st.sampled_from(["1", "Zürich", 'a"b', "a/b"]), st.text())),
        "product": "milk",
        "date": draw(st.one_of(st.just("2026-02-28"), st.dates().map(str))),
        "open": draw(st.sampled_from([True, False, None])),
        "drivers": draw(
            st.dictionaries(
                st.one_of(st.sampled_from(["promo", "é", "}"]), st.text(max_size=3)),
                st.one_of(st.integers(), st.floats(), st.none()),
                max_size=3,
            )
        ),
    }
    if kept is SALES:
        fields["units"] = draw(st.one_of(st.floats(0, 1e9), st.integers(-1, 10**30), st.text()))
        fields["import_id"] = draw(st.sampled_from([None, "i-1", "i 1", ""]))
    fields |= draw(st.sampled_from([{}, {"cashier": "Kim"}, {"till": {"n": [1]}}]))
    names = draw(st.permutations(list(fields)) if draw(st.booleans()) else st.just(list(fields)))
    kept_names = names[draw(st.integers(0, 1)) :]
    text = json.dumps(
        {name: fields[name] for name in kept_names},
        ensure_ascii=draw(st.booleans()),
        separators=draw(st.sampled_from([(",", ":"), (", ", ": "), (" ,\n", "\t:\r")])),
    )
    return text.encode(errors="surrogatepass")


@given(st.sampled_from([SALES, CALENDAR]), st.data())
@settings(deadline=None, max_examples=500)
def test_what_is_taken_by_columns_is_what_the_payload_says(kept: Projection, data: Any) -> None:
    origin = SALE if kept is SALES else planned()[0] or b""
    one = st.one_of(st.just(origin), st.just(origin).flatmap(mutated), written(kept))
    values = data.draw(st.lists(st.one_of(one, one.flatmap(mutated)), max_size=6))
    found = agree(values, kept)
    same = [at for at, value in enumerate(values) if value == origin and at in (0, len(values) - 1)]
    assert found.keys() >= set(same), "what is written by this program is taken"
