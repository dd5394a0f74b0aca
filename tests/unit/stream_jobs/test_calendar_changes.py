import datetime as dt

import pyarrow as pa

from events.cloudevents import decode
from events.payloads import MAX_SCOPES, CalendarChanged
from stream_jobs.calendar_changes import calendar_changes
from stream_jobs.contract import decode_batch
from stream_jobs.tables import CALENDAR
from tests.unit.stream_jobs.records import batch, planned

MONDAY = dt.date(2015, 8, 3)


def changes(*plans) -> list[CalendarChanged]:
    read = batch(*plans, topics="calendar")
    records = calendar_changes(decode_batch(read, CALENDAR).rows, read)
    assert {record.topic for record in records} <= {"calendar-changes"}
    return [decode(record.value, record.headers).data for record in records]


def scopes(change: CalendarChanged) -> list[tuple[str | None, str | None]]:
    return [(ref.store, ref.product) for ref in change.scopes]


def test_plans_of_several_series_and_days_are_one_change():
    days = [MONDAY + dt.timedelta(days=n) for n in (0, 4)]
    [change] = changes(
        *(
            planned(store=s, product=p, date=d)
            for s, p in (("1", None), (None, "rye"))
            for d in days
        )
    )
    assert scopes(change) == [(None, "rye"), ("1", None)]
    assert (change.first_day, change.last_day) == (days[0], days[1])


def test_a_plan_for_all_stands_for_every_other():
    [change] = changes(planned(store="1", date=MONDAY), planned(store=None, date=MONDAY))
    assert scopes(change) == [(None, None)]


def test_many_scopes_are_several_changes_of_different_ids():
    many = [planned(store=f"{n}", date=MONDAY) for n in range(MAX_SCOPES + 1)]
    first, second = changes(*many)
    assert (len(first.scopes), len(second.scopes)) == (MAX_SCOPES, 1)
    assert first.change_id != second.change_id


def test_a_task_that_is_repeated_says_the_same_again():
    read = batch(planned(store="1", date=MONDAY), topics="calendar")
    rows = decode_batch(read, CALENDAR).rows
    ids = {dict(record.headers)["ce_id"] for _ in "12" for record in calendar_changes(rows, read)}
    assert len(ids) == 1


def test_no_plan_is_no_change():
    read = batch(planned(store="1", date=MONDAY), topics="calendar")
    assert calendar_changes(CALENDAR.schema.empty_table(), read) == []
    assert isinstance(read, pa.RecordBatch)
