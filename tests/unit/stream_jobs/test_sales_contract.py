"""Kafka records against the contract, as Arrow batches, without Spark."""

import datetime as dt
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from events.clock_bound import MAX_AHEAD, refuse_ahead
from events.cloudevents import decode, encode
from events.envelope import Event, first_event
from events.errors import EventError
from events.payloads import Payload, RetrainRequested, SaleRecorded
from stream_jobs import contract
from stream_jobs.attributes import plain_attributes
from stream_jobs.contract import DecodedBatch, decode_batch
from stream_jobs.tables import SALES
from tests.unit.stream_jobs.records import (
    DAY,
    TIME,
    Raw,
    batch,
    raw,
    structured,
    with_data,
    with_header,
)


def judged(*records: Raw) -> DecodedBatch:
    return decode_batch(batch(*records), SALES)


def test_a_sale_becomes_the_row_that_its_event_says() -> None:
    result = judged(raw())
    assert result.rows.schema == SALES.schema
    assert result.rows.to_pylist() == [
        {
            "store": "1",
            "product": "milk",
            "date": DAY,
            "units": 3.0,
            "open": True,
            "drivers": b'\x01{"promo":1.0}',
            "event_id": "e1",
            "recorded_at": TIME,
            "import_id": None,
        }
    ]
    assert not result.rejected


def test_an_empty_batch_holds_nothing() -> None:
    result = decode_batch(batch(raw()).slice(0, 0), SALES)
    assert result.rows.num_rows == 0
    assert not result.rejected


def test_fields_that_the_contract_does_not_know_are_passed_over() -> None:
    assert judged(with_data(cashier="Kim")).rows.num_rows == 1


def test_the_structured_mode_is_read_too() -> None:
    assert judged(structured()).rows.equals(judged(raw()).rows)


def test_a_binary_mode_sale_needs_no_content_type() -> None:
    assert judged(with_header(raw(), "content-type", None)).rows.num_rows == 1


def test_header_names_in_capitals_are_read_as_decode_reads_them() -> None:
    value, headers = raw()
    loud = (value, [(name.upper(), text) for name, text in headers])
    assert judged(loud).rows.equals(judged(raw()).rows)


@pytest.mark.parametrize(
    ("record", "error", "said"),
    [
        (with_data(units="12"), "InvalidPayload", ["units", "'12'"]),
        (with_data(units=-1), "InvalidPayload", ["units", "-1"]),
        (with_data(units=...), "InvalidPayload", ["units", "required"]),
        (with_data(store="a/b"), "InvalidPayload", ["store", "a/b"]),
        (with_data(product="nul\0l"), "InvalidPayload", ["product", "nul"]),
        (with_data(date="2026-02-30"), "InvalidPayload", ["date", "2026-02-30"]),
        (with_data(date="2999-01-01"), "InvalidPayload", ["date", "2999"]),
        (with_data(open="yes"), "InvalidPayload", ["open", "yes"]),
        (with_data(drivers={"promo": "on"}), "InvalidPayload", ["drivers.promo", "on"]),
        (with_data(drivers={"promo": None}), "InvalidPayload", ["drivers.promo", "null"]),
        ((b"{", raw()[1]), "InvalidPayload", ["JSON"]),
        ((b"", raw()[1]), "InvalidPayload", ["JSON"]),
        ((b"[]", raw()[1]), "InvalidPayload", ["data", "[]"]),
        ((b'{"units": NaN}', raw()[1]), "InvalidPayload", ["units", "nan"]),
        ((None, raw()[1]), "Unreadable", ["value"]),
        ((raw()[0], []), "Unreadable", ["ce_id"]),
        (with_header(raw(), "ce_id", None), "Unreadable", ["ce_id", "missing"]),
        (with_header(raw(), "ce_id", b""), "Unreadable", ["ce_id", "missing"]),
        (with_header(raw(), "ce_id", b"x" * 129), "Unreadable", ["ce_id", "129"]),
        (with_header(raw(), "ce_source", None), "Unreadable", ["ce_source", "missing"]),
        (with_header(raw(), "ce_time", b"yesterday"), "Unreadable", ["ce_time", "yesterday"]),
        (
            with_header(raw(), "ce_time", b"2026-02-30T00:00:00Z"),
            "Unreadable",
            ["ce_time", "02-30"],
        ),
        (with_header(raw(), "ce_time", b"2026-02-01T00:00:00"), "Unreadable", ["ce_time", "zone"]),
        (
            with_header(raw(), "ce_time", b"0001-01-01T00:00:00+01:00"),
            "Unreadable",
            ["ce_time", "0001-01-01"],
        ),
        (with_header(raw(), "ce_type", b"sold"), "UnknownType", ["ce_type", "sold"]),
        (
            with_header(raw(), "ce_type", RetrainRequested.TYPE.encode()),
            "InvalidPayload",
            ["requested_by"],
        ),
        (with_header(raw(), "note", b"\xff"), "Unreadable", ["note", "UTF-8"]),
        (structured(data={}), "InvalidPayload", ["store"]),
        ((b"no json", structured()[1]), "Unreadable", ["value", "JSON"]),
    ],
)
def test_a_record_that_breaks_the_contract_is_rejected_and_its_neighbours_are_not(
    record: Raw, error: str, said: list[str]
) -> None:
    result = judged(raw("before"), record, raw("after"))
    assert sorted(result.rows["event_id"].to_pylist()) == ["after", "before"]
    assert sorted(result.origins.tolist()) == [0, 2]
    (rejected,) = result.rejected
    assert (rejected.row, rejected.error) == (1, error)
    for part in said:
        assert part in rejected.message


def test_another_known_event_on_the_topic_of_sales_is_refused() -> None:
    request = first_event(RetrainRequested(requested_by="cli"), "cli", time=TIME)
    _, value, headers = encode(request)
    (rejected,) = judged((value, headers)).rejected
    assert rejected.error == "Refusal"
    assert RetrainRequested.TYPE in rejected.message


def test_of_an_attribute_given_twice_the_last_counts_as_for_decode() -> None:
    value, headers = raw("first")
    result = judged((value, [*headers, ("CE_ID", b"second")]))
    assert result.rows["event_id"].to_pylist() == ["second"]


def test_ordinary_records_never_need_the_slow_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contract, "decode", None)
    records = [raw(f"e{n}", TIME + dt.timedelta(seconds=n)) for n in range(3)]
    zoned = with_header(raw(), "ce_time", b"2026-03-01T13:00:00.25+01:00")
    result = judged(*records, zoned, with_header(raw(), "ce_causationid", b"cause"))
    assert result.rows.num_rows == 5
    assert result.rows["recorded_at"].to_pylist()[3] == TIME


times = st.one_of(
    st.timedeltas(dt.timedelta(minutes=9), dt.timedelta(minutes=11)).map(
        lambda ahead: (TIME + ahead).isoformat()
    ),
    st.sampled_from(["2026-03-01t12:00:00z", "2026-03-01 12:00:00Z", "2026-03-01T11:59:60Z"]),
    st.datetimes(timezones=st.timezones()).map(dt.datetime.isoformat),
    st.from_regex(
        r"[0-9]{4}-[01][0-9]-[0-3][0-9][T ][0-2][0-9]:[0-6][0-9]:[0-6][0-9]"
        r"(\.[0-9]{0,7})?(Z|[+-][0-2][0-9]:?[0-9]{2})?",
        fullmatch=True,
    ),
    st.text(max_size=8),
)
texts = st.text(max_size=5).map(str.encode)
headers = st.fixed_dictionaries(
    {},
    optional={
        "ce_id": st.one_of(texts, st.binary(max_size=4), st.just("é".encode() * 128)),
        "ce_type": st.sampled_from([SaleRecorded.TYPE.encode(), b"other", b""]),
        "ce_source": texts,
        "ce_time": times.map(str.encode),
        "content-type": st.sampled_from(
            [b"application/json", b"application/cloudevents+json; charset=utf-8"]
        ),
        "note": st.binary(max_size=3),
    },
)
values = st.one_of(
    st.none(),
    st.binary(max_size=5),
    st.fixed_dictionaries(
        {"store": st.text(max_size=3), "product": st.text(max_size=3)},
        optional={
            "date": st.one_of(st.dates().map(str), st.text(max_size=4)),
            "units": st.one_of(st.floats(), st.integers(), st.text(max_size=2)),
            "open": st.one_of(st.booleans(), st.none()),
            "drivers": st.dictionaries(st.text(max_size=3), st.floats()),
        },
    ).map(lambda fields: json.dumps(fields).encode()),
)


@given(st.lists(st.tuples(st.sampled_from(["value", "both", "none"]), values, headers), max_size=4))
@settings(deadline=None, max_examples=300)
def test_a_batch_is_judged_as_decode_judges_each_record(
    drawn: list[tuple[str, bytes | None, dict[str, bytes]]],
) -> None:
    records: list[Raw] = []
    for kept, value, changed in drawn:
        good_value, good_headers = raw()
        merged = {} if kept == "none" else dict(good_headers)
        records.append((good_value if kept == "value" else value, list((merged | changed).items())))
    result = judged(*records)
    rows = dict(zip(result.origins.tolist(), result.rows.to_pylist(), strict=True))
    errors = {rejected.row: rejected for rejected in result.rejected}
    assert sorted([*rows, *errors]) == list(range(len(records)))
    for number, (value, given_headers) in enumerate(records):
        event = decoded(value, given_headers)
        assert (event is None) == (number in errors)
        if event is not None:
            row = rows[number]
            assert (row["event_id"], row["recorded_at"]) == (event.id, event.time)
            assert {name: row[name] for name in ("store", "product", "date", "units", "open")} == (
                event.data.model_dump(exclude={"drivers", "import_id"})
            )


def decoded(value: bytes | None, given: list[tuple[str, bytes]]) -> Event[Payload] | None:
    """What the contract says; no event if its time is ahead or beyond what UTC can tell."""
    try:
        event = decode(value, given)
        refuse_ahead(event.time, int(TIME.timestamp() * 1000), TIME + dt.timedelta(days=1))
        event.time.astimezone(dt.UTC)
    except (EventError, OverflowError):
        return None
    return event


def test_plain_attributes_keep_the_records_apart() -> None:
    one, two = raw("one"), with_header(raw("two"), "ce_source", None)
    plain = plain_attributes(batch(one, two, raw("three")).column("headers"), SaleRecorded.TYPE)
    assert plain.rows.tolist() == [0, 2]
    assert plain.ids.to_pylist() == ["one", "three"]


@given(st.lists(st.tuples(texts, times), min_size=1, max_size=4), st.permutations(raw()[1]))
@settings(deadline=None, max_examples=200)
def test_headers_that_are_all_alike_are_read_as_those_of_each_record(
    drawn: list[tuple[bytes, str]], order: list[tuple[str, bytes]]
) -> None:
    records = []
    for event_id, time in drawn:
        changed = {"ce_id": event_id, "ce_time": time.encode()}
        records.append((b"", [(name, changed.get(name, value)) for name, value in order]))
    alike = plain_attributes(batch(*records).column("headers"), SaleRecorded.TYPE)
    odd = (b"", [("ce_id", b"odd")])
    each = plain_attributes(batch(*records, odd).column("headers"), SaleRecorded.TYPE)
    assert alike.rows.tolist() == each.rows.tolist()
    assert (alike.ids, alike.times) == (each.ids, each.times)


def test_a_sale_recorded_after_the_log_took_it_is_rejected_with_both_times() -> None:
    bound = TIME + MAX_AHEAD
    just, ahead = raw("just", bound), raw("ahead", bound + dt.timedelta(microseconds=1))
    shaped = with_header(ahead, "ce_time", ahead[1][4][1].replace(b"T", b"t"))
    result = judged(raw("now"), just, ahead, shaped)
    assert result.rows["event_id"].to_pylist() == ["now", "just"]
    assert [(one.row, one.error) for one in result.rejected] == [
        (2, "ClockAhead"),
        (3, "ClockAhead"),
    ]
    for one in result.rejected:
        assert TIME.isoformat() in one.message
        assert "check the clock of the sender" in one.message


def test_a_log_with_the_senders_own_time_is_held_against_the_clock_of_the_reader() -> None:
    far = TIME + dt.timedelta(days=365)
    for taken in (far, None):
        result = decode_batch(batch(raw("x", far), raw("y"), taken=taken), SALES, lambda: TIME)
        assert result.rows["event_id"].to_pylist() == ["y"]
        assert [one.error for one in result.rejected] == ["ClockAhead"]
