from datetime import timedelta

import numpy as np
import pytest

from events.envelope import Event, first_event
from events.errors import Refusal
from events.payloads import Finding, ModelTrained, SeriesRef, TrainingFailed, TrainingShardRequested
from functions.forecasting.model import SeriesModel
from functions.trainer import Trainer
from tests.unit.events.examples import SALE
from tests.unit.functions.world import LAST_DAY, NOON, SERIES, Crash, World, request

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
    world.close(SERIES[1])
    outputs = await trainer(world)([shard(*SERIES[2:4]), shard(*SERIES[:2])])
    assert [(e.data.store, e.data.product) for e in outputs] == [*SERIES[2:4], *SERIES[:2]]
    assert [type(e.data) for e in outputs] == [ModelTrained] * 3 + [TrainingFailed]
    assert {e.correlation_id for e in outputs} == {"run"}
    model = outputs[0].data
    assert (model.rows, model.first_day) == (30, LAST_DAY - timedelta(days=29))
    assert model.metrics["mae"] == pytest.approx(
        np.mean([fold.metrics["mae"] for fold in model.folds])
    )
    assert [(fold.first_day, fold.last_day) for fold in model.folds] == [
        (AS_OF - timedelta(days=5 * n), AS_OF - timedelta(days=5 * n - 4)) for n in (5, 4, 3, 2, 1)
    ]
    assert model.versions == {"engine": "mean"}
    assert SeriesModel.from_json_dict(model.parameters).last_day == LAST_DAY


async def test_a_series_that_cannot_be_fitted_is_served_by_the_naive_and_the_note_says_why(
    world: World,
):
    world.engine.unfit = {SERIES[0]: "too odd"}
    [event] = await trainer(world)([shard(SERIES[0])])
    assert event.data.chosen == "naive"
    assert event.data.findings == (Finding(code="naive-as-unfit", values={"reason": "too odd"}),)
    assert [(each.strategy, each.score) for each in event.data.comparison] == [("naive", 1.0)]


async def test_the_champion_is_compared_on_the_same_folds_under_its_model_id(world: World):
    await world.run(request("before", strategy="full", policy="always"))
    champion = (await world.storage.champions(SERIES[:1]))[SERIES[0]]
    [event] = await trainer(world)([shard(SERIES[0])])
    compared = {(each.strategy, each.model_id): each.score for each in event.data.comparison}
    assert compared.keys() == {
        ("naive", None), ("windowed", None), ("full", champion.model_id)
    }  # fmt: skip
    assert compared["naive", None] == 1.0
    assert event.data.chosen == "naive", "which is exact where each week is like the last"
    [why, *_] = event.data.findings
    assert (why.code, why.values["strategy"]) == ("naive-as-better", "windowed")
    assert 1.8 < why.values["score"] < 1.9


async def test_under_always_the_strategy_asked_for_serves_however_good_the_naive_is(world: World):
    [event] = await trainer(world)([shard(SERIES[0], policy="always")])
    assert (event.data.chosen, event.data.policy) == ("windowed", "always")


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
    assert event.data.reason == "no open day before 2015-08-01; at least 1 is needed"


async def test_a_note_is_cut_to_what_an_event_takes(world: World):
    world.engine.unfit = {SERIES[0]: "x" * 5000}
    [event] = await trainer(world)([shard(SERIES[0])])
    assert event.data.chosen == "naive"
    [finding] = event.data.findings
    assert len(finding.values["reason"]) == 1000


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
