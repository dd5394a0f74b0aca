from datetime import timedelta

import pytest

from events.envelope import first_event
from events.errors import Refusal
from events.payloads import ForecastPublished, ModelPromoted
from functions.forecaster import Forecaster
from tests.unit.functions.world import LAST_DAY, NOON, SERIES, World, request


async def promotions(world: World, *runs: str, **fields):
    """The promotions of some runs, made by all functions but the forecaster."""
    for run in runs:
        await world.host.publish([request(run, **fields)])
        for name in ("planner", "trainer", "registry"):
            await world.host.subscriber(name).drain()
    return world.host.events(ModelPromoted.TOPIC)


def forecaster(world: World) -> Forecaster:
    return Forecaster(world.storage, lambda: NOON)


async def test_each_promoted_model_gets_its_forecast_stored_and_published(world: World):
    promoted = await promotions(world, "run", horizon=3, strategy="full", policy="always")
    outputs = await forecaster(world)(promoted)
    assert [e.causation_id for e in outputs] == [e.id for e in promoted]
    assert len(outputs) == len(SERIES)
    for event in outputs:
        assert isinstance(event.data, ForecastPublished)
        days = [LAST_DAY + timedelta(days=n) for n in (1, 2, 3)]
        assert [day.date for day in event.data.days] == days
        assert all(0 <= day.yhat_lower < day.yhat < day.yhat_upper for day in event.data.days)
        stored = world.storage.published[event.data.model_id]
        assert [d.yhat_upper for d in stored.days] == [d.yhat_upper for d in event.data.days]


async def test_models_of_different_days_and_horizons_are_forecast_each_from_its_own(world: World):
    await promotions(world, "week", as_of=LAST_DAY)
    promoted = await promotions(world, "fortnight", horizon=14)
    outputs = await forecaster(world)(promoted)
    lengths = {(e.data.run_id, e.data.days[0].date, len(e.data.days)) for e in outputs}
    assert lengths == {("week", LAST_DAY, 7), ("fortnight", LAST_DAY + timedelta(days=1), 14)}


async def test_a_model_that_comes_back_is_forecast_from_the_day_that_its_promotion_names(
    world: World,
):
    [promoted, *_] = await promotions(world, "run", horizon=2)
    later = LAST_DAY + timedelta(days=10)
    back = first_event(promoted.data.model_copy(update={"as_of": later}), "test")
    outputs = await forecaster(world)([promoted, back])
    assert [event.data.days[0].date for event in outputs] == [LAST_DAY + timedelta(days=1), later]
    stored = world.storage.published[promoted.data.model_id]
    assert [(day.date - later).days for day in stored.days] == [-9, -8, 0, 1]


async def test_the_same_promotion_again_writes_and_says_the_same(world: World):
    promoted = await promotions(world, "run")
    first = await forecaster(world)(promoted)
    state = world.state()
    assert await forecaster(world)(promoted * 2) == first * 2
    assert world.state() == state


async def test_a_model_that_is_not_stored_is_refused_by_its_id(world: World):
    [promoted, *_] = await promotions(world, "run")
    unknown = first_event(promoted.data.model_copy(update={"model_id": "gone"}), "test")
    with pytest.raises(Refusal, match="model_id: no model gone is stored"):
        await forecaster(world)([promoted, unknown])
    assert world.storage.published == {}, "nothing is written before all models are known"


async def test_nothing_to_forecast_is_nothing_to_say(world: World):
    assert await forecaster(world)([]) == []
