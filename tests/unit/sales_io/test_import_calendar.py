"""Calendars from files: what differs from sales."""

import datetime as dt
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.cloudevents import decode
from events.envelope import first_event
from events.memory import MemoryLog
from events.payloads import EARLIEST_DAY, LATEST_DAY, CalendarPlanned
from events.publisher import to_record
from infra.errors import BadInput
from infra.sales_io.checking.allowance import ALL, RowsRefused
from infra.sales_io.columns.layout import (
    GENERATED,
    ROSSMANN,
    ROSSMANN_TEST,
    ColumnChoice,
    choose_calendar_layout,
)
from infra.sales_io.publishing.event_records import encode_plans, id_of
from infra.sales_io.publishing.import_calendar import import_calendar
from infra.sales_io.publishing.import_sales import import_sales
from tests.unit.sales_io.test_event_records import finite, names

AT = dt.datetime(2026, 11, 24, 6, 0, tzinfo=dt.UTC)
TEST = ",".join(ROSSMANN_TEST.header) + "\n"


async def imported(path: Path, text: str, choice: ColumnChoice | None = None):
    """The plans of a file of this text, and the summary of its import."""
    file, log = path / "calendar.csv", MemoryLog()
    file.write_text(text)
    summary = await import_calendar(file, log.producer(), choice, recorded_at=AT, allow_rejects=ALL)
    events = [decode(record.value, record.headers) for record in log.records("calendar")]
    assert summary.published == len(events)
    return [event.data for event in events], summary


async def test_rossmanns_test_file_needs_no_choice(tmp_path: Path) -> None:
    rows = "1,1,4,2035-09-17,1,1,0,0\n2,3,4,2035-09-17,,0,a,1\n"
    plans, summary = await imported(tmp_path, TEST + rows)
    quiet = {"state_holiday_b": 0.0, "state_holiday_c": 0.0}
    day = dt.date(2035, 9, 17)
    by_store = {plan.store: plan for plan in plans}
    assert by_store == {
        "1": CalendarPlanned(
            store="1",
            date=day,
            open=True,
            drivers={"promo": 1.0, "state_holiday_a": 0.0, **quiet, "school_holiday": 0.0},
        ),
        "3": CalendarPlanned(
            store="3",
            date=day,
            drivers={"promo": 0.0, "state_holiday_a": 1.0, **quiet, "school_holiday": 1.0},
        ),
    }
    assert (summary.accepted, summary.rejected, summary.series) == (2, 0, 2)
    assert (summary.first_day, summary.last_day) == (day, day)


async def test_a_known_calendar_has_the_drivers_that_its_sales_have(tmp_path: Path) -> None:
    header = ",".join(ROSSMANN.header)
    file, log = tmp_path / "train.csv", MemoryLog()
    file.write_text(header + "\n1,5,2015-07-31,5263,555,1,1,b,1\n")
    sold = await import_sales(file, log.producer(), recorded_at=AT)
    plans, summary = await imported(tmp_path, TEST + "1,1,5,2015-07-31,1,1,b,1\n")
    same, _ = await imported(tmp_path, file.read_text())
    (sale,) = [decode(record.value, record.headers).data for record in log.records("sales")]
    assert summary.drivers == sold.drivers
    assert plans == same
    assert plans[0].drivers == sale.drivers


def lines_of(file: str) -> list[str]:
    return Path(file).read_text().splitlines()


@pytest.mark.parametrize(
    "header",
    [
        ROSSMANN.header,
        ROSSMANN_TEST.header,
        ROSSMANN.without("Sales", "Customers").header,
        GENERATED.header,
        GENERATED.without("units").header,
    ],
)
def test_a_known_header_is_a_calendar_as_it_is(header: tuple[str, ...]) -> None:
    layout = choose_calendar_layout(header, ColumnChoice())
    assert layout.units is None
    assert len(layout.drivers) == 3
    assert layout.open is not None


async def test_without_columns_of_store_and_product_a_plan_is_for_all(tmp_path: Path) -> None:
    choice = ColumnChoice(date="day", drivers=("Black Friday",), date_format="%d.%m.%Y")
    plans, summary = await imported(tmp_path, "day,Black Friday\n28.11.2036,1\n", choice)
    day = dt.date(2036, 11, 28)
    assert plans == [CalendarPlanned(date=day, drivers={"black_friday": 1.0})]
    assert summary.series == 1


async def test_a_row_without_its_store_is_rejected_where_there_is_a_column_of_stores(
    tmp_path: Path,
) -> None:
    choice = ColumnChoice(store="store", date="day", open="open")
    text = "store,day,open\n,2036-01-01,0\nA,2036-01-01,0\n"
    plans, summary = await imported(tmp_path, text, choice)
    assert [plan.store for plan in plans] == ["A"]
    assert summary.rejected_fields == {"store": 1}


@pytest.mark.parametrize(
    ("row", "field", "reason"),
    [
        ("A,1899-12-31,1,0", "day", str(EARLIEST_DAY)),
        ("A,2200-01-02,1,0", "day", str(LATEST_DAY)),
        ("A,soon,1,0", "day", "--date-format"),
        ("A,2036-01-01,maybe,0", "open", "use 1 or 0"),
        ("A,2036-01-01,1,many", "promo", "not a number"),
    ],
)
async def test_a_bad_row_is_listed_and_the_others_go_on(
    tmp_path: Path, row: str, field: str, reason: str
) -> None:
    choice = ColumnChoice(store="store", date="day", open="open", drivers=("promo",))
    numbers = "".join(f"B,2036-01-{day:02},1,{day}\n" for day in range(1, 31))
    plans, summary = await imported(tmp_path, f"store,day,open,promo\n{row}\n{numbers}", choice)
    assert len(plans) == 30
    assert summary.rejected_fields == {field: 1}
    assert summary.rejects_file is not None
    _, listed = lines_of(summary.rejects_file)
    assert listed.startswith("2,")
    assert reason in listed


async def test_a_day_that_comes_again_counts_once_and_a_contradiction_is_listed(
    tmp_path: Path,
) -> None:
    choice = ColumnChoice(date="day", open="open")
    text = "day,open\n2036-01-01,0\n2036-01-01,0\n2036-01-01,1\n"
    plans, summary = await imported(tmp_path, text, choice)
    assert [plan.open for plan in plans] == [False]
    assert (summary.repeated, summary.rejected_fields) == (1, {"day": 1})


async def test_importing_again_gives_the_same_ids(tmp_path: Path) -> None:
    found = []
    (tmp_path / "c.csv").write_text("day,open\n2036-01-01,0\n2036-01-02,\n")
    for _ in range(2):
        log = MemoryLog()
        choice = ColumnChoice(date="day", open="open")
        await import_calendar(tmp_path / "c.csv", log.producer(), choice, recorded_at=AT)
        found.append({decode(r.value, r.headers).id for r in log.records("calendar")})
    assert found[0] == found[1]
    assert len(found[0]) == 2


async def test_a_file_with_a_rejected_row_publishes_nothing_unless_it_is_allowed(
    tmp_path: Path,
) -> None:
    (tmp_path / "c.csv").write_text("day,open\n2035-01-01,1\n2035-01-02,maybe\n")
    log, choice = MemoryLog(), ColumnChoice(date="day", open="open")
    with pytest.raises(RowsRefused, match="1 of 2 rows"):
        await import_calendar(tmp_path / "c.csv", log.producer(), choice, recorded_at=AT)
    assert log.records("calendar") == []


async def test_a_check_is_shown_for_whom_plans_are_and_what_they_name_before_any_is_published(
    tmp_path: Path,
) -> None:
    shown: list[dict[frozenset[str], list[tuple[str, str]]]] = []
    log, file = MemoryLog(), tmp_path / "c.csv"
    file.write_text(
        "store,day,open,promo,price\n1,2036-01-01,1,1,\n1,2036-01-02,1,,2\n"
        "2,2036-01-01,0,,\n3,2036-01-01,1,0,1\n4,soon,1,1,1\n"
    )

    async def check(planned):
        shown.append(planned)
        raise BadInput("not so")

    choice = ColumnChoice(store="store", date="day", open="open", drivers=("promo", "price"))
    with pytest.raises(BadInput, match="not so"):
        await import_calendar(file, log.producer(), choice, recorded_at=AT, check=check)
    both = frozenset({"promo", "price"})
    assert shown == [{both: [("1", ""), ("3", "")], frozenset(): [("2", "")]}]
    assert log.records("calendar") == []


def test_a_file_that_says_nothing_of_its_days_is_refused() -> None:
    with pytest.raises(BadInput, match=r"--open-column, --driver-columns: neither.*day, note"):
        choose_calendar_layout(("day", "note"), ColumnChoice(date="day"))
    with pytest.raises(BadInput, match="--date-column: not given"):
        choose_calendar_layout(("when", "open"), ColumnChoice(open="open"))


DRIVERS = ("promo", "preis_größe")
plans = st.builds(
    CalendarPlanned,
    store=st.none() | names,
    product=st.none() | names,
    date=st.dates(EARLIEST_DAY, LATEST_DAY),
    open=st.none() | st.booleans(),
    drivers=st.fixed_dictionaries({}, optional=dict.fromkeys(DRIVERS, finite)),
)


@given(st.lists(plans, min_size=1, max_size=8))
def test_bulk_records_are_the_publishers_records_byte_for_byte(events: list[CalendarPlanned]):
    events = [
        plan.model_copy(
            update={"drivers": {n: plan.drivers[n] for n in DRIVERS if n in plan.drivers}}
        )
        for plan in events
    ]
    frame = pd.DataFrame(
        {
            "store": [plan.store or "" for plan in events],
            "product": [plan.product or "" for plan in events],
            "date": np.array([plan.date for plan in events], "datetime64[D]").astype(
                "datetime64[ns]"
            ),
            "open": np.array(
                [-1 if plan.open is None else plan.open for plan in events], dtype=np.int8
            ),
            **{n: [plan.drivers.get(n, np.nan) for plan in events] for n in DRIVERS},
        }
    )
    one_by_one = [
        to_record(first_event(plan, "/test", event_id=id_of(plan, AT), time=AT)) for plan in events
    ]
    assert encode_plans(frame, "/test", AT) == one_by_one
