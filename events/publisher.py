"""The one way to publish: events become CloudEvents on their topics."""

import time
from collections.abc import Sequence

from events.cloudevents import encode
from events.envelope import Event
from events.errors import TooLarge
from events.log import Producer, Record
from events.observing import UNSEEN, Observer
from events.payloads import Payload
from events.topics import FRAMING, TOPICS, on_lane


def to_record(event: Event[Payload]) -> Record:
    """Encode an event for its topic and lane; raise TooLarge if the topic does not accept it."""
    key, value, headers = encode(event)
    topic = TOPICS[on_lane(event.data.TOPIC, event.lane)]
    size = len(key) + len(value) + sum(len(name) + len(text) + 4 for name, text in headers)
    if size > (most := topic.max_bytes - FRAMING):
        raise TooLarge(
            f"data: an event of {size:,} bytes for the topic {topic.name}, which takes {most:,}; "
            "send less in one event"
        )
    return Record(topic.name, key, value, headers)


class Publisher:
    """Publish events on a log."""

    def __init__(self, producer: Producer, observer: Observer = UNSEEN) -> None:
        self._producer, self._observer = producer, observer

    async def publish(self, events: Sequence[Event[Payload]]) -> None:
        """Publish them and wait until the log has all of them.

        Raises TooLarge before anything is sent, or an outage; after an outage publish the
        same events again, which readers see as the same by their ids.
        """
        began = time.time_ns()
        await self._producer.send([to_record(event) for event in events])
        self._observer.published(events, began, max(began, time.time_ns()))
