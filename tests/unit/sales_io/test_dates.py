"""Days as countries and systems write them: the right day comes back, or a person is asked."""

import datetime as dt

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.errors import BadInput
from infra.sales_io.columns.date_form_choice import DateColumn
from infra.sales_io.columns.date_rule import DayRule
from infra.sales_io.columns.date_texts import period_of

TODAY = dt.date(2026, 11, 28)
FORMS = ["%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%d-%m-%Y", "%Y-%m-%d", "%Y/%m/%d", "%Y%m%d"]
SHORT = ["%d.%m.%y", "%d/%m/%y", "%m/%d/%y", "%y-%m-%d"]
NAMED = ["%d %b %Y", "%b %d, %Y", "%d-%b-%y", "%A %d %B %Y"]


def rule_of(texts: list[str], date_format: str | None = None, zone: str | None = None) -> DayRule:
    column = DateColumn(DayRule.named(date_format, zone))
    for text in texts:
        column.look(text)
    return column.decide("day", TODAY)[0]


@settings(max_examples=400)
@given(
    form=st.sampled_from([*FORMS, *SHORT, *NAMED]),
    time=st.sampled_from(["", " 00:00", " 23:41:07", " 1:05:00 PM"]),
    first=st.dates(dt.date(2000, 1, 1), dt.date(2026, 9, 1)),
    size=st.integers(1, 60),
)
def test_days_of_any_form_come_back_or_are_asked_for(
    form: str, time: str, first: dt.date, size: int
) -> None:
    days = [first + dt.timedelta(days=number) for number in range(size)]
    texts = [f"{day.strftime(form)}{time}" for day in days]
    try:
        rule = rule_of(texts)
    except BadInput:
        return
    assert [rule.read(text) for text in texts] == days


@given(
    days=st.lists(st.dates(dt.date(2001, 1, 1), dt.date(2026, 9, 1)), min_size=1, max_size=40),
    form=st.sampled_from(FORMS),
)
def test_no_order_of_days_is_ever_read_wrongly(days: list[dt.date], form: str) -> None:
    texts = [day.strftime(form) for day in days]
    try:
        rule = rule_of(texts)
    except BadInput:
        return
    assert [rule.read(text) for text in texts] == days


@pytest.mark.parametrize(
    ("texts", "day"),
    [
        (["46289"], dt.date(2026, 9, 24)),
        (["46289.75"], dt.date(2026, 9, 24)),
        (["2026-10-03 23:41:07 -0400"], dt.date(2026, 10, 3)),
        (["2026-09-24T00:00:00.000Z"], dt.date(2026, 9, 24)),
        (["2026-09-24T00:30:00+02:00"], dt.date(2026, 9, 24)),
        (["24. September 2026"], dt.date(2026, 9, 24)),
        (["Do, 24.09.2026"], dt.date(2026, 9, 24)),
        (["24 de septiembre de 2026"], dt.date(2026, 9, 24)),
        (["24 août 2026"], dt.date(2026, 8, 24)),
        (["2026-W48-3"], dt.date(2026, 11, 25)),
        (["2026年9月24日"], dt.date(2026, 9, 24)),
        (["9/24/2026 12:00:00 AM"], dt.date(2026, 9, 24)),
    ],
)
def test_a_day_is_taken_as_it_is_written(texts: list[str], day: dt.date) -> None:
    assert rule_of(texts).read(texts[0]) == day


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        (["03/04/2026"], r"2 readings.*day-first \(03/04/2026 is 2026-04-03\) or month-first"),
        (["13/02/2026", "02/13/2026"], "in two forms, 13/02/2026 .day first. and 02/13/2026"),
        (["2026-W48", "2026-W49"], "2 different weeks, like 2026-W48; Shelfcast is daily"),
        (["KW 48/2026"], "1 different weeks, like KW 48/2026"),
        (["2026-11"], "months, like 2026-11"),
        (["Nov 2026"], "months, like Nov 2026"),
        (["202611"], "months, like 202611"),
        (["2026-Q4"], "quarters, like 2026-Q4"),
        (["2026-11-23 - 2026-11-29"], "ranges, like 2026-11-23"),
        (["1790000000"], "since 1970"),
        (["1790000000000"], "since 1970"),
        (["2026-09-23T22:00:00Z"], "moments in UTC.*--time-zone"),
    ],
)
def test_what_is_no_day_for_sure_is_asked_for(texts: list[str], said: str) -> None:
    with pytest.raises(BadInput, match=said):
        rule_of(texts)


def test_a_named_form_that_fails_where_another_reads_all_is_refused() -> None:
    days = [dt.date(2025, 11, 23) + dt.timedelta(days=number) for number in range(365)]
    texts = [f"{day:%d/%m/%Y}" for day in days]
    for wrong in ("%m/%d/%Y", "month-first"):
        with pytest.raises(BadInput, match=r"reads 144 of the 365 .* give --date-format day-first"):
            rule_of(texts, wrong)
    for right in ("%d/%m/%Y", "day-first", None):
        rule = rule_of(texts, right)
        assert [rule.read(text) for text in texts] == days


@pytest.mark.parametrize(
    ("text", "zone", "day"),
    [
        ("2026-09-23T22:00:00Z", "Europe/Berlin", 24),
        ("2026-09-24T02:00:00Z", "America/New_York", 23),
        ("2026-09-23T22:00:00Z", "UTC", 23),
        ("2026-09-24 23:30:00 -0400", "Europe/Berlin", 25),
        ("2026-09-24 23:30:00", "Asia/Tokyo", 24),
    ],
)
def test_a_time_zone_moves_moments_that_name_theirs(text: str, zone: str, day: int) -> None:
    assert rule_of([text], zone=zone).read(text) == dt.date(2026, 9, day)


def test_day_numbers_are_read_as_asked_where_they_are_not_sure() -> None:
    assert rule_of(["44805"], "excel-1904").read("44805") == dt.date(2026, 9, 2)
    assert rule_of(["20000"], "excel").read("20000") == dt.date(1954, 10, 3)
    with pytest.raises(ValueError, match="--date-format excel"):
        rule_of(["20000"]).read("20000")  # 1954: no shop's days for sure


@pytest.mark.parametrize("text", ["2026-09-24", "24.09.2026", "46289", "soon", "", "A-12"])
def test_a_day_or_a_word_is_no_period(text: str) -> None:
    assert period_of(text) is None
