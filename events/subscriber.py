"""The one way to subscribe, and the only place that decides what an error means.

For each batch of records: decode, call the function, publish what it returns, and only
then commit the offsets. So a crash anywhere repeats the batch, and functions whose
effects are idempotent lose and double nothing.

| what went wrong | what happens |
| --- | --- |
| no CloudEvent, unknown type, data against the contract | dead letter at once |
| recorded later than the log took it (`ClockAhead`) | dead letter at once |
| offsets that the log can't give (`Torn`) | one dead letter that names them |
| the function refuses (`Refusal`) | dead letter at once |
| an output that its topic does not take (`TooLarge`) | dead letter of that output alone |
| an outage (`is_outage`: database or broker away) | tried again for as long as it lasts |
| anything else | the event alone, `ATTEMPTS` times, then dead letter |

A failing batch is halved until the event at fault stands alone, so it harms no other. No
record ends the subscriber: a dead letter that the log does not take is sent without what the
original had, and if even that is refused, the log of this process has the last word on it. What
is neither a record's fault nor an outage ends the subscriber, with nothing committed, for its host
to see.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

import stamina

from events.clock import utc_now
from events.clock_bound import refuse_ahead
from events.cloudevents import decode, encode
from events.dead_letters import as_event, bare, dead_letter, output_letter, read, torn_letter
from events.envelope import Event
from events.errors import EventError, RecordRefused, TooLarge, Unreadable
from events.log import Consumer, Producer, Received, Record, Torn
from events.observing import UNSEEN, Batch, Observer, about
from events.pace import paced
from events.payloads import Payload
from events.printable import one_line
from events.publisher import to_record
from events.topics import DEAD_LETTERS, on_lane

log = logging.getLogger(__name__)

ATTEMPTS = 3  # a bug that is still there at the third try is there to stay
FIRST_WAIT, MAX_WAIT, JITTER = 0.1, 15.0, 1.0  # seconds between tries in an outage
POLL_SECONDS = 1.0

Handler = Callable[[Sequence[Event[Payload]]], Awaitable[Sequence[Event[Payload]]]]


@dataclass
class Health:
    """How a subscriber fares; `since` is monotonic seconds at its last sign of life."""

    state: str = "starting"  # starting, idle, working, degraded, stopped
    since: float = field(default_factory=time.monotonic)
    trouble: Exception | None = None
    handled: int = 0
    dead_lettered: int = 0

    def turn(self, state: str, trouble: Exception | None = None) -> None:
        """Note a new state."""
        self.state, self.trouble, self.since = state, trouble, time.monotonic()


@dataclass(frozen=True)
class _Item:
    record: Received
    event: Event[Payload]


@dataclass(frozen=True)
class _Output:
    record: Record
    cause: Received
    event: Event[Payload]


class Subscriber:
    """Feeds one function from its topics until told to stop."""

    def __init__(
        self,
        consumer: Consumer,
        producer: Producer,
        handler: Handler,
        *,
        group: str,
        is_outage: Callable[[Exception], bool],
        max_batch: int = 500,
        first_wait: float = FIRST_WAIT,
        clock: Callable[[], datetime] = utc_now,
        observer: Observer = UNSEEN,
    ) -> None:
        self._consumer, self._producer, self._handler = consumer, producer, handler
        self._observer = observer
        self._group, self._is_outage, self._max_batch = group, is_outage, max_batch
        self._first_wait, self._clock = first_wait, clock
        self._stopping = False
        self._running: asyncio.Task[None] | None = None
        self.health = Health()

    def stop(self) -> None:
        """Finish the batch in hand and end `run`; in an outage leave the batch uncommitted."""
        self._stopping = True
        if self._running is not None and self.health.state == "degraded":
            self._running.cancel()

    async def run(self) -> None:
        """Subscribe until stopped; cancelled, it leaves the batch in hand uncommitted."""
        self._running = asyncio.current_task()
        try:
            await self._through_outages(self._consumer.start)
            while not self._stopping:
                self.health.turn("idle")
                await self._through_outages(self._next_batch)
        except asyncio.CancelledError:
            if not self._stopping:
                raise
        finally:
            self.health.turn("stopped", self.health.trouble)
            await self._consumer.close()

    async def drain(self) -> None:
        """Handle what is there now, for hosts and tests that step by hand."""
        await self._consumer.start()
        while records := await self._consumer.poll(0, self._max_batch):
            await self._through_outages(partial(self._deliver, records))

    async def _next_batch(self) -> None:
        records = await self._consumer.poll(POLL_SECONDS, self._max_batch)
        if records:
            self.health.turn("working")
            await self._through_outages(partial(self._deliver, records))

    async def _through_outages(self, step: Callable[[], Awaitable[None]]) -> None:
        retries = stamina.retry_context(
            on=self._is_outage,
            attempts=None,
            timeout=None,
            wait_initial=self._first_wait,
            wait_max=MAX_WAIT,
            wait_jitter=min(JITTER, self._first_wait),
        )
        async for attempt in retries:
            with attempt:
                try:
                    await step()
                except Exception as error:
                    if self._is_outage(error):
                        self.health.turn("degraded", error)
                        self._observer.retried(self._group, "outage")
                        log.warning("%s: outage, trying again: %r", self._group, error)
                        if self._stopping:
                            return  # uncommitted: the next member of the group takes it up
                    raise

    async def _deliver(self, records: Sequence[Received]) -> None:
        """Effects, then outputs, then offsets."""
        began = time.time_ns()
        letters: list[Record] = []
        items: list[_Item] = []
        for record in records:
            if isinstance(record, Torn):
                log.error("%s: dead letter: %s", self._group, one_line(str(record)))
                letters.append(torn_letter(record, self._group))
                continue
            try:
                if (event := _event(record, self._clock)) is not None:
                    items.append(_Item(record, event))
            except Exception as error:  # noqa: BLE001 - the bytes' fault: decoding asks nobody
                letters += self._give_up(record, error, attempts=1)
        outputs = await self._handle(items, letters)
        await self._send(outputs, letters)
        await self._consumer.commit(records)
        self.health.handled += len(records)
        self.health.dead_lettered += len(letters)
        self._observer.handled(
            Batch(
                group=self._group,
                records=len(records),
                events=[item.event for item in items],
                outputs=[output.event for output in outputs],
                dead_letters=len(letters),
                began_ns=began,
                ended_ns=max(began, time.time_ns()),
            )
        )

    async def _send(self, outputs: Sequence[_Output], letters: list[Record]) -> None:
        """All at once; what the log refuses for its own sake is found and becomes a letter."""
        try:
            await self._producer.send([output.record for output in outputs] + letters)
        except RecordRefused as error:
            log.warning("%s: sending in parts, the log refuses some: %r", self._group, error)
            await self._send_or(outputs, letters)
            for letter in letters:
                await self._send_letter(letter)

    async def _send_or(self, outputs: Sequence[_Output], letters: list[Record]) -> None:
        if not outputs:
            return
        try:
            await self._producer.send([output.record for output in outputs])
        except RecordRefused as error:
            if len(outputs) == 1:
                letters.append(self._give_up_output(outputs[0].cause, outputs[0].record, error))
                return
            middle = len(outputs) // 2
            await self._send_or(outputs[:middle], letters)
            await self._send_or(outputs[middle:], letters)

    async def _send_letter(self, letter: Record) -> None:
        for attempt in (letter, bare(letter)):
            try:
                await self._producer.send([attempt])
                return
            except RecordRefused as error:
                log.error("%s: can't send a dead letter: %r", self._group, error)
        said = one_line(repr([one for one in bare(letter).headers if one[0].startswith("dl_")]))
        log.error("%s: this dead letter is on no topic: %s", self._group, said)

    async def _handle(self, items: Sequence[_Item], letters: list[Record]) -> list[_Output]:
        """The function's outputs; a dead letter for each event that it can't handle."""
        if not items:
            return []
        events = [item.event for item in items]
        with about(events):
            for attempt in range(1, ATTEMPTS + 1):
                try:
                    return await self._records(await self._handler(events), items, letters)
                except Exception as error:
                    if self._is_outage(error):
                        raise
                    if len(items) > 1:
                        log.warning("%s: halving a batch of %d: %r", self._group, len(items), error)
                        self._observer.retried(self._group, "halved")
                        break
                    if isinstance(error, EventError) or attempt == ATTEMPTS:
                        letters += self._give_up(items[0].record, error, attempt)
                        return []
                    log.exception("%s: attempt %d of %d failed", self._group, attempt, ATTEMPTS)
                    self._observer.retried(self._group, "error")
                    await asyncio.sleep(self._first_wait * attempt)
        middle = len(items) // 2
        first = await self._handle(items[:middle], letters)
        return first + await self._handle(items[middle:], letters)

    async def _records(
        self, events: Sequence[Event[Payload]], items: Sequence[_Item], letters: list[Record]
    ) -> list[_Output]:
        """The records of the outputs; a dead letter for each that its topic does not take.

        An event of which no output can be sent is dead-lettered itself, to be replayed.
        """
        causes = {item.event.id: item.record for item in items}
        outputs: list[_Output] = []
        oversized: list[tuple[_Output, TooLarge]] = []
        async for event in paced(events):
            cause = causes.get(event.causation_id or "", items[-1].record)
            try:
                outputs.append(_Output(to_record(event), cause, event))
            except TooLarge as error:
                key, value, headers = encode(event)
                topic = on_lane(event.data.TOPIC, event.lane)
                said = TooLarge(f"{event.data.TYPE} of {event.data.subject}: {error}")
                record = Record(topic, key, value, headers)
                oversized.append((_Output(record, cause, event), said))
        answered = {id(output.cause) for output in outputs}
        given_up: set[int] = set()
        for output, too_large in oversized:
            if id(output.cause) in answered:
                letters.append(self._give_up_output(output.cause, output.record, too_large))
            elif id(output.cause) not in given_up:  # none of its outputs can be sent
                given_up.add(id(output.cause))
                letters += self._give_up(output.cause, too_large, attempts=1)
        return outputs

    def _give_up_output(self, cause: Received, output: Record, error: Exception) -> Record:
        log.error("%s: dead letter of an output: %s", self._group, one_line(str(error)))
        return output_letter(cause, output, self._group, error)

    def _give_up(self, record: Received, error: Exception, attempts: int) -> list[Record]:
        where = f"{record.topic}/{record.partition}@{record.offset}"
        said = one_line(str(error))
        if record.topic == DEAD_LETTERS:
            # A dead letter of a dead letter would chase its own tail.
            log.error("%s: can't act on the dead letter at %s: %s", self._group, where, said)
            return []
        log.error("%s: dead letter from %s: %s", self._group, where, said)
        return [dead_letter(record, self._group, error, attempts)]


def _event(record: Received, clock: Callable[[], datetime]) -> Event[Payload] | None:
    if record.topic != DEAD_LETTERS:
        event = decode(record.value, record.headers)
        refuse_ahead(event.time, record.timestamp_ms, clock())
        return event
    letter = read(record)
    try:
        return None if letter is None else as_event(letter)
    except ValueError as error:
        raise Unreadable(str(error)) from None
