import asyncio
import time
from concurrent.futures import BrokenExecutor

import pytest

from events.memory import MemoryLog
from events.subscriber import Health, Subscriber
from infra.hosts.function_host import MAX_BATCH_SECONDS, STALL_SECONDS, FunctionHost, Unhealthy


async def nothing(events):
    return []


@pytest.fixture
async def host():
    """A host whose subscriber is fed from memory and whose task never ends by itself."""
    log = MemoryLog()
    made = FunctionHost.__new__(FunctionHost)
    made._name = "planner"
    made._subscriber = Subscriber(
        log.consumer("g", ["sales"]), log.producer(), nothing, group="g", is_outage=lambda _: False
    )
    made._task = asyncio.create_task(asyncio.Event().wait())
    yield made
    made._task.cancel()
    await asyncio.wait([made._task])


def fares(host: FunctionHost, state: str, seconds: float, trouble: Exception | None = None):
    since = time.monotonic() - seconds
    host._subscriber.health = Health(state=state, since=since, trouble=trouble)


@pytest.mark.parametrize("state", ["starting", "idle"])
async def test_a_consumer_that_is_not_heard_of_has_stalled(host, state):
    fares(host, state, 0)
    host.check()
    fares(host, state, STALL_SECONDS + 1)
    with pytest.raises(Unhealthy, match="planner: no sign of life"):
        host.check()


@pytest.mark.parametrize("state", ["working", "degraded"])
async def test_a_batch_may_take_long_also_when_it_is_tried_again_after_an_outage(host, state):
    fares(host, state, STALL_SECONDS + 1)
    host.check()
    fares(host, state, MAX_BATCH_SECONDS + 1)
    with pytest.raises(Unhealthy, match=state):
        host.check()


async def test_a_consumer_that_ended_is_told_with_its_error(host):
    async def dies():
        raise ZeroDivisionError("a bug")

    host._task.cancel()
    host._task = asyncio.create_task(dies())
    await asyncio.wait([host._task])
    with pytest.raises(Unhealthy, match="a bug"):
        host.check()


async def test_a_killed_fitting_process_wants_a_new_replica(host):
    fares(host, "degraded", 0, BrokenExecutor("killed"))
    with pytest.raises(Unhealthy, match="fitting process"):
        host.check()


async def test_an_outage_is_no_reason_to_be_replaced(host):
    fares(host, "degraded", 10, ConnectionError("database away"))
    host.check()
