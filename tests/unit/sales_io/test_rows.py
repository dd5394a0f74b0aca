import datetime as dt
import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from events.clock import utc_today
from events.payloads import SaleRecorded
from infra.errors import BadInput
from infra.sales_io.checking.days_seen import DaysSeen
from infra.sales_io.checking.rows import RowsChunk, read_rows
from infra.sales_io.checking.survey import survey
from infra.sales_io.columns import cells
from infra.sales_io.columns.layout import ColumnChoice
from infra.sales_io.tables.source import CHUNK_ROWS

CHOICE = ColumnChoice(store="store", date="date", units="units", open="open")


def read(
    path: Path,
    text: str,
    choice: ColumnChoice = CHOICE,
    missing: Any = None,
    rows: int = CHUNK_ROWS,
) -> RowsChunk:
    """All chunks of a file of this text as one."""
    path = path / "sales.csv"
    path.write_text(text, encoding="utf-8")
    chunks = list(read_rows(survey(path, choice), DaysSeen(), missing, rows))
    frame = pd.concat([chunk.frame for chunk in chunks], ignore_index=True)
    rejected = [row for chunk in chunks for row in chunk.rejected]
    return RowsChunk(frame, rejected, sum(chunk.repeated for chunk in chunks))


def test_a_good_row_becomes_a_sale(tmp_path: Path) -> None:
    (row,) = read(tmp_path, "store,date,units,open\n A ,2015-07-31,12.5,1\n").frame.to_dict(
        "records"
    )
    assert row == {
        "store": "A",
        "product": "total",
        "date": pd.Timestamp(2015, 7, 31),
        "units": 12.5,
        "open": True,
    }


@pytest.mark.parametrize(
    ("row", "field", "reason"),
    [
        (",2015-07-31,1,1", "store", "empty"),
        ("a/b,2015-07-31,1,1", "store", "a name can't have '/'; give --replace-slash"),
        ("x" * 65 + ",2015-07-31,1,1", "store", "longer than 64 characters; give --shorten-names"),
        ("a\u200bb,2015-07-31,1,1", "store", "hidden character: zero width space (U+200B)"),
        ("A,soon,1,1", "date", "--date-format"),
        ("A,2015-02-30,1,1", "date", "not a calendar day"),
        ("A,2015-W31,1,1", "date", "a week, but a row needs one day"),
        ("A,1815-07-31,1,1", "date", "can't be before 1900-01-01"),
        ("A,2999-07-31,1,1", "date", "can't be after"),
        ("A,2015-07-31,,1", "units", "missing"),
        ("A,2015-07-31,nan,1", "units", "missing"),
        ("A,2015-07-31,many,1", "units", "not a number"),
        ("A,2015-07-31,12 kg,1", "units", "it has letters"),
        ("A,2015-07-31,12\u00ad3,1", "units", "soft hyphen (U+00AD)"),
        ("A,2015-07-31,-1,1", "units", "below zero, a return; say what it is with --returns"),
        ("A,2015-07-31,1e10,1", "units", "more than 1,000,000,000"),
        ("A,2015-07-31,1e999,1", "units", "more than 1,000,000,000"),
        ("A,2015-07-31,1,maybe", "open", "use 1 or 0"),
        ("A,2015-07-31,1,", "open", "neither"),
        ("A,2015-07-31,1", "row", "3 fields where the header names 4"),
    ],
)
def test_a_bad_row_is_listed_and_the_others_go_on(
    tmp_path: Path, row: str, field: str, reason: str
) -> None:
    found = read(tmp_path, f"store,date,units,open\nB,2015-07-30,1,1\n{row}\nB,2015-07-31,2,0\n")
    assert found.frame["units"].tolist() == [1, 2]
    (rejected,) = found.rejected
    assert (rejected.line, rejected.field) == (3, field)
    assert reason in rejected.reason
    assert not re.search(r"pattern|String|Input|Value error|None|\\x", rejected.reason)


def test_a_day_that_comes_again_counts_once_and_a_contradiction_is_listed(tmp_path: Path) -> None:
    text = (
        "store,date,units,open\n"
        + "A,2015-07-31,1,1\n" * 2
        + "A,2015-07-31,2,1\nB,2015-07-31,1,1\n"
    )
    for rows in (1, 2, 3, 100):
        found = read(tmp_path, text, rows=rows)
        assert found.frame["store"].tolist() == ["A", "B"]
        assert found.repeated == 1
        assert [(row.line, row.field) for row in found.rejected] == [(4, "units")]
        assert "line 2 has the same" in found.rejected[0].reason


def test_words_become_one_driver_each_in_every_row(tmp_path: Path) -> None:
    choice = ColumnChoice("store", date="date", units="units", drivers=("Promo", "StateHoliday"))
    rows = ("A,2015-07-30,1,,0", "A,2015-07-31,1,0.5,b", "B,2015-07-30,1,1,a", "B,2015-07-31,1,1,")
    text = "store,date,units,Promo,StateHoliday\n" + "\n".join(rows)
    frame = read(tmp_path, text, choice, rows=1).frame
    assert frame["promo"].isna().tolist() == [True, False, False, False]
    assert frame["state_holiday_a"].fillna(-1).tolist() == [0, 0, 1, -1]
    assert frame["state_holiday_b"].fillna(-1).tolist() == [0, 1, 0, -1]


def test_a_typo_in_a_column_of_many_numbers_is_a_rejected_row(tmp_path: Path) -> None:
    choice = ColumnChoice("store", date="date", units="units", drivers=("price",))
    rows = "".join(f"A,2015-07-{day:02},1,{day}.5\n" for day in range(1, 30))
    found = read(tmp_path, f"store,date,units,price\n{rows}A,2015-07-30,1,cheap\n", choice)
    assert [(row.line, row.field) for row in found.rejected] == [(31, "price")]


def test_a_known_layout_gives_the_same_drivers_whatever_its_file_has(tmp_path: Path) -> None:
    header = "Store,DayOfWeek,Date,Sales,Customers,Open,Promo,StateHoliday,SchoolHoliday\n"
    frame = read(tmp_path, header + "1,5,2015-07-31,5263,555,1,1,0,1\n", ColumnChoice()).frame
    assert frame.columns[5:].tolist() == [
        "promo",
        "state_holiday_a",
        "state_holiday_b",
        "state_holiday_c",
        "school_holiday",
    ]


def test_missing_days_that_are_zero_are_filled_between_the_first_and_the_last(
    tmp_path: Path,
) -> None:
    rows = ("B,2015-07-05,9,1", "A,2015-07-04,3,1", "A,2015-07-01,1,1", "A,2015-07-02,?,1")
    text = "store,date,units,open\n" + "\n".join(rows)
    frame = read(tmp_path, text, missing="zero").frame
    (filled,) = frame[frame["units"] == 0].to_dict("records")
    assert (filled["store"], filled["date"]) == ("A", pd.Timestamp(2015, 7, 3))
    assert filled["open"] is True
    assert len(read(tmp_path, text, missing="closed").frame) == len(frame) - 1


def test_a_date_format_is_obeyed(tmp_path: Path) -> None:
    choice = ColumnChoice("store", date="date", units="units", date_format="%d.%m.%Y")
    rows = "A,31.07.2015,1\nA,30.07.2015,1\nA,2015-07-29,1\n"
    found = read(tmp_path, f"store,date,units\n{rows}", choice)
    assert found.frame["date"].dt.day.tolist() == [31, 30]
    assert [row.field for row in found.rejected] == ["date"]


def test_a_header_without_rows_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="a header and no rows"):
        read(tmp_path, "store,date,units,open\n")


near_today = st.integers(-3, 3).map(lambda days: utc_today() + dt.timedelta(days=days))
days = st.one_of(
    near_today, st.dates(), st.just(dt.date(1899, 12, 31)), st.just(dt.date(1900, 1, 1))
)
numbers = st.one_of(st.floats(), st.integers(-5, 10**10).map(float), st.just(1e9))
names = st.text(st.characters(exclude_categories=["Cs"]), max_size=70)


def sold(text: str) -> float:
    """The units of a row that is not a return; what a return means is asked for."""
    found = cells.amount(text)
    if found < 0:
        raise ValueError("a return")
    return found


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(store=names, day=days, units=numbers, is_open=st.booleans(), promo=numbers)
def test_what_is_read_keeps_the_contract_of_the_sale(
    store: str, day: dt.date, units: float, is_open: bool, promo: float
) -> None:
    try:
        read = (
            cells.name(store),
            cells.day(day.isoformat()),
            sold(repr(units)),
            cells.is_open(str(is_open)),
            cells.driver(repr(promo)),
        )
    except ValueError:
        return
    name, read_day, read_units, read_open, read_promo = read
    assert (read_day, read_units, read_open) == (day, units, is_open)
    said = {} if read_promo != read_promo else {"p": read_promo}
    SaleRecorded(
        store=name, product="total", date=read_day, units=read_units, open=read_open, drivers=said
    )


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(store=st.text("abcÄ7 .-#", max_size=70), day=days, units=numbers)
def test_what_the_contract_takes_of_plain_letters_is_read(
    store: str, day: dt.date, units: float
) -> None:
    store = store.strip()
    try:
        SaleRecorded(store=store, product="total", date=day, units=units)
    except ValidationError:
        return
    read = (cells.name(store), cells.day(day.isoformat()), sold(repr(units)))
    assert read == (store, day, units)
