import datetime as dt

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from events.cloudevents import decode
from events.envelope import first_event
from events.payloads import EARLIEST_DAY, SaleRecorded
from events.publisher import to_record
from infra.sales_io.publishing.event_records import encode_sales, id_of, import_id_of
from tests.names import names

AT = dt.datetime(2026, 11, 24, 6, 0, tzinfo=dt.UTC)
finite = st.floats(allow_nan=False, allow_infinity=False)
sales = st.builds(
    SaleRecorded,
    store=names,
    product=names,
    date=st.dates(EARLIEST_DAY, dt.date(2026, 1, 1)),
    units=st.floats(0, 1e9),
    open=st.booleans(),
    drivers=st.dictionaries(st.sampled_from(["promo", "preis_größe", "school_holiday"]), finite),
)


def frame_of(events: list[SaleRecorded]) -> pd.DataFrame:
    rows = [event.model_dump(exclude={"drivers", "import_id"}) for event in events]
    frame = pd.DataFrame(rows).assign(date=[pd.Timestamp(event.date) for event in events])
    for name in ("promo", "preis_größe", "school_holiday"):
        frame[name] = [event.drivers.get(name, np.nan) for event in events]
    return frame


def ordered(sale: SaleRecorded) -> SaleRecorded:
    """The sale with its drivers in the order of the columns."""
    known = {
        n: sale.drivers[n] for n in ("promo", "preis_größe", "school_holiday") if n in sale.drivers
    }
    return sale.model_copy(update={"drivers": known})


@given(st.lists(sales, min_size=1, max_size=8), st.none() | st.just("import-1"))
def test_bulk_records_are_the_publishers_records_byte_for_byte(
    events: list[SaleRecorded], import_id: str | None
) -> None:
    events = [ordered(sale).model_copy(update={"import_id": import_id}) for sale in events]
    one_by_one = [
        to_record(first_event(sale, "/test", event_id=id_of(sale, AT), time=AT)) for sale in events
    ]
    assert encode_sales(frame_of(events), "/test", AT, import_id) == one_by_one


def test_a_record_decodes_to_its_sale() -> None:
    sale = SaleRecorded(
        store="1", product="total", date=dt.date(2015, 7, 31), units=5263, drivers={"promo": 1.0}
    )
    (record,) = encode_sales(frame_of([sale]), "/test", AT)
    assert decode(record.value, record.headers).data == sale


def test_ids_depend_on_content_and_on_the_time_of_recording() -> None:
    sale = SaleRecorded(store="1", product="total", date=dt.date(2015, 7, 31), units=1)
    more = sale.model_copy(update={"units": 2.0})
    later = AT + dt.timedelta(seconds=1)
    ids = {id_of(sale, AT), id_of(more, AT), id_of(sale, later), id_of(sale, AT)}
    assert len(ids) == 3


def test_no_rows_are_no_records() -> None:
    assert encode_sales(pd.DataFrame(), "/test", AT) == []


def test_an_import_is_known_by_its_file_and_time() -> None:
    ids = {import_id_of(file, at) for file in "ab" for at in (AT, AT + dt.timedelta(seconds=1))}
    assert len(ids) == 4
    assert import_id_of("a", AT) in ids
    SaleRecorded(store="1", product="x", date=AT.date(), units=1, import_id=ids.pop())
