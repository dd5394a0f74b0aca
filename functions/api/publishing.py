"""Requests of the API as events: acknowledged by Kafka, or a 503 that says how to repeat them."""

from collections.abc import Sequence

from events.envelope import Event
from events.payloads import Payload
from events.publisher import Publisher
from functions.api import faults
from functions.api.problems import OutageTest


class Requests:
    """Where the API publishes."""

    def __init__(self, publisher: Publisher, is_outage: OutageTest) -> None:
        self._publisher, self._is_outage = publisher, is_outage

    async def publish(self, events: Sequence[Event[Payload]], again: str) -> None:
        """Returns when Kafka has all of them; in an outage a 503 that says to do `again`."""
        try:
            await self._publisher.publish(events)
        except Exception as error:
            if not self._is_outage(error):
                raise
            raise faults.not_acknowledged(error, again) from error
