"""A kill between a function's effect and its commit, for every function: nothing differs after."""

from collections.abc import Iterable
from datetime import timedelta

import pytest

from events.envelope import Event, first_event
from events.log import Received
from events.memory import MemoryConsumer
from events.payloads import CancelRequested, ForecastRequested, SeriesRef
from events.subscriber import Subscriber
from functions.catalog import EXPRESS, FUNCTIONS
from tests.unit.functions.world import NOON, SERIES, World, promotion, request

ALL = tuple(SeriesRef(store=store, product=product) for store, product in SERIES)


class Killed(BaseException):
    """The process is gone; no handler of exceptions sees it."""


class DiesAtCommit(MemoryConsumer):
    async def commit(self, done: Iterable[Received]) -> None:
        raise Killed


def dying(world: World, name: str, at: str) -> Subscriber:
    """A subscriber that dies on its first batch, before it publishes or before it commits."""
    function = FUNCTIONS[name]
    handle = function.build(world.dependencies)

    async def dies(events):
        await handle(events)
        raise Killed

    log = world.host.log
    consumer = DiesAtCommit if at == "commit" else MemoryConsumer
    return Subscriber(
        consumer(log, function.group, function.inputs),
        log.producer(),
        dies if at == "publish" else handle,
        group=function.group,
        is_outage=lambda _: False,
        max_batch=function.max_batch,
        first_wait=0.001,
    )


async def settle(world: World, victim: str, at: str) -> int:
    """Like the host's own, but every time the victim has work it first dies of it."""
    deaths, before = 0, -1
    while before != (before := sum(map(len, world.host.log.partitions.values()))):
        for name in FUNCTIONS:
            if name == victim:
                try:
                    await dying(world, name, at).drain()
                except Killed:
                    deaths += 1
            await world.host.subscriber(name).drain()
    return deaths


def rolled_forward(series: tuple[SeriesRef, ...] | None) -> Event[ForecastRequested]:
    data = ForecastRequested(requested_by="test", series=series)
    return first_event(data, "test", event_id="roll", time=NOON + timedelta(hours=1))


def made(harm: str, express_series: int = 0) -> World:
    world = World(express_series=express_series)
    world.sell(*SERIES)
    if harm == "closed":
        world.close(SERIES[0])
    world.engine.poison = {SERIES[2]} if harm == "poison" else set()
    return world


@pytest.mark.parametrize("harm", ["nothing", "closed", "poison"])
@pytest.mark.parametrize("at", ["publish", "commit"])
@pytest.mark.parametrize("victim", [name for name in FUNCTIONS if name != "pruner"])
async def test_a_kill_between_effect_and_commit_leaves_no_trace(victim, at, harm):
    fast = FUNCTIONS[victim].process == EXPRESS
    undisturbed, killed = (made(harm, len(SERIES) if fast else 0) for _ in range(2))
    asked = [request(series=ALL if fast else None), rolled_forward(ALL if fast else None)]
    await undisturbed.run(*asked)
    await killed.host.publish(asked)
    assert await settle(killed, victim, at) > 0
    assert killed.state() == undisturbed.state()
    assert killed.ids() == undisturbed.ids()


@pytest.mark.parametrize("at", ["publish", "commit"])
async def test_a_planner_killed_before_new_sales_plans_as_before_them(at):
    world, undisturbed = made("nothing"), made("nothing")
    await world.host.publish([request()])
    with pytest.raises(Killed):
        await dying(world, "planner", at).drain()
    world.sell(("0", "new"))
    await world.host.settle()
    await undisturbed.run(request())
    assert world.state() == undisturbed.state()
    assert world.ids() == undisturbed.ids()


@pytest.mark.parametrize("at", ["publish", "commit"])
async def test_a_registry_killed_before_a_newer_run_still_announces_what_it_had_promoted(at):
    world, undisturbed = made("nothing"), made("nothing")
    newer = request("later")
    await world.host.publish([request()])
    for name in ("planner", "trainer"):
        await world.host.subscriber(name).drain()
    with pytest.raises(Killed):
        await dying(world, "registry", at).drain()
    await world.run(newer)
    await undisturbed.run(request())
    await undisturbed.run(newer)
    assert world.ids() == undisturbed.ids()


REQUESTS = {
    "promote": promotion("promote", SERIES[0], version=1),
    "list": promotion("rollback", *SERIES[:3]),
    "run": promotion("rollback", run_id="second"),
}


@pytest.mark.parametrize("asked", REQUESTS)
@pytest.mark.parametrize("at", ["publish", "commit"])
@pytest.mark.parametrize("victim", ["registry", "forecaster"])
async def test_a_kill_while_champions_change_leaves_no_trace(victim, at, asked):
    if victim == "forecaster" and REQUESTS[asked].lane == "express":
        victim = f"{EXPRESS}-{victim}"
    undisturbed, killed = made("nothing"), made("nothing")
    for world in (undisturbed, killed):
        await world.run(request("first"))
        await world.run(request("second", NOON + timedelta(hours=1)))
    await undisturbed.run(REQUESTS[asked])
    await killed.host.publish([REQUESTS[asked]])
    assert await settle(killed, victim, at) > 0
    assert killed.state() == undisturbed.state()
    assert killed.ids() == undisturbed.ids()


async def test_requests_of_one_batch_keep_their_order_when_a_kill_repeats_them():
    no_change = promotion("promote", SERIES[0], version=2, request_id="no change")
    back = promotion("rollback", SERIES[0], request_id="back")
    world = made("nothing")
    await world.run(request("first"))
    await world.run(request("second", NOON + timedelta(hours=1)))
    await world.host.publish([no_change, back])
    assert await settle(world, "registry", "commit") > 0
    champion = world.storage.aliases[SERIES[0], "champion"]
    assert world.storage.stored[champion].run_id == "first"


def cancel(run_id: str) -> Event[CancelRequested]:
    data = CancelRequested(run_id=run_id, requested_by="test")
    return first_event(data, "test", event_id=f"cancel-{run_id}", time=NOON)


@pytest.mark.parametrize("at", ["publish", "commit"])
async def test_a_planner_killed_while_it_cancels_says_the_same_end_again(at):
    undisturbed, killed = made("nothing"), made("nothing")
    for world in (undisturbed, killed):
        await world.host.publish([request()])
        await world.host.subscriber("planner").drain()
        await world.host.publish([cancel("run")])
    with pytest.raises(Killed):
        await dying(killed, "express-planner", at).drain()
    for world in (undisturbed, killed):
        await world.host.subscriber("express-planner").drain()
        await world.host.settle()
    assert killed.state() == undisturbed.state()
    assert killed.ids() == undisturbed.ids()
    assert {result.state for result in killed.storage.results.values()} == {"cancelled"}


@pytest.mark.parametrize("at", ["publish", "commit"])
async def test_a_planner_killed_while_it_coalesces_decides_the_same_when_the_run_has_ended(at):
    undisturbed, killed = made("nothing"), made("nothing")
    for world in (undisturbed, killed):
        await world.host.publish([request("first")])
        await world.host.subscriber("planner").drain()
        await world.host.publish([request("second")])
    with pytest.raises(Killed):
        await dying(killed, "planner", at).drain()
    for name in ("trainer", "registry", "forecaster"):
        await killed.host.subscriber(name).drain()  # the first ends before the second comes again
    for world in (undisturbed, killed):
        await world.host.settle()
    assert killed.state() == undisturbed.state()
    assert killed.ids() == undisturbed.ids()
    assert killed.storage.plans["second"].coalesced_into == "first"


@pytest.mark.parametrize("at", ["publish", "commit"])
async def test_a_trainer_killed_before_a_cancel_leaves_its_shards_cancelled(at):
    world = made("nothing")
    await world.host.publish([request()])
    await world.host.subscriber("planner").drain()
    with pytest.raises(Killed):
        await dying(world, "trainer", "publish").drain()
    await world.host.publish([cancel("run")])
    await world.host.subscriber("express-planner").drain()
    with pytest.raises(Killed):
        await dying(world, "trainer", at).drain()
    await world.host.settle()
    assert {result.state for result in world.storage.results.values()} == {"cancelled"}
    assert world.storage.stored == {}
