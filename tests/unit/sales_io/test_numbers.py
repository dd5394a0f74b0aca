"""Numbers as countries and systems write them: the same number comes back, or a person is asked."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.sales_io.columns.numbers import NumberColumn, hidden_characters, read_number, take_apart

# Of each country: the thousands mark, the decimal mark, how many digits the groups have.
FORMATS = {
    "German": (".", ","),
    "French": ("\u202f", ","),
    "French of a spreadsheet": ("\u00a0", ","),
    "Swiss": ("'", "."),
    "Swiss of a typesetter": ("\u2019", "."),
    "US": (",", "."),
    "plain": ("", "."),
    "plain with a comma": ("", ","),
    "Polish": (" ", ","),
}


def written(number: float, thousands: str, mark: str, digits: int, grouped: bool) -> str:
    text = f"{number:,.{digits}f}" if grouped else f"{number:.{digits}f}"
    return text.translate({ord(","): thousands, ord("."): mark})


def column_of(texts: list[str]) -> NumberColumn:
    column = NumberColumn()
    for text in texts:
        column.look(text)
    return column


@settings(max_examples=400)
@given(
    country=st.sampled_from(list(FORMATS)),
    numbers=st.lists(st.integers(-(10**9), 10**9), min_size=1, max_size=30),
    digits=st.integers(0, 4),
    grouped=st.booleans(),
    after=st.sampled_from(["", " €", "\u00a0CHF"]),
)
def test_a_column_of_any_country_gives_its_numbers_or_asks(
    country: str, numbers: list[int], digits: int, grouped: bool, after: str
) -> None:
    thousands, mark = FORMATS[country]
    values = [number / 10**digits for number in numbers]
    texts = [written(value, thousands, mark, digits, grouped) + after for value in values]
    column = column_of(texts)
    decimal = column.decimal
    assert not column.is_mixed
    if decimal is None:
        # What is asked for is never answered by the values, and the right answer reads them all.
        decimal = "comma" if mark == "," else "point"
        assert column.open_example
    read = [read_number(text, decimal) for text in texts]
    assert read == pytest.approx(values, abs=1e-9)


@pytest.mark.parametrize(
    ("text", "decimal", "number"),
    [
        ("1.234,5", "comma", 1234.5),
        ("1.234", "comma", 1234),
        ("1.234", "point", 1.234),
        ("$1,234.50", "point", 1234.5),
        ("($12.00)", "point", -12),
        ("$(12.00)", "point", -12),
        ("-$5", "point", -5),
        ("12,50-", "comma", -12.5),
        ("\u221215", "point", -15),
        ("\uff0d15", "point", -15),
        ("'15", "point", 15),
        ("'-15", "point", -15),
        ("\uff14\uff12", "point", 42),
        ("\u0664\u0662", "point", 42),
        ("1\u00a0234", "point", 1234),
        ("1\u202f234,5", "comma", 1234.5),
        ("1'234.50", "point", 1234.5),
        ("CHF 1\u2019234.50", "point", 1234.5),
        ("1.234,50 EUR", "comma", 1234.5),
        ("1 234,50 zł", "comma", 1234.5),
        ("R$ 1.234,50", "comma", 1234.5),
        ("Fr. 12.-", "point", 12),
        ("12,\u2013 €", "comma", 12),
        ("12,34,567.50", "point", 1234567.5),
        ("\u200e12", "point", 12),
        ("+18", "point", 18),
        ("1e2", "point", 100),
        ("1,5E+3", "comma", 1500),
        (".5", "point", 0.5),
        ("5.", "point", 5),
        ("-0", "point", 0),
    ],
)
def test_a_number_is_read_as_its_country_writes_it(text: str, decimal, number: float) -> None:
    read = read_number(text, decimal)
    assert read == number
    assert math.copysign(1, read) == math.copysign(1, number)


@pytest.mark.parametrize(
    "text", ["12 kg", "1.2.3", "12 34", "--5", "(5", "5)", "1,23,4", "twelve", "1_000", "0.123.456"]
)
@pytest.mark.parametrize("decimal", ["point", "comma"])
def test_what_is_no_number_anywhere_is_refused(text: str, decimal) -> None:
    with pytest.raises(ValueError, match="not a number"):
        read_number(text, decimal)


@pytest.mark.parametrize(
    ("texts", "decimal"),
    [
        (["1.234", "987,5"], "comma"),
        (["1.234", "1.234,5"], "comma"),
        (["1.234", "1.234.567"], "comma"),
        (["1.234", "12.5"], "point"),
        (["1,234", "12.5"], "point"),
        (["1.234", "0.125"], "point"),
        (["1.234", "894"], None),
        (["1,234"], None),
        (["12", "7"], "point"),
        ([f"{n}.{n + 100}" for n in range(1, 200)] + ["12.5"], None),  # one slip decides nothing
        ([f"{n}.{n + 100}" for n in range(1, 200)] + ["12,5"], "comma"),
    ],
)
def test_the_whole_column_decides_the_mark(texts: list[str], decimal: str | None) -> None:
    assert column_of(texts).decimal == decimal


def test_a_column_with_both_marks_is_mixed() -> None:
    column = column_of(["1.5", "1,5"])
    assert column.is_mixed
    assert column.decimal is None


def test_hidden_characters_are_named() -> None:
    assert hidden_characters("12\u00a03\u200b") == (
        "no-break space (U+00A0), zero width space (U+200B)"
    )
    assert hidden_characters("plain words") == ""


@given(st.text(max_size=12), st.sampled_from(["point", "comma"]))
def test_any_text_is_a_finite_number_or_refused_in_words(text: str, decimal) -> None:
    try:
        number = read_number(text, decimal)
    except ValueError:
        with pytest.raises(ValueError, match=r"^not a number"):
            read_number(text, decimal)
    else:
        assert take_apart(text) is not None or math.isfinite(number)
