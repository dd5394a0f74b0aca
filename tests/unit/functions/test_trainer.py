from datetime import timedelta

import pytest

from events.envelope import Event, first_event
from events.errors import Refusal
from events.payloads import ModelTrained, SeriesRef, TrainingFailed, TrainingShardRequested
from functions.trainer import Trainer
from tests.unit.events.examples import SALE
from tests.unit.functions.world import LAST_DAY, NOON, SERIES, Crash, World

AS_OF = LAST_DAY + timedelta(days=1)


def shard(*series: tuple[str, str], **changes) -> Event[TrainingShardRequested]:
    data = TrainingShardRequested(
        run_id="run",
        shard=0,
        series=tuple(SeriesRef(store=store, product=product) for store, product in series),
        as_of=AS_OF,
        strategy="windowed",
        horizon=7,
    )
    return first_event(data.model_copy(update=changes), "test", event_id=f"shard-{series}{changes}")


def trainer(world: World) -> Trainer:
    return Trainer(world.storage, world.engine, {"engine": "mean"}, clock=lambda: NOON)


async def test_each_series_of_each_shard_gets_a_result_in_order(world: World):
    world.engine.unfit = {SERIES[1]: "too odd"}
    outputs = await trainer(world)([shard(*SERIES[2:4]), shard(*SERIES[:2])])
    assert [(e.data.store, e.data.product) for e in outputs] == [*SERIES[2:4], *SERIES[:2]]
    assert [type(e.data) for e in outputs] == [ModelTrained] * 3 + [TrainingFailed]
    assert {e.correlation_id for e in outputs} == {"run"}
    model = outputs[0].data
    assert (model.rows, model.first_day) == (30, LAST_DAY - timedelta(days=29))
    assert model.metrics == {"rmse": 2.0, "mape": None, "mae": 1.0, "medae": 0.5}
    assert model.versions == {"engine": "mean"}


async def test_the_day_itself_and_what_follows_it_is_not_looked_at(world: World):
    earlier = AS_OF - timedelta(days=10)
    [event] = await trainer(world)([shard(SERIES[0], as_of=earlier)])
    assert (event.data.data_through, event.data.rows) == (earlier - timedelta(days=1), 20)


async def test_shards_of_two_days_are_trained_each_as_of_its_own(world: World):
    earlier = AS_OF - timedelta(days=10)
    outputs = await trainer(world)([shard(SERIES[0]), shard(SERIES[0], as_of=earlier, run_id="b")])
    assert [event.data.rows for event in outputs] == [30, 20]


async def test_a_series_without_sales_fails_with_the_reason(world: World):
    [event] = await trainer(world)([shard(("9", "gone"))])
    assert event.data.reason.startswith("0 open days in the 120 days before 2015-08-01")


async def test_a_reason_is_cut_to_what_an_event_takes(world: World):
    world.engine.unfit = {SERIES[0]: "x" * 5000}
    [event] = await trainer(world)([shard(SERIES[0])])
    assert len(event.data.reason) == 1000


async def test_a_redelivered_shard_gives_the_same_ids_and_models(world: World):
    first, again = [await trainer(world)([shard(*SERIES)]) for _ in range(2)]
    assert [e.id for e in first] == [e.id for e in again]
    models = [
        [event.data.model_copy(update={"fit_seconds": None}) for event in events]
        for events in (first, again)
    ]
    assert models[0] == models[1]


async def test_alone_and_in_company_a_series_gets_the_same_model(world: World):
    alone = [(await trainer(world)([shard(series)]))[0] for series in SERIES]
    together = await trainer(world)([shard(*SERIES)])
    assert [e.data.parameters for e in alone] == [e.data.parameters for e in together]
    assert [e.data.model_id for e in alone] == [e.data.model_id for e in together]


async def test_an_unknown_strategy_is_refused(world: World):
    with pytest.raises(Refusal, match="magic"):
        await trainer(world)([shard(SERIES[0], strategy="magic")])


async def test_a_crash_of_the_engine_is_the_subscribers_business(world: World):
    world.engine.poison = {SERIES[0]}
    with pytest.raises(Crash):
        await trainer(world)([shard(SERIES[0])])


async def test_events_of_other_types_are_passed_over(world: World):
    assert await trainer(world)([first_event(SALE, "test")]) == []
