from functions.catalog import FUNCTIONS
from infra.hosts.memory import MemoryHost
from tests.unit.functions.world import SERIES, World, request


async def test_settling_leaves_no_event_unhandled():
    world = World()
    world.sell(*SERIES)
    await world.run(request())
    for function in FUNCTIONS.values():
        consumer = world.host.log.consumer(function.group, function.inputs)
        await consumer.start()
        assert sum((await consumer.lag()).values()) == 0


async def test_a_host_without_events_settles_at_once():
    host = MemoryHost(World().dependencies)
    await host.settle()
    assert host.events("runs") == []
