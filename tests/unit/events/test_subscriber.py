"""The table in the subscriber's docstring, row by row, and what a crash leaves behind."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from events.cloudevents import decode
from events.dead_letters import dead_letter, waiting
from events.envelope import Event
from events.errors import InvalidPayload, Refusal, TooLarge, UnknownType, Unreadable
from events.log import Record
from events.memory import MemoryConsumer, MemoryLog, MemoryProducer
from events.payloads import ModelTrained, Payload, SaleRecorded, TrainingFailed
from events.publisher import to_record
from events.subscriber import ATTEMPTS, Handler, Subscriber
from events.topics import DEAD_LETTERS
from tests.unit.events.examples import FAILED, SALE, TIME, TRAINED, example

SALES, RESULTS = SaleRecorded.TOPIC, TrainingFailed.TOPIC
GROUP = "group"


class Outage(Exception):
    """Passes by itself."""


def subscriber(log: MemoryLog, handler: Handler, topic: str = SALES, **options) -> Subscriber:
    return Subscriber(
        options.pop("consumer", None) or log.consumer(GROUP, [topic]),
        options.pop("producer", None) or log.producer(),
        handler,
        group=GROUP,
        is_outage=lambda error: isinstance(error, Outage),
        first_wait=0.0001,
        **options,
    )


def sold(units: float) -> Record:
    """A sale; all of them have one key, so one partition and one order."""
    event = replace(
        example(SALE), id=f"sale-{units:g}", data=SALE.model_copy(update={"units": units})
    )
    return to_record(event)


def effects(events: Sequence[Event[Payload]]) -> list[Event[Payload]]:
    return [
        event.effect(
            FAILED.model_copy(update={"reason": f"{event.data.units:g}"}), "test", lambda: TIME
        )
        for event in events
    ]


class Recording:
    """Answers each sale with an event and remembers the batches; `harm` may raise instead."""

    def __init__(self, harm=lambda events: None) -> None:
        self.batches: list[list[float]] = []
        self._harm = harm

    async def __call__(self, events: Sequence[Event[Payload]]) -> list[Event[Payload]]:
        self.batches.append([event.data.units for event in events])
        self._harm(events)
        return effects(events)

    @property
    def seen(self) -> list[float]:
        return [units for batch in self.batches for units in batch]


def raising(error: Exception, *units: float):
    def harm(events: Sequence[Event[Payload]]) -> None:
        if any(event.data.units in units for event in events):
            raise error

    return harm


async def filled(*units: float) -> MemoryLog:
    log = MemoryLog()
    await log.producer().send([sold(each) for each in units])
    return log


def answered(log: MemoryLog) -> list[int]:
    return [int(decode(r.value, r.headers).data.reason) for r in log.records(RESULTS)]


def letters(log: MemoryLog):
    return waiting(log.records(DEAD_LETTERS))


def committed(log: MemoryLog, topic: str = SALES) -> int:
    return sum(at for (_, (name, _)), at in log.committed.items() if name == topic)


async def test_a_batch_is_handled_answered_and_committed():
    log = await filled(1, 2, 3)
    handler = Recording()
    one = subscriber(log, handler)
    await one.drain()
    assert handler.batches == [[1, 2, 3]]
    assert answered(log) == [1, 2, 3]
    assert committed(log) == 3
    assert (one.health.handled, one.health.dead_lettered) == (3, 0)


async def test_a_batch_has_at_most_the_size_asked_for():
    log = await filled(*range(1, 8))
    handler = Recording()
    await subscriber(log, handler, max_batch=3).drain()
    assert handler.batches == [[1, 2, 3], [4, 5, 6], [7]]


async def test_nothing_comes_twice_to_a_group_that_committed():
    log = await filled(1, 2)
    await subscriber(log, Recording()).drain()
    again = Recording()
    await subscriber(log, again).drain()
    assert again.batches == []


BAD = [
    (Unreadable, {"value": None}),
    (Unreadable, {"headers": []}),
    (Unreadable, {"headers": [("ce_id", b"\xff")]}),
    (Unreadable, {"value": b"{", "headers": [("content-type", b"application/cloudevents+json")]}),
    (InvalidPayload, {"value": b"\xff"}),
    (InvalidPayload, {"value": b'{"units": "12"}'}),
]


@pytest.mark.parametrize(("error", "changes"), BAD)
async def test_a_bad_record_amid_a_batch_is_a_dead_letter_at_once_and_harms_nobody(error, changes):
    log = await filled(1)
    await log.producer().send([replace(sold(2), **changes), sold(3)])
    handler = Recording()
    await subscriber(log, handler).drain()
    assert handler.batches == [[1, 3]]
    assert answered(log) == [1, 3]
    [letter] = letters(log)
    assert (letter.error, letter.attempts, letter.offset) == (error.__name__, 1, 1)
    assert letter.value == replace(sold(2), **changes).value
    assert committed(log) == 3


async def test_an_unknown_type_is_a_dead_letter_at_once():
    log = MemoryLog()
    headers = dict(sold(1).headers) | {"ce_type": b"shelfcast.sale.recorded.v9"}
    await log.producer().send([replace(sold(1), headers=list(headers.items()))])
    await subscriber(log, Recording()).drain()
    assert [letter.error for letter in letters(log)] == [UnknownType.__name__]


async def test_a_batch_of_nothing_but_bad_records_calls_no_function():
    log = MemoryLog()
    await log.producer().send([Record(SALES, b"k", b"junk")] * 3)
    handler = Recording()
    await subscriber(log, handler).drain()
    assert handler.batches == []
    assert len(letters(log)) == 3
    assert committed(log) == 3


async def test_a_refusal_is_a_dead_letter_at_the_first_attempt_and_the_rest_is_handled():
    log = await filled(*range(1, 9))
    handler = Recording(raising(Refusal("store", "unknown"), 3))
    one = subscriber(log, handler)
    await one.drain()
    assert answered(log) == [1, 2, 4, 5, 6, 7, 8]
    [letter] = letters(log)
    assert (letter.error, letter.message, letter.attempts) == ("Refusal", "store: unknown", 1)
    assert handler.batches.count([3]) == 1
    assert (one.health.handled, one.health.dead_lettered) == (8, 1)


async def test_several_bad_events_of_a_batch_are_each_found():
    log = await filled(*range(1, 17))
    await subscriber(log, Recording(raising(Refusal("", "no"), 1, 8, 9, 16))).drain()
    assert [letter.offset for letter in letters(log)] == [0, 7, 8, 15]
    assert answered(log) == [2, 3, 4, 5, 6, 7, 10, 11, 12, 13, 14, 15]


async def test_an_unexpected_error_is_a_dead_letter_after_three_attempts():
    log = await filled(1, 2, 3)
    handler = Recording(raising(ZeroDivisionError("a bug"), 2))
    await subscriber(log, handler).drain()
    assert handler.batches.count([2]) == ATTEMPTS == 3
    [letter] = letters(log)
    assert (letter.error, letter.message, letter.attempts) == ("ZeroDivisionError", "a bug", 3)
    assert answered(log) == [1, 3]


async def test_an_unexpected_error_that_passes_leaves_no_dead_letter():
    log = await filled(2)
    errors = [ZeroDivisionError("a"), ZeroDivisionError("b")]

    def harm(events):
        if errors:
            raise errors.pop()

    await subscriber(log, Recording(harm)).drain()
    assert answered(log) == [2]
    assert letters(log) == []


async def test_an_output_that_is_too_large_is_a_dead_letter_of_its_cause_alone():
    log = await filled(1, 2, 3)

    async def handler(events):
        size = [2_000_000 if event.data.units == 2 else 1 for event in events]
        return [
            event.effect(TRAINED.model_copy(update={"parameters": {"x": "x" * n}}), "test")
            for event, n in zip(events, size, strict=True)
        ]

    await subscriber(log, handler).drain()
    [letter] = letters(log)
    assert (letter.error, letter.offset, letter.attempts) == (TooLarge.__name__, 1, 1)
    assert len(log.records(ModelTrained.TOPIC)) == 2


async def test_an_outage_of_the_function_is_retried_until_it_is_over():
    log = await filled(1, 2, 3)
    left = 5
    states = []

    def harm(events):
        nonlocal left
        states.append(one.health.state)
        if left:
            left -= 1
            raise Outage("database away")

    handler = Recording(harm)
    one = subscriber(log, handler)
    running = asyncio.create_task(one.run())
    await until(lambda: committed(log) == 3)
    assert states == ["working", *["degraded"] * 5]
    assert handler.batches == [[1, 2, 3]] * 6, "no halving: no event is at fault"
    assert answered(log) == [1, 2, 3]
    assert letters(log) == []
    await until(lambda: one.health.state == "idle")
    assert one.health.trouble is None
    one.stop()
    await stopped(running, log)


async def until(condition: Callable[[], bool]) -> None:
    while not condition():  # noqa: ASYNC110  # a log and a health have no event to wait for
        await asyncio.sleep(0)


async def stopped(running: asyncio.Task[None], log: MemoryLog) -> None:
    """The end of a subscriber that was told to stop; a record wakes it from its poll."""
    log._arrived.set()
    async with asyncio.timeout(10):
        await running


class Broken:
    """Fails each call a number of times; `after` says that the effect took place anyway."""

    def __init__(self, times: int, *, after: bool = False) -> None:
        self.left, self.after = times, after

    def fails(self) -> bool:
        self.left -= 1
        return self.left >= 0


class BrokenProducer(MemoryProducer):
    def __init__(self, log: MemoryLog, broken: Broken) -> None:
        super().__init__(log)
        self._broken = broken

    async def send(self, records: Sequence[Record]) -> None:
        fails = self._broken.fails()
        if not fails or self._broken.after:
            await super().send(records)
        if fails:
            raise Outage("broker away")


class BrokenConsumer(MemoryConsumer):
    def __init__(self, log: MemoryLog, **broken: Broken) -> None:
        super().__init__(log, GROUP, [SALES])
        self._broken = broken

    def _check(self, call: str) -> None:
        if call in self._broken and self._broken[call].fails():
            raise Outage(f"broker away at {call}")

    async def start(self) -> None:
        self._check("start")
        await super().start()

    async def poll(self, seconds: float, most: int):
        self._check("poll")
        return await super().poll(0, most)

    async def commit(self, done) -> None:
        self._check("commit")
        await super().commit(done)


async def run_until_committed(one: Subscriber, log: MemoryLog, count: int) -> None:
    running = asyncio.create_task(one.run())
    await until(lambda: committed(log) == count)
    one.stop()
    await stopped(running, log)


async def test_an_outage_of_the_broker_before_the_outputs_loses_and_doubles_nothing():
    log = await filled(1, 2)
    one = subscriber(log, Recording(), producer=BrokenProducer(log, Broken(4)))
    await run_until_committed(one, log, 2)
    assert answered(log) == [1, 2]


@pytest.mark.parametrize("call", ["start", "poll", "commit"])
async def test_an_outage_at_any_call_of_the_consumer_is_retried(call):
    log = await filled(1, 2)
    consumer = BrokenConsumer(log, **{call: Broken(3)})
    await run_until_committed(subscriber(log, Recording(), consumer=consumer), log, 2)
    ids = {decode(r.value, r.headers).id for r in log.records(RESULTS)}
    assert len(ids) == 2, "sent again they have the same ids"


async def test_an_acknowledgement_that_got_lost_sends_the_same_ids_again():
    log = await filled(1, 2)
    one = subscriber(log, Recording(), producer=BrokenProducer(log, Broken(1, after=True)))
    await run_until_committed(one, log, 2)
    sent = [decode(r.value, r.headers) for r in log.records(RESULTS)]
    assert len(sent) == 4
    assert sent[:2] == sent[2:]


async def test_a_dead_letter_written_twice_in_an_outage_is_one_letter():
    log = await filled(1)
    handler = Recording(raising(Refusal("", "no"), 1))
    one = subscriber(log, handler, producer=BrokenProducer(log, Broken(1, after=True)))
    await run_until_committed(one, log, 1)
    assert len(log.records(DEAD_LETTERS)) == 2
    assert len(letters(log)) == 1


async def test_offsets_are_committed_only_after_the_outputs_are_acknowledged():
    log = await filled(1)
    at_send = []

    class Watching(MemoryProducer):
        async def send(self, records: Sequence[Record]) -> None:
            at_send.append((len(records), committed(log)))
            await super().send(records)
            at_send.append((len(records), committed(log)))

    await subscriber(log, Recording(), producer=Watching(log)).drain()
    assert at_send == [(1, 0), (1, 0)]
    assert committed(log) == 1


async def test_cancelled_between_effect_and_commit_the_batch_comes_again_with_the_same_ids():
    log = await filled(1, 2)
    sent = asyncio.Event()

    class Hanging(MemoryProducer):
        async def send(self, records: Sequence[Record]) -> None:
            await super().send(records)
            sent.set()
            await asyncio.Event().wait()

    one = subscriber(log, Recording(), producer=Hanging(log))
    running = asyncio.create_task(one.run())
    await sent.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert one.health.state == "stopped"
    assert committed(log) == 0
    first = [decode(r.value, r.headers) for r in log.records(RESULTS)]
    await subscriber(log, Recording()).drain()
    both = [decode(r.value, r.headers) for r in log.records(RESULTS)]
    assert both == first * 2
    assert committed(log) == 2


async def test_a_stop_finishes_the_batch_in_hand():
    log = await filled(1)
    entered, leave = asyncio.Event(), asyncio.Event()

    async def handler(events):
        entered.set()
        await leave.wait()
        return effects(events)

    one = subscriber(log, handler)
    running = asyncio.create_task(one.run())
    await entered.wait()
    one.stop()
    await asyncio.sleep(0)
    assert not running.done()
    leave.set()
    await running
    assert answered(log) == [1]
    assert committed(log) == 1
    assert one.health.state == "stopped"


@pytest.mark.parametrize("where", ["function", "start", "poll"])
async def test_a_stop_during_an_outage_ends_at_once_and_commits_nothing(where, monkeypatch):
    monkeypatch.setattr("events.subscriber.MAX_WAIT", 3600.0)
    log = await filled(1)
    broken = Broken(10**9)
    handler = Recording(raising(Outage("away"), 1) if where == "function" else lambda _: None)
    one = Subscriber(
        BrokenConsumer(log, **{where: broken}),
        log.producer(),
        handler,
        group=GROUP,
        is_outage=lambda error: isinstance(error, Outage),
        first_wait=3600,  # it would try again in an hour
    )
    running = asyncio.create_task(one.run())
    await until(lambda: one.health.state == "degraded")
    assert isinstance(one.health.trouble, Outage)
    one.stop()
    async with asyncio.timeout(60):
        await running
    assert one.health.state == "stopped"
    assert committed(log) == 0
    next_one = Recording()
    await subscriber(log, next_one).drain()
    assert next_one.seen == [1]


async def test_a_stop_while_the_function_runs_into_an_outage_ends_without_another_try():
    log = await filled(1)

    async def handler(events):
        one.stop()
        raise Outage("away")

    one = subscriber(log, handler)
    await one.run()
    assert committed(log) == 0
    assert one.health.state == "stopped"


async def test_an_error_outside_the_function_ends_the_subscriber_for_its_host_to_see():
    log = await filled(1)

    class Mad(MemoryProducer):
        async def send(self, records: Sequence[Record]) -> None:
            raise ZeroDivisionError

    one = subscriber(log, Recording(), producer=Mad(log))
    with pytest.raises(ZeroDivisionError):
        await one.run()
    assert one.health.state == "stopped"
    assert committed(log) == 0


async def letter_log() -> MemoryLog:
    """Two dead letters and a tombstone, to be read as events."""
    log = await filled(1, 2)
    await subscriber(log, Recording(raising(Refusal("", "no"), 1, 2))).drain()
    await log.producer().send([letters(log)[0].tombstone()])
    return log


async def test_dead_letters_are_read_as_facts_and_tombstones_are_passed_over():
    log = await letter_log()
    facts = []

    async def handler(events):
        facts.extend(event.data for event in events)
        return []

    await subscriber(log, handler, DEAD_LETTERS).drain()
    assert [(fact.topic, fact.error) for fact in facts] == [(SALES, "Refusal")] * 2
    assert committed(log, DEAD_LETTERS) == 3


@pytest.mark.parametrize("error", [Refusal("", "no"), ZeroDivisionError("a bug")])
async def test_a_dead_letter_that_cannot_be_handled_gives_no_dead_letter(error):
    log = await letter_log()
    before = len(log.records(DEAD_LETTERS))

    async def handler(events):
        raise error

    one = subscriber(log, handler, DEAD_LETTERS)
    await one.drain()
    assert len(log.records(DEAD_LETTERS)) == before
    assert committed(log, DEAD_LETTERS) == before
    assert one.health.dead_lettered == 0


async def test_junk_among_the_dead_letters_is_passed_over():
    log = await letter_log()
    good = dead_letter(log.records(SALES)[0], GROUP, ValueError("x"), 1)
    without_values = [(name, None) for name, _ in good.headers]
    junk = [
        Record(DEAD_LETTERS, b"k", b"junk"),
        Record(DEAD_LETTERS, b"k", b"", without_values),
        Record(DEAD_LETTERS, b"\xff", good.value, good.headers),
    ]
    await log.producer().send(junk)
    facts = []

    async def handler(events):
        facts.extend(event.data for event in events)
        return []

    await subscriber(log, handler, DEAD_LETTERS).drain()
    assert [fact.topic for fact in facts] == [SALES] * 2
    assert len(log.records(DEAD_LETTERS)) == committed(log, DEAD_LETTERS) == 6
