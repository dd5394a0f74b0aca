import pytest

from events.dead_letters import (
    MAX_MESSAGE,
    REPLAYED_FROM,
    as_event,
    dead_letter,
    dead_letter_record,
    read,
    waiting,
)
from events.errors import InvalidPayload, Unreadable
from events.log import Received, Record
from events.payloads import RetrainRequested, TrainingFailed
from events.publisher import to_record
from events.topics import DEAD_LETTERS, TOPICS
from tests.unit.events.examples import FAILED, REQUEST, RUN, example

HEADERS = [("ce_id", b"e"), ("twice", b"1"), ("twice", b"2"), ("bytes", b"\xff\x00")]


def received(record: Record, offset: int = 0, partition: int = 0) -> Received:
    return Received(
        record.topic, record.key, record.value, record.headers, partition, offset, 1438432215250
    )


def failing(offset: int = 7, **changes: object) -> Received:
    values = {"key": b"42/milk", "value": b"{}", "headers": HEADERS} | changes
    return Received("sales", **values, partition=3, offset=offset)


def letter_of(record: Received, group: str = "g", error: Exception | None = None):
    letter = read(received(dead_letter(record, group, error or InvalidPayload("units: bad"), 2)))
    assert letter is not None
    return letter


def test_a_letter_says_where_what_and_why():
    letter = letter_of(failing())
    assert (letter.topic, letter.partition, letter.offset) == ("sales", 3, 7)
    assert (letter.group, letter.error, letter.message) == ("g", "InvalidPayload", "units: bad")
    assert letter.attempts == 2
    assert letter.time.tzinfo is not None


@pytest.mark.parametrize("value", [b"{}", b"", b"\xff\xfe\x00", b"x" * 100_000, None])
@pytest.mark.parametrize("key", [b"42/milk", b"", b"\xff", None])
def test_the_original_comes_back_byte_for_byte(key, value):
    letter = letter_of(failing(key=key, value=value))
    assert (letter.key, letter.value, list(letter.headers)) == (key, value, HEADERS)
    replay = letter.original()
    assert (replay.topic, replay.key, replay.value) == ("sales", key, value)
    assert replay.headers == [*HEADERS, (REPLAYED_FROM, letter.id.encode())]


def test_a_header_that_is_no_utf8_is_shown_in_escapes():
    letter = letter_of(failing())
    assert letter.header("bytes") == "\\xff\x00"
    assert letter.header("ce_id") == "e"
    assert letter.header("absent") is None


def test_a_message_is_cut_and_need_not_be_utf8():
    letter = letter_of(failing(), error=ValueError("\udcff" + "x" * 5000))
    assert letter.message == "\\udcff" + "x" * (MAX_MESSAGE - 1)


def test_the_same_failure_twice_is_one_letter_and_others_are_not():
    def identity(record: Received, group: str = "g") -> bytes | None:
        return dead_letter(record, group, ValueError("x"), 1).key

    assert identity(failing()) == identity(failing(value=b"other", headers=[]))
    others = {identity(failing(8)), identity(failing(), "h"), identity(failing())}
    assert len(others) == 3


def test_the_largest_event_fits_the_topic_with_its_reason():
    largest = TOPICS["sales"].max_bytes
    letter = dead_letter(failing(value=b"x" * largest), "g", ValueError("ü" * 5000), 1)
    size = len(letter.value or b"") + sum(len(n) + len(v) for n, v in letter.headers)
    assert size < TOPICS[DEAD_LETTERS].max_bytes


def test_a_replay_that_fails_again_is_a_new_letter_without_the_mark_of_the_replay():
    first = letter_of(failing())
    again = letter_of(received(first.original(), offset=99))
    assert again.id != first.id
    assert list(again.headers) == HEADERS


def test_an_error_known_by_name_gives_the_same_letter():
    by_name = dead_letter_record(failing(), "g", "InvalidPayload", "units: bad", 2)
    by_error = dead_letter(failing(), "g", InvalidPayload("units: bad"), 2)
    assert by_name.key == by_error.key
    assert dict(by_name.headers)["dl_error"] == dict(by_error.headers)["dl_error"]


def test_a_tombstone_hides_its_letter_and_only_that():
    records = [dead_letter(failing(offset), "g", ValueError("x"), 1) for offset in (1, 2, 3, 2)]
    letters = waiting(received(record, n) for n, record in enumerate(records))
    assert [letter.offset for letter in letters] == [1, 2, 3]
    records.append(letters[1].tombstone())
    left = waiting(received(record, n) for n, record in enumerate(records))
    assert [letter.offset for letter in left] == [1, 3]


def test_a_letter_that_is_written_again_after_its_replay_waits_again():
    record = dead_letter(failing(), "g", ValueError("x"), 1)
    tombstone = letter_of(failing()).tombstone()
    assert waiting([received(record), received(tombstone, 1), received(record, 2)])


def test_junk_on_the_topic_keeps_no_letter_from_being_listed(caplog):
    letter = dead_letter(failing(), "g", ValueError("x"), 1)
    junk = Record(DEAD_LETTERS, b"\xff", b"junk", [("dl_offset", b"seven")])
    assert len(waiting([received(junk), received(letter, 1)])) == 1
    assert "offset 0 of dead-letters is not a dead letter" in caplog.text


def test_a_tombstone_is_no_letter():
    assert read(received(letter_of(failing()).tombstone())) is None


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [("dl_group", b"g")],
        [("dl_offset", b"seven")],
        [("dl_time", b"noon")],
        [("dl_group", b"\xff")],
        [("dl_partition", None)],
    ],
)
def test_what_is_no_dead_letter_is_unreadable_and_says_where_it_stands(headers):
    good = dead_letter(failing(), "g", ValueError("x"), 1)
    changed = dict(good.headers) | dict(headers) if headers else {}
    if headers == [("dl_group", b"g")]:
        changed = {"dl_group": b"g"}
    record = Received(DEAD_LETTERS, good.key, b"", list(changed.items()), 0, 12)
    with pytest.raises(Unreadable, match=f"offset 12 of {DEAD_LETTERS}"):
        read(record)


def test_the_fact_names_the_run_the_key_and_the_reason():
    original = received(to_record(example(FAILED)), 5)
    letter = letter_of(original)
    event = as_event(letter)
    assert event.id == letter.id
    assert event.time == letter.time
    assert (event.data.topic, event.data.run_id) == (TrainingFailed.TOPIC, RUN)
    assert event.data.original_key == FAILED.key
    assert (event.data.error, event.data.message) == ("InvalidPayload", "units: bad")
    assert event.correlation_id == RUN
    assert event.traceparent.split("-")[1] == example(FAILED).traceparent.split("-")[1]


def test_the_run_of_a_request_is_the_request_itself():
    request = example(REQUEST)
    event = as_event(letter_of(received(to_record(request))))
    assert (event.data.topic, event.data.run_id) == (RetrainRequested.TOPIC, request.id)


def test_the_fact_of_a_record_that_was_no_event_has_no_run():
    event = as_event(letter_of(failing(key=b"\xff/x", headers=[])))
    assert event.data.run_id is None
    assert event.data.original_key == "\ufffd/x"
