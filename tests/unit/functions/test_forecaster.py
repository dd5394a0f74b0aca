from datetime import timedelta

from events.envelope import Event, first_event
from events.payloads import ForecastPublished, ForecastShardRequested, SeriesRef
from functions.forecaster import Forecaster
from functions.registry.transactions import change_champions
from tests.unit.functions.world import LAST_DAY, NOON, SERIES, World, promotion, request

DAY = timedelta(days=1)
ALL = tuple(SeriesRef(store=store, product=product) for store, product in SERIES)


async def asked_by(world: World, *runs: str, **fields) -> list[Event[ForecastShardRequested]]:
    """What some runs leave to be forecast, made by all functions but the forecaster."""
    for run in runs:
        await world.host.publish([request(run, **fields)])
        for name in ("planner", "trainer", "registry"):
            await world.host.subscriber(name).drain()
    return world.host.events(ForecastShardRequested.TOPIC)


def shard(first=None, at=None, **fields) -> Event[ForecastShardRequested]:
    data = ForecastShardRequested(
        request_id="shard", series=ALL, as_of=first, requested_at=at, **fields
    )
    return first_event(data, "test")


def forecaster(world: World) -> Forecaster:
    return Forecaster(world.storage, lambda: NOON)


async def test_each_new_champion_gets_its_forecast_served_and_published(world: World):
    asked = await asked_by(world, "run", horizon=3, strategy="full", policy="always")
    outputs = await forecaster(world)(asked)
    assert [e.causation_id for e in outputs] == [e.id for e in asked]
    assert len(outputs) == len(SERIES)
    for event in outputs:
        assert isinstance(event.data, ForecastPublished)
        days = [LAST_DAY + n * DAY for n in (1, 2, 3)]
        assert [day.date for day in event.data.days] == days
        assert all(0 <= day.yhat_lower < day.yhat < day.yhat_upper for day in event.data.days)
        stored = await world.storage.forecast(event.data.store, event.data.product)
        assert stored is not None
        assert stored.model_id == event.data.model_id
        assert [d.yhat_upper for d in stored.days] == [d.yhat_upper for d in event.data.days]


async def test_of_two_runs_that_wait_the_one_asked_for_later_is_served(world: World):
    await asked_by(world, "week", as_of=LAST_DAY)
    asked = await asked_by(world, "fortnight", horizon=14)
    outputs = await forecaster(world)(asked)
    assert len(outputs) == 2 * len(SERIES), "each is answered"
    # Both were requested at noon: the ids decide, and 'week' is the later one.
    assert {e.data.days[0].date for e in outputs} == {LAST_DAY}
    assert {len(e.data.days) for e in outputs} == {7}


async def test_the_same_shard_again_writes_and_says_the_same(world: World):
    asked = await asked_by(world, "run")
    first = await forecaster(world)(asked)
    state = world.state()
    assert await forecaster(world)(asked * 2) == first * 2
    assert world.state() == state


async def test_what_asks_for_no_days_leaves_them_and_says_nothing_of_what_is_not_served(
    world: World,
):
    await asked_by(world, "run", store="1")
    assert await forecaster(world)([shard()]) == [], "nobody has asked for days yet"
    await forecaster(world)([shard(LAST_DAY, NOON, horizon=2)])
    outputs = await forecaster(world)([shard()])
    assert {(e.data.store, e.data.product) for e in outputs} == set(SERIES[:2])
    assert {e.data.days[0].date for e in outputs} == {LAST_DAY}


async def test_a_champion_that_changes_while_it_is_forecast_is_not_served(world: World):
    """Another forecaster's batch, or a rollback, comes in between the fit and the write."""
    await world.run(request("first"))
    await world.run(request("second", NOON + timedelta(hours=1)))
    serve, changes = world.storage.serve, [promotion("rollback", run_id="second")]

    async def overtaken(forecasts):
        for change in changes:
            await change_champions(world.storage, change, LAST_DAY)
        changes.clear()
        return await serve(forecasts)

    world.storage.serve = overtaken  # type: ignore[method-assign]  # a race, made to happen
    outputs = await forecaster(world)([shard(LAST_DAY, NOON + timedelta(hours=2), horizon=2)])
    assert {e.data.run_id for e in outputs} == {"first"}
    for series in SERIES:
        found = await world.storage.forecast(*series)
        assert found is not None
        assert (found.version, found.days[0].date) == (1, LAST_DAY)


async def test_days_asked_for_later_meanwhile_are_kept(world: World):
    await world.run(request())
    serve, later = world.storage.serve, shard(LAST_DAY - DAY, NOON + timedelta(hours=9), horizon=1)
    pending = [later]

    async def overtaken(forecasts):
        if pending:
            await Forecaster(replace_serve(world, serve))([pending.pop()])
        return await serve(forecasts)

    world.storage.serve = overtaken  # type: ignore[method-assign]  # a race, made to happen
    outputs = await forecaster(world)([shard(LAST_DAY, NOON + timedelta(hours=2), horizon=2)])
    assert {(e.data.days[0].date, len(e.data.days)) for e in outputs} == {(LAST_DAY - DAY, 1)}


def replace_serve(world: World, serve):
    world.storage.serve = serve  # type: ignore[method-assign]  # the real one again
    return world.storage


async def test_a_batch_of_shards_is_one_forecast_of_each_series(world: World):
    await world.run(request())
    counted = []
    served = world.storage.serve

    async def counting(forecasts):
        counted.append(len(forecasts))
        return await served(forecasts)

    world.storage.serve = counting  # type: ignore[method-assign]  # to see what is asked
    later = [shard(LAST_DAY, NOON + n * timedelta(hours=1), horizon=2) for n in range(4)]
    assert len(await forecaster(world)(later)) == 4 * len(SERIES)
    assert counted == [len(SERIES)]


async def test_nothing_to_forecast_is_nothing_to_say(world: World):
    assert await forecaster(world)([]) == []
