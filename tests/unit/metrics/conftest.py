import pytest

from events.envelope import first_event
from events.memory import MemoryLog
from events.payloads import RetrainRequested
from events.publisher import Publisher


class Requests:
    """A log that requests are published on."""

    def __init__(self) -> None:
        self.log = MemoryLog()

    async def publish_requests(self, count: int) -> None:
        await Publisher(self.log.producer()).publish(
            [
                first_event(RetrainRequested(requested_by="test", policy="always"), "test")
                for _ in range(count)
            ]
        )


@pytest.fixture
def shop() -> Requests:
    return Requests()
