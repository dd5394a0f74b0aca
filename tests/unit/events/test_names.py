import unicodedata
from datetime import date

import pytest
from hypothesis import given

from events.names import as_one_line, is_run_id, kept_name, name, one_line_text, run_id
from events.payloads import CalendarPlanned, RetrainRequested, SaleRecorded, SeriesRef
from tests.names import names, spellings

CAFE = "Café"
DAY = date(2026, 1, 1)


@pytest.mark.parametrize(
    "text",
    [
        "1",
        "100% Bio",
        "A&B #3",
        "a+b",
        "a?b=c",
        "a;b",
        'Zoë\'s "Café"',
        "🍎 fruit",
        "Store 1",
        "store 1",
        "Store  1",
        "%2F",
        "what-if",
        "-5",
        "C:\\shop",
        "...",
        "牛乳",
        "👨‍👩‍👧 shop",  # a family is three emoji that are joined
        "❤️",
        "می‌خواهم",  # Persian keeps letters apart in a word
        "क्‍ष",
        "x" * 64,
    ],
)
def test_a_name_that_people_can_tell_from_others_stays_as_it_is(text: str):
    assert name(text) == text


def test_two_spellings_of_a_letter_are_one_name():
    assert name(unicodedata.normalize("NFD", CAFE)) == CAFE
    assert name("e\u0301" * 64) == "é" * 64, "the limit is for what is kept"


def test_blanks_that_look_alike_are_one_name():
    assert name("Lait 1\u00a0l") == name("Lait 1\u202fl") == "Lait 1 l"


@given(text=spellings)
def test_what_is_kept_is_a_name_and_kept_the_same(text: str):
    assert name(name(text)) == name(text)
    assert unicodedata.is_normalized("NFC", name(text))
    assert kept_name(name(text)) == name(text)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "must have at least 1 character"),
        ("x" * 65, "must have at most 64 characters and has 65"),
        (".", "is dots alone, which no URL can carry; add a letter or a digit"),
        ("..", "is dots alone"),
        ("Cola 0,5/1 l", "it has a slash at character 9"),
        (" milk", "it has a blank at its start or end: leave it out"),
        ("milk\u00a0", "it has a blank at its start or end"),
        ("mi\x00lk", "it has U+0000 at character 3, which nobody sees: leave it out"),
        ("mi\u0085lk", "U+0085 at character 3"),
        ("mi\u200blk", "U+200B (zero width space) at character 3"),
        ("\ufeffmilk", "U+FEFF (zero width no-break space) at character 1"),
        ("milk\u202e", "U+202E (right-to-left override) at character 5"),
        ("mi\u2066lk", "U+2066 (left-to-right isolate) at character 3"),
        ("mi\u00adlk", "U+00AD (soft hyphen) at character 3"),
        ("mi\u2028lk", "U+2028 (line separator) at character 3"),
        ("mi\u200dlk", "U+200D (zero width joiner) at character 3"),
        ("\u200d🍎", "U+200D (zero width joiner) at character 1"),
        ("🍎\u200d", "U+200D (zero width joiner) at character 2"),
        ("🍎\u200d\u200d🍎", "U+200D (zero width joiner) at character 2"),
        ("milk\u3164", "U+3164 (hangul filler) at character 5"),
    ],
)
def test_what_is_no_name_is_told_with_its_place_and_the_way_out(text: str, told: str):
    with pytest.raises(ValueError, match=r"^(must|is) ") as error:
        name(text)
    assert told in str(error.value)
    assert str(error.value).isprintable()


@pytest.mark.parametrize(
    "text", ["", ".", "..", "a b", "a/b", "x" * 129, "cafe\u0301", "a\x00", "a\u200db"]
)
def test_an_id_is_never_mended_but_refused(text: str):
    assert not is_run_id(text)
    with pytest.raises(ValueError, match=r"must|is|may"):
        run_id(text)


@pytest.mark.parametrize("text", ["6f1c1a56-6d5c", "weekly_2026.47:a", "café", "..."])
def test_an_id_of_letters_digits_and_a_few_signs_is_one(text: str):
    assert run_id(text) == text


@pytest.mark.parametrize("text", ["a\x00b", "a\nb", "a\tb", "a\x1bb", "a\u2029b", "x" * 1001])
def test_a_reason_is_one_line_without_control_characters(text: str):
    with pytest.raises(ValueError, match=r"at character 2|at most 1000 characters"):
        one_line_text(text)
    assert one_line_text(as_one_line(text))


@given(name=names)
def test_both_spellings_have_one_key(name: str):
    nfc, nfd = (unicodedata.normalize(form, name) for form in ("NFC", "NFD"))
    one = CalendarPlanned(store=nfc, date=DAY, drivers={nfc: 1.0})
    two = CalendarPlanned(store=nfd, date=DAY, drivers={nfd: 1.0})
    assert one == two
    assert one.key == two.key


def test_a_request_names_series_as_sales_do():
    nfd = unicodedata.normalize("NFD", CAFE)
    request = RetrainRequested(
        series=(SeriesRef(store=nfd, product="total"),), store=None, requested_by="test"
    )
    sale = SaleRecorded.model_validate_json(
        f'{{"store": "{nfd}", "product": "total", "date": "2026-01-01", "units": 1}}'
    )
    assert request.series == (SeriesRef(store=CAFE, product="total"),)
    assert sale.store == CAFE
    assert sale.key == f"{CAFE}/total"


def test_one_series_in_two_spellings_is_named_twice():
    spelt = [SeriesRef(store=unicodedata.normalize(f, CAFE), product="x") for f in ("NFC", "NFD")]
    with pytest.raises(ValueError, match="is named more than once"):
        RetrainRequested(series=tuple(spelt), requested_by="test")


def test_series_of_the_database_keep_the_name_that_they_have_there():
    old = unicodedata.normalize("NFD", CAFE)
    assert SeriesRef(store=old, product="..").store == old
