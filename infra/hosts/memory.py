"""The in-memory host: every function over one MemoryLog, stepped by hand, for unit tests."""

from collections.abc import Callable, Sequence

from events.cloudevents import decode
from events.envelope import Event
from events.memory import MemoryLog
from events.observing import UNSEEN, Observer
from events.payloads import Payload
from events.publisher import Publisher
from events.subscriber import Subscriber
from events.topics import lanes
from functions.catalog import FUNCTIONS, Dependencies
from infra.outages import is_outage


class MemoryHost:
    """Functions, their subscribers and the log between them."""

    def __init__(self, dependencies: Dependencies, observer: Observer = UNSEEN) -> None:
        self.log = MemoryLog()
        self._observer = observer
        self._dependencies = dependencies

    def subscriber(
        self, name: str, is_outage: Callable[[Exception], bool] = is_outage
    ) -> Subscriber:
        """Return a new subscriber of a function, starting at its group's committed offsets."""
        function = FUNCTIONS[name]
        return Subscriber(
            self.log.consumer(function.group, function.inputs),
            self.log.producer(),
            function.build(self._dependencies),
            group=function.group,
            is_outage=is_outage,
            max_batch=function.max_batch,
            first_wait=0.001,
            observer=self._observer,
        )

    async def publish(self, events: Sequence[Event[Payload]]) -> None:
        """Publish an event as an outside client does."""
        await Publisher(self.log.producer(), self._observer).publish(events)

    async def settle(self) -> None:
        """Run functions until no event is left to handle."""
        before = -1
        while before != (before := sum(map(len, self.log.partitions.values()))):
            for name in FUNCTIONS:
                await self.subscriber(name).drain()

    def events(self, topic: str) -> list[Event[Payload]]:
        """Return the events of a topic on both lanes."""
        records = [record for lane in lanes(topic) for record in self.log.records(lane)]
        return [decode(record.value, record.headers) for record in records]
