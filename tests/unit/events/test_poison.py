"""Records that no handling mends: each is a letter that says what was cut, and harms nobody."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from events.clock_bound import MAX_AHEAD, bound
from events.cloudevents import parse_time
from events.dead_letters import dead_letter, output_letter, read, torn_letter
from events.errors import ClockAhead, RecordRefused, TooLarge
from events.log import Received, Record, Torn
from events.memory import MemoryLog, MemoryProducer
from events.payloads import ModelTrained
from events.printable import one_line, shown_json
from events.topics import DEAD_LETTERS, FRAMING, TOPICS
from tests.unit.events.examples import TRAINED, example
from tests.unit.events.test_subscriber import (
    GROUP,
    Recording,
    answered,
    committed,
    filled,
    letters,
    sold,
    subscriber,
)

MOST = TOPICS[DEAD_LETTERS].max_bytes - FRAMING
MEGABYTE = 1 << 20


def letter_of(record: Received):
    made = dead_letter(record, "g", ValueError("x"), 1)
    size = len(made.key) + len(made.value) + sum(len(n) + len(v) + 12 for n, v in made.headers)
    assert size <= MOST + 500, "the note of what was cut has its place in the framing"
    return read(Received(DEAD_LETTERS, made.key, made.value, made.headers, 0, 0))


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"value": b"v" * 5 * MEGABYTE}, "of 5,242,880 bytes"),
        ({"key": b"k" * 3 * MEGABYTE}, "key: 65,536 of 3,145,728 bytes"),
        ({"headers": [("h", b"h" * 3 * MEGABYTE)]}, "headers: 0 of 1"),
        ({"headers": [(f"h{n}", b"") for n in range(100_000)]}, "of 100,000"),
        ({"headers": [("h" * 3 * MEGABYTE, b"")]}, "headers: 0 of 1"),
    ],
)
def test_a_letter_fits_its_topic_says_what_was_cut_and_is_not_replayed(changes, told):
    record = replace(Received("sales", b"k", b"v", [("ce_id", b"e")], 3, 7), **changes)
    letter = letter_of(record)
    assert told in letter.cut
    assert "sales/3@7" in letter.why_not_replayed()


def test_a_letter_that_is_whole_is_replayed_and_keeps_headers_that_look_like_ours():
    headers = [("dl_null", b"true"), ("dl_cut", b"x"), ("dl_topic", b"elsewhere")]
    letter = letter_of(Received("sales", None, b"v", headers, 3, 7))
    assert (letter.cut, letter.why_not_replayed(), letter.topic) == (None, None, "sales")
    assert (letter.value, list(letter.headers)) == (b"v", headers)


def test_a_letter_whose_topic_does_not_take_it_unpacked_is_not_replayed():
    letter = letter_of(Received("sales", None, b"v" * 1_500_000, [], 3, 7))
    assert letter.cut is None
    assert "1,500,000 bytes unpacked" in letter.why_not_replayed()


class Picky(MemoryProducer):
    """A broker that takes less than the topic table says."""

    def __init__(self, log: MemoryLog, refuses) -> None:
        super().__init__(log)
        self._refuses = refuses

    async def send(self, records: Sequence[Record]) -> None:
        if any(self._refuses(record) for record in records):
            raise RecordRefused("MessageSizeTooLarge")
        await super().send(records)


async def test_a_letter_that_the_log_refuses_is_sent_without_its_original():
    log = await filled(1)
    await log.producer().send([replace(sold(2), value=b"x" * 5 * MEGABYTE), sold(3)])
    picky = Picky(log, lambda record: len(record.value or b"") > 1000)
    await subscriber(log, Recording(), producer=picky).drain()
    assert answered(log) == [1, 3]
    [letter] = letters(log)
    assert (letter.topic, letter.offset, letter.value) == ("sales", 1, b"")
    assert "headers and key: none" in letter.cut
    assert committed(log) == 3


async def test_a_log_that_takes_no_letter_at_all_stops_nobody(caplog):
    log = await filled(1)
    await log.producer().send([replace(sold(2), value=b"junk"), sold(3)])
    picky = Picky(log, lambda record: record.topic == DEAD_LETTERS)
    await subscriber(log, Recording(), producer=picky).drain()
    assert answered(log) == [1, 3]
    assert committed(log) == 3
    assert "on no topic" in caplog.text


async def test_an_output_that_the_log_refuses_is_the_only_one_that_suffers():
    log = await filled(*range(1, 9))
    picky = Picky(log, lambda r: r.topic != DEAD_LETTERS and b'"5"' in (r.value or b""))
    await subscriber(log, Recording(), producer=picky).drain()
    assert answered(log) == [1, 2, 3, 4, 6, 7, 8]
    [letter] = letters(log)
    assert (letter.offset, "value: 0 of" in letter.cut) == (4, True)


async def test_of_the_outputs_of_one_event_only_the_one_too_large_is_a_letter():
    log = await filled(1)

    async def handler(events):
        return [
            event.effect(
                TRAINED.model_copy(update={"product": str(n), "parameters": {"x": "x" * size}}),
                "test",
            )
            for event in events
            for n, size in enumerate([1, 2_000_000, 1])
        ]

    await subscriber(log, handler).drain()
    assert len(log.records(ModelTrained.TOPIC)) == 2
    [letter] = letters(log)
    assert (letter.error, letter.topic) == (TooLarge.__name__, ModelTrained.TOPIC)
    assert letter.key.decode() == f"{TRAINED.store}/1"
    assert f"{TRAINED.store}/1" in letter.message
    assert "its sender must send it again" in letter.why_not_replayed()


async def test_offsets_that_can_not_be_read_are_one_letter_and_are_passed():
    log = await filled(1, 2, 3)
    torn = Torn("sales", None, None, [], 0, 5, last=9, reason="bad checksum")
    one = subscriber(log, Recording())
    await one._deliver([torn])
    [letter] = letters(log)
    assert "offsets 5 to 9 of sales/0 can't be read: bad checksum" in letter.message
    assert letter.why_not_replayed()
    assert log.committed[GROUP, ("sales", 0)] == 10
    assert torn_letter(torn, GROUP).value == b""


@pytest.mark.parametrize("ahead", [timedelta(minutes=11), timedelta(days=365 * 900)])
async def test_an_event_recorded_after_the_log_took_it_is_a_letter_with_both_times(ahead):
    now = datetime.now(UTC)
    log = await filled(1)
    headers = dict(sold(2).headers) | {"ce_time": (now + ahead).isoformat().encode()}
    await log.producer().send([replace(sold(2), headers=list(headers.items()))])
    handler = Recording()
    await subscriber(log, handler).drain()
    assert handler.seen == [1]
    [letter] = letters(log)
    assert letter.error == ClockAhead.__name__
    assert (now + ahead).isoformat() in letter.message
    assert "check the clock of the sender" in letter.message


def test_the_bound_is_the_logs_time_or_the_readers_whichever_is_earlier():
    now = datetime(2026, 11, 20, 12, tzinfo=UTC)
    an_hour_ago = int((now - timedelta(hours=1)).timestamp() * 1000)
    assert bound(an_hour_ago, now) == now - timedelta(hours=1) + MAX_AHEAD
    assert bound(an_hour_ago + 7_200_000, now) == now + MAX_AHEAD, "a log with the sender's time"
    for none in (-1, 0, 1 << 62):
        assert bound(none, now) == now + MAX_AHEAD


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-20T10:00:00Z",
        "2026-11-20t10:00:00z",
        "2026-11-20 10:00:00Z",
        "2026-11-20T10:00:00+0000",
        "2026-11-20T10:00:00.000000999Z",
        "2026-11-20T11:00:00+01:00",
        "2026-11-20T09:59:60Z",
    ],
)
def test_every_form_of_rfc_3339_is_read(text):
    assert parse_time(text) == datetime(2026, 11, 20, 10, tzinfo=UTC)


def test_what_could_steer_a_terminal_is_shown_in_escapes():
    steering = "caf\u00e9 \x1b]52;c;x\x07 \u202e \u200b \x9b \n"
    assert one_line(steering) == r"café \x1b]52;c;x\x07 \u202e \u200b \x9b \n"
    assert shown_json(["\x9b\u202e\U000e0001"]) == r'["\u009b\u202e\udb40\udc01"]'


def test_an_output_letter_of_one_cause_is_one_letter_for_each_output():
    cause, output = Received("s", b"k", b"", [], 1, 2), example(TRAINED)
    keys = {
        output_letter(cause, Record("t", key, b"", []), "g", TooLarge("x")).key
        for key in (b"a", b"b", b"a")
    }
    assert len(keys) == 2
    assert output.data.key
