"""Plans as rows of the calendar, without Spark."""

import datetime as dt
import json

import pytest

from stream_jobs import contract
from stream_jobs.contract import DecodedBatch, decode_batch
from stream_jobs.tables import CALENDAR, KEPT, REMOVALS, SALES
from tests.unit.stream_jobs.records import DAY, TIME, Raw, batch, planned, raw, with_header


def judged(*records: Raw) -> DecodedBatch:
    return decode_batch(batch(*records, topics="calendar"), CALENDAR)


def with_plan(**changes: object) -> Raw:
    value, headers = planned()
    return json.dumps(json.loads(value or b"") | changes).encode(), headers


def test_a_plan_becomes_the_row_that_its_event_says() -> None:
    result = judged(planned())
    assert result.rows.schema == CALENDAR.schema
    assert result.rows.to_pylist() == [
        {
            "store": "1",
            "product": "",
            "date": DAY,
            "open": False,
            "drivers": b'\x01{"promo":1.0}',
            "event_id": "c1",
            "recorded_at": TIME,
        }
    ]
    assert not result.rejected


def test_all_is_an_empty_name_and_what_is_not_said_is_null() -> None:
    far = dt.date(2100, 1, 1)
    result = judged(
        planned(store=None, open=None, drivers={}, date=far), planned(store=None, product="milk")
    )
    rows = result.rows.select(["store", "product", "date", "open", "drivers"]).to_pylist()
    assert rows[0] == {
        "store": "",
        "product": "",
        "date": far,
        "open": None,
        "drivers": b"\x01{}",
    }
    assert (rows[1]["store"], rows[1]["product"]) == ("", "milk")


def test_ordinary_plans_never_need_the_slow_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contract, "decode", None)
    assert judged(*[planned(f"c{n}", store=None) for n in range(3)]).rows.num_rows == 3


def test_an_unusual_plan_is_read_as_decode_reads_it() -> None:
    value, headers = planned()
    twice = judged((value, [*headers, ("CE_ID", b"second")]))
    assert twice.rows["event_id"].to_pylist() == ["second"]
    assert twice.rows.drop_columns("event_id") == judged(planned()).rows.drop_columns("event_id")


@pytest.mark.parametrize(
    ("record", "error", "said"),
    [
        (with_plan(store=""), "InvalidPayload", ["store"]),
        (with_plan(date="1899-12-31"), "InvalidPayload", ["date", "1899-12-31"]),
        (with_plan(open="yes"), "InvalidPayload", ["open", "yes"]),
        (with_plan(drivers={"promo": None}), "InvalidPayload", ["drivers.promo"]),
        ((None, planned()[1]), "Unreadable", ["value"]),
        (with_header(planned(), "ce_time", b"soon"), "Unreadable", ["ce_time", "soon"]),
        (raw(), "Refusal", [SALES.payload.TYPE, CALENDAR.payload.TYPE]),
    ],
)
def test_what_is_no_plan_is_rejected_and_its_neighbours_are_not(
    record: Raw, error: str, said: list[str]
) -> None:
    result = judged(planned("before"), record, planned("after"))
    assert sorted(result.rows["event_id"].to_pylist()) == ["after", "before"]
    (rejected,) = result.rejected
    assert (rejected.row, rejected.error) == (1, error)
    for part in said:
        assert part in rejected.message


@pytest.mark.parametrize("kept", [*KEPT.values(), REMOVALS], ids=lambda kept: kept.table.name)
def test_every_column_is_a_field_of_the_payload_or_the_events_own(kept) -> None:
    fields = set(kept.payload.model_fields)
    assert set(kept.schema.names) == fields | {"event_id", "recorded_at"}
    names = [name for name in kept.keys if kept.schema.field(name).type == "string"]
    assert names == (["event_id"] if kept is REMOVALS else ["store", "product"])
