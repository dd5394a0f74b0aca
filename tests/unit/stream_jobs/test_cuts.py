"""Values cut by where a sample's quotes are, against the same values cut by a pattern."""

import json
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream_jobs.cuts import Cut, cut_alike, cut_freely
from tests.unit.stream_jobs.records import raw

SALE = raw()[0] or b""
LAYOUT = tuple(json.loads(SALE))


def texts(cut: Cut) -> dict[int, dict[str, bytes]]:
    """The texts of each value that was cut."""
    columns = {name: column.to_pylist() for name, column in cut.texts.items()}
    return {
        row: {name: column[at] for name, column in columns.items()}
        for at, row in enumerate(cut.rows.tolist())
    }


def alike(*values: bytes | None, sample: bytes = SALE) -> dict[int, dict[str, bytes]]:
    return texts(cut_alike(pa.array(values, pa.binary()), sample, LAYOUT))


def test_each_field_is_cut_from_a_value_written_as_the_sample() -> None:
    other = SALE.replace(b'"1"', b'"store 12"').replace(b"3.0", b"14").replace(b"null", b'"i-7"')
    assert other.count(b'"') == SALE.count(b'"') + 2
    found = alike(SALE, other.replace(b'"i-7"', b"null"))
    assert found[0] == {
        "store": b'"1"',
        "product": b'"milk"',
        "date": b'"2026-02-28"',
        "units": b"3.0",
        "open": b"true",
        "drivers": b'{"promo":1.0}',
        "import_id": b"null",
    }
    assert found[1] == found[0] | {"store": b'"store 12"', "units": b"14"}


def test_the_blanks_of_the_sample_are_those_of_the_values() -> None:
    spaced = json.dumps(json.loads(SALE), indent=1).encode() + b"\n"
    found = alike(SALE, spaced, spaced.replace(b"3.0", b"17"), sample=spaced)
    assert {row: cut["units"] for row, cut in found.items()} == {1: b"3.0", 2: b"17"}


@pytest.mark.parametrize(
    "value",
    [
        None,
        b"",
        SALE + b" ",
        b" " + SALE,
        SALE.replace(b'"store"', b'"shore"'),
        SALE.replace(b'"import_id":null', b'"import_id":nul'[:-1] + b"}null"),
        SALE.replace(b'"1"', b'"\\u0031"'),
        SALE.replace(b"3.0", b""),
        SALE.replace(b"3.0", b"3 .0"),
        SALE.replace(b"3.0,", b"3.0,,"),
        SALE.replace(b"3.0", b"[3.0]"),
        SALE.replace(b"3.0", b'3.0,"a":"b').replace(b'{"promo":1.0}', b"1"),
        SALE.replace(b'{"promo":1.0}', b'{"promo":{1.0}'),
        SALE.replace(b'{"promo":1.0}', b'"promo"'),
    ],
)
def test_what_is_written_otherwise_is_left_and_its_neighbours_are_cut(value: bytes | None) -> None:
    cut = alike(SALE, value, SALE)
    freely = texts(cut_freely(pa.array([SALE, value, SALE], pa.binary()), LAYOUT))
    assert cut.keys() >= {0, 2}
    assert cut == {row: freely[row] for row in cut}


def test_a_sample_with_an_escape_tells_nothing_of_others() -> None:
    escaped = SALE.replace(b'"1"', b'"\\u0031"')
    assert not alike(escaped, escaped, sample=escaped)


def test_nothing_is_cut_from_nothing() -> None:
    for values in (pa.array([], pa.binary()), pa.array([None, None], pa.binary())):
        assert not len(cut_alike(values, SALE, LAYOUT).rows)


def test_a_part_of_a_column_is_cut_as_the_column_is() -> None:
    values = pa.array([b'"' * 9, SALE, None, SALE.replace(b"3.0", b"5"), SALE], pa.binary())
    found = texts(cut_alike(values.slice(1, 3), SALE, LAYOUT))
    assert {row: cut["units"] for row, cut in found.items()} == {0: b"3.0", 2: b"5"}


PIECES = [b'"', b"\\", b"{", b"}", b",", b":", b" ", b"\n", b"", b"1", b'","', b'":', b"\xff", b"x"]


@st.composite
def changed(draw: st.DrawFn) -> bytes:
    """A sale in which something is overwritten, now and then by as many bytes or quotes."""
    value = SALE
    for _ in range(draw(st.integers(0, 3))):
        begin = draw(st.integers(0, len(value)))
        end = begin + draw(st.integers(0, 3))
        value = value[:begin] + draw(st.sampled_from(PIECES)) + value[end:]
    return value


@given(st.lists(st.one_of(st.none(), changed()), max_size=6), st.one_of(st.just(SALE), changed()))
@settings(deadline=None, max_examples=500)
def test_values_are_cut_alike_only_as_they_are_cut_freely(values: list[Any], sample: bytes) -> None:
    found = alike(*values, sample=sample)
    freely = texts(cut_freely(pa.array(values, pa.binary()), LAYOUT))
    assert found == {row: freely.get(row) for row in found}
    if sample == SALE:
        assert found.keys() >= {at for at, value in enumerate(values) if value == SALE}
