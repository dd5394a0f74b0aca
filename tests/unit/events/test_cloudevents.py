import contextlib
import datetime as dt
import json
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from events.clock import utc_today
from events.cloudevents import decode, encode, parse_time
from events.envelope import first_event, trace_of
from events.errors import EventError, InvalidPayload, UnknownType, Unreadable
from events.payloads import (
    EARLIEST_DAY,
    LATEST_DAY,
    MAX_DRIVERS,
    MAX_UNITS,
    CalendarPlanned,
    ForecastDay,
    ForecastPublished,
    RetrainRequested,
    SaleRecorded,
)
from tests.names import names
from tests.unit.events.examples import DATA, SALE, TIME, example

Headers = list[tuple[str, bytes]]
EVENT = example(SALE)
TRACEPARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def sale(**changes: object) -> bytes:
    """The value of a sale with some fields changed; a field set to ... is left out."""
    fields = json.loads(encode(EVENT)[1]) | changes
    return json.dumps({k: v for k, v in fields.items() if v is not ...}).encode()


def headers(**changes: bytes | str | None) -> Headers:
    """Those of a sale with some changed; one set to None is left out."""
    texts: dict[str, bytes | str | None] = {**dict(encode(EVENT)[2]), **changes}
    return [
        (name, text.encode() if isinstance(text, str) else text)
        for name, text in texts.items()
        if text is not None
    ]


def structured(**changes: object) -> bytes:
    document = {
        "specversion": "1.0",
        "id": EVENT.id,
        "type": SALE.TYPE,
        "source": EVENT.source,
        "time": TIME.isoformat(),
        "data": json.loads(encode(EVENT)[1]),
    } | changes
    return json.dumps({k: v for k, v in document.items() if v is not ...}).encode()


STRUCTURED: Headers = [("content-type", b"application/cloudevents+json; charset=UTF-8")]


@pytest.mark.parametrize("data", DATA, ids=lambda data: data.TYPE)
def test_what_is_encoded_is_decoded(data):
    _, value, encoded = encode(example(data))
    assert decode(value, encoded) == example(data)


def test_header_names_are_read_in_any_case():
    shouted = [(name.upper(), text) for name, text in headers()]
    assert decode(sale(), shouted) == EVENT


def test_a_structured_event_is_read_as_its_binary_twin():
    event = decode(structured(), STRUCTURED)
    assert event.data == SALE
    assert (event.id, event.source, event.time) == (EVENT.id, EVENT.source, EVENT.time)
    assert event.traceparent == trace_of(EVENT.id)


def test_a_structured_event_keeps_its_cause_its_run_and_its_trace():
    value = structured(causationid="c", correlationid="r", traceparent=TRACEPARENT)
    event = decode(value, STRUCTURED)
    assert (event.causation_id, event.correlation_id) == ("c", "r")
    assert event.traceparent == TRACEPARENT


def test_the_traceparent_header_goes_before_the_attribute():
    value = structured(traceparent=trace_of("else"))
    event = decode(value, [*STRUCTURED, ("traceparent", TRACEPARENT.encode())])
    assert event.traceparent == TRACEPARENT


def complaint(error: type[EventError], value: bytes | None, given_headers: Headers) -> str:
    with pytest.raises(error) as raised:
        decode(value, given_headers)
    assert type(raised.value) is error
    return str(raised.value)


def test_a_tombstone_is_no_event():
    assert complaint(Unreadable, None, headers()).startswith("value:")


@pytest.mark.parametrize("name", ["id", "source", "type", "time"])
@pytest.mark.parametrize("text", [None, ""])
def test_a_missing_attribute_is_named(name, text):
    assert f"ce_{name}" in complaint(Unreadable, sale(), headers(**{f"ce_{name}": text}))
    value = structured(**{name: ... if text is None else text})
    assert f"ce_{name}" in complaint(Unreadable, value, STRUCTURED)


def test_an_attribute_of_a_wrong_type_in_a_structured_event_is_named():
    assert "ce_id" in complaint(Unreadable, structured(id=12), STRUCTURED)


def test_a_record_without_headers_is_no_event():
    assert "ce_id" in complaint(Unreadable, sale(), [])


@pytest.mark.parametrize("name", ["ce_id", "ce_subject", "traceparent", "other"])
def test_a_header_that_is_no_utf8_is_named(name):
    assert name in complaint(Unreadable, sale(), headers(**{name: b"\xff\xfe"}))


def test_a_huge_id_is_refused_with_its_length():
    message = complaint(Unreadable, sale(), headers(ce_id="x" * 129))
    assert message == "ce_id: 129 characters; at most 128"
    assert decode(sale(), headers(ce_id="x" * 128)).id == "x" * 128


def test_an_unknown_type_is_named_with_the_known_ones():
    message = complaint(UnknownType, sale(), headers(ce_type="shelfcast.sale.recorded.v2"))
    assert "'shelfcast.sale.recorded.v2'" in message
    assert SALE.TYPE in message


@pytest.mark.parametrize(
    "time", ["2015-08-01T12:30:15", "2015-08-01", "noon", "1438432215", "2015-13-01T00:00:00Z"]
)
def test_a_time_without_zone_or_sense_is_quoted(time):
    message = complaint(Unreadable, sale(), headers(ce_time=time))
    assert message.startswith("ce_time")
    assert time in message


def test_times_are_read_with_any_zone():
    noon = dt.datetime(2015, 8, 1, 12, tzinfo=dt.UTC)
    assert parse_time("2015-08-01T12:00:00Z") == noon
    assert parse_time("2015-08-01T14:00:00.000+02:00") == noon


@pytest.mark.parametrize(
    "value",
    [b"", b"{", b"\xff\xfe", b"not json", b'{"store": "\xff"}', b'{"store": "\\ud800"}'],
)
def test_a_value_that_is_no_json_is_invalid_in_binary_mode_and_unreadable_in_structured(value):
    assert "data: Invalid JSON" in complaint(InvalidPayload, value, headers())
    assert "value: no JSON" in complaint(Unreadable, value, STRUCTURED)


@pytest.mark.parametrize("value", [b"null", b"[]", b'"text"', b"12"])
def test_a_value_that_is_no_object_is_refused(value):
    assert complaint(InvalidPayload, value, headers()).startswith("data:")
    assert "object with `data`" in complaint(Unreadable, value, STRUCTURED)


def test_a_structured_event_without_data_is_refused():
    assert "data" in complaint(Unreadable, structured(data=...), STRUCTURED)


def test_bottomless_nesting_is_refused_in_both_modes():
    deep = b"[" * 100_000 + b"]" * 100_000
    complaint(InvalidPayload, deep, headers())
    complaint(Unreadable, b'{"data": ' + deep + b"}", STRUCTURED)


def test_a_lone_surrogate_is_refused_wherever_it_stands():
    complaint(Unreadable, structured(id="\ud800"), STRUCTURED)
    complaint(Unreadable, structured(data={"store": "\ud800"}), STRUCTURED)


def test_a_number_of_ten_thousand_digits_is_refused_in_both_modes():
    number = b"9" * 10_000
    value = sale(units="?").replace(b'"?"', number)
    assert "units" in complaint(InvalidPayload, value, headers())
    document = structured(data={"units": "?"}).replace(b'"?"', number)
    complaint(Unreadable, document, STRUCTURED)


TOMORROW = utc_today() + dt.timedelta(days=1)
BAD_FIELDS: list[tuple[str, object, str]] = [
    ("store", 12, "12"),
    ("store", None, "null"),
    ("store", "", "''"),
    ("store", "a/b", "'a/b'"),
    ("store", "a\nb", r"'a\nb'"),
    ("store", "a\x00b", r"'a\x00b'"),
    ("store", "a\x7f", r"'a\x7f'"),
    ("store", " a", "' a'"),
    ("store", "a\n", r"'a\n'"),
    ("product", "x" * 65, "xxx"),
    ("product", "x" * 255, "xxx"),
    ("date", "2015-07-31T00:00:00Z", "'2015-07-31T00:00:00Z'"),
    ("date", "2015-07-31T00:00:00", "'2015-07-31T00:00:00'"),
    ("date", "20150731", "'20150731'"),
    ("date", "1438300800", "'1438300800'"),
    ("date", 1438300800, "1438300800"),
    ("date", "2015-02-29", "'2015-02-29'"),
    ("date", "31.07.2015", "'31.07.2015'"),
    ("date", "2015-W31-5", "'2015-W31-5'"),
    ("date", str(TOMORROW + dt.timedelta(days=1)), "can't be after"),
    ("date", "1899-12-31", str(EARLIEST_DAY)),
    ("units", "12", "'12'"),
    ("units", True, "true"),
    ("units", None, "null"),
    ("units", -0.01, "-0.01"),
    ("units", float("nan"), "nan"),
    ("units", float("inf"), "inf"),
    ("units", float("-inf"), "-inf"),
    ("units", MAX_UNITS * 2, "2000000000.0"),
    ("units", 10**400, "units"),
    ("open", 1, "1"),
    ("open", "true", "'true'"),
    ("drivers", {"promo": "1"}, "'1'"),
    ("drivers", {"promo": float("nan")}, "nan"),
    ("drivers", {"a/b": 1}, "'a/b'"),
    ("drivers", {"x" * 255: 1}, "xxx"),
    ("drivers", {str(n): 1 for n in range(MAX_DRIVERS + 1)}, str(MAX_DRIVERS)),
    ("drivers", [1], "[1]"),
]


@pytest.mark.parametrize(("field", "value", "seen"), BAD_FIELDS)
def test_a_bad_field_is_named_with_its_value(field, value, seen):
    message = complaint(InvalidPayload, sale(**{field: value}), headers())
    assert message.startswith(field)
    assert seen in message
    assert len(message) < 500


@pytest.mark.parametrize("field", ["store", "product", "date", "units"])
def test_a_missing_field_is_named(field):
    assert (
        complaint(InvalidPayload, sale(**{field: ...}), headers())
        == f"{field}: is required, but missing: give it"
    )


def test_every_bad_field_is_named_at_once():
    message = complaint(InvalidPayload, sale(store="", units="12", date="x"), headers())
    assert [part.split(":")[0] for part in message.split("; ")] == ["store", "date", "units"]


def test_a_megabyte_of_nonsense_gives_a_short_message():
    assert len(complaint(InvalidPayload, sale(units="9" * 1_000_000), headers())) < 300
    assert len(complaint(InvalidPayload, b"x" * 1_000_000, headers())) < 300


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("date", str(TOMORROW)),
        ("date", str(EARLIEST_DAY)),
        ("units", 0),
        ("units", MAX_UNITS),
        ("store", "x" * 64),
        ("product", "Brötchen, süß (½ kg) 🥐"),
        ("drivers", {str(n): -1.5 for n in range(MAX_DRIVERS)}),
    ],
)
def test_what_is_just_within_the_contract_is_read(field, value):
    assert str(getattr(decode(sale(**{field: value}), headers()).data, field))


@pytest.mark.parametrize("horizon", [0, -1, 91, 7.0, "7", True])
def test_a_horizon_out_of_range_or_type_is_named(horizon):
    value = json.dumps({"requested_by": "test", "horizon": horizon}).encode()
    message = complaint(InvalidPayload, value, headers(ce_type=RetrainRequested.TYPE))
    assert message.startswith("horizon")


@pytest.mark.parametrize("day", ["20150801", "2015-08-01T00:00:00Z", "0"])
def test_every_day_of_the_contract_is_written_as_a_day(day):
    value = json.dumps({"requested_by": "test", "as_of": day}).encode()
    message = complaint(InvalidPayload, value, headers(ce_type=RetrainRequested.TYPE))
    assert message.startswith("as_of: ")
    assert day in message
    published = {"store": "1", "product": "x", "run_id": "r", "model_id": "m"}
    days = [{"date": day, "yhat": 1.0, "yhat_lower": 0.0, "yhat_upper": 2.0}]
    value = json.dumps(published | {"days": days}).encode()
    message = complaint(InvalidPayload, value, headers(ce_type=ForecastPublished.TYPE))
    assert message.startswith("days.0.date: ")


def planned(**changes: object) -> bytes:
    fields = {"date": "2015-08-03"} | changes
    return json.dumps({name: value for name, value in fields.items() if value is not ...}).encode()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("date", ...),
        ("date", "20150803"),
        ("date", str(EARLIEST_DAY - dt.timedelta(days=1))),
        ("date", str(LATEST_DAY + dt.timedelta(days=1))),
        ("store", ""),
        ("product", "a/b"),
        ("open", 1),
        ("open", "yes"),
        ("drivers", {"promo": "on"}),
        ("drivers", {"promo": None}),
        ("drivers", {str(n): 1 for n in range(MAX_DRIVERS + 1)}),
    ],
)
def test_a_bad_field_of_a_plan_is_named(field, value):
    wrong = headers(ce_type=CalendarPlanned.TYPE)
    assert complaint(InvalidPayload, planned(**{field: value}), wrong).startswith(field)


@pytest.mark.parametrize(
    ("fields", "key"),
    [
        ({}, "*/*"),
        ({"store": "1"}, "1/*"),
        ({"product": "milk"}, "*/milk"),
        ({"store": "1", "product": "milk"}, "1/milk"),
    ],
)
def test_a_plan_is_keyed_by_what_it_is_for(fields, key):
    plan = decode(planned(**fields), headers(ce_type=CalendarPlanned.TYPE)).data
    assert (plan.key, plan.subject) == (key, f"{key}/2015-08-03")
    assert plan.open is None, "a plan may leave open what it does not know"


@pytest.mark.parametrize("day", [EARLIEST_DAY, utc_today(), LATEST_DAY])
def test_a_plan_may_be_of_any_day_past_or_to_come(day):
    assert decode(planned(date=str(day)), headers(ce_type=CalendarPlanned.TYPE)).data.date == day


def test_a_forecast_below_zero_is_no_forecast():
    with pytest.raises(ValueError, match="yhat_lower"):
        ForecastDay(date=dt.date(2015, 8, 1), yhat=1.0, yhat_lower=-0.5, yhat_upper=2.0)


@pytest.mark.parametrize(
    "traceparent",
    [
        "",
        "garbage",
        TRACEPARENT.upper(),
        "00-" + "0" * 32 + "-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-" + "0" * 16 + "-01",
        "ff" + TRACEPARENT[2:],
        TRACEPARENT + "\n",
    ],
)
def test_a_malformed_traceparent_is_ignored(traceparent):
    event = decode(sale(), headers(traceparent=traceparent))
    assert event.traceparent == trace_of(EVENT.id)


numbers = st.floats(allow_nan=False, allow_infinity=False)
sales = st.builds(
    SaleRecorded,
    store=names,
    product=names,
    date=st.dates(EARLIEST_DAY, TOMORROW),
    units=st.floats(0, MAX_UNITS),
    open=st.booleans(),
    drivers=st.dictionaries(names, numbers, max_size=5),
)


@settings(deadline=None)
@given(
    data=sales,
    event_id=st.text(st.characters(codec="utf-8"), min_size=1, max_size=128),
    time=st.datetimes(timezones=st.just(dt.UTC)),
    run=st.none() | names,
)
def test_any_sale_survives_the_wire_in_both_modes(data, event_id, time, run):
    event = first_event(data, "x", event_id=event_id, time=time, correlation_id=run)
    key, value, encoded = encode(event)
    assert decode(value, encoded) == event
    assert key.decode().split("/") == [data.store, data.product]
    texts = {name.removeprefix("ce_"): text.decode() for name, text in encoded}
    document = texts | {"data": json.loads(value)}
    assert decode(json.dumps(document).encode(), STRUCTURED) == event


@settings(deadline=None)
@given(
    value=st.none() | st.binary(max_size=200), mode=st.sampled_from([headers, lambda: STRUCTURED])
)
def test_any_bytes_are_an_event_or_an_event_error(value, mode: Callable[[], Headers]):
    with contextlib.suppress(EventError):
        assert decode(value, mode()).id
