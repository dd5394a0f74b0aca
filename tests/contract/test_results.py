"""What results become in every storage: models with verdicts, and runs."""

from datetime import date, timedelta

import pytest

from events.errors import Refusal
from functions.ports import Storage
from functions.records import Counts, Failure, Promotion
from functions.registry.transactions import record_results
from tests.contract.examples import (
    NOON,
    SERIES,
    comparison,
    failed,
    history,
    plan,
    standing,
    trained,
    versions,
    week,
)


async def test_recording_twice_is_recording_once(storage: Storage):
    run = await storage.save_or_coalesce(plan())
    results = [trained(run, SERIES[0]), trained(run, SERIES[2])]
    failures = [failed(run, SERIES[1], "too short")]
    for _ in range(2):
        await record_results(storage, results, failures)
    assert await storage.counts(["run-1"]) == {"run-1": Counts(3, 2, 1)}
    [model] = await versions(storage, SERIES[0])
    assert model.version == 1
    assert model.aliases == ("champion",)
    assert model.metrics == {"rmse": 1.5, "mape": None}
    champion = (await storage.champions([SERIES[0]]))[SERIES[0]]
    assert champion.model_id == model.model_id
    assert champion.parameters == {"k": 0.1, "delta": [0.0, 1e-17]}
    ids = [event.data.model_id for event in results]
    promotions = await storage.promotions(ids)
    assert sorted(each.model_id for each in promotions) == sorted(ids)
    assert {(each.version, each.previous_model_id) for each in promotions} == {(1, None)}
    found = await storage.run("run-1")
    assert found is not None
    assert found.failures == (Failure(*SERIES[1], "too short"),)
    assert found.state == "completed"
    assert found.finished_at == NOON


async def test_the_newer_as_of_is_champion_whatever_order_models_come_in(storage: Storage):
    old = await storage.save_or_coalesce(plan("old", as_of=date(2015, 7, 1)))
    new = await storage.save_or_coalesce(plan("new", at=NOON - timedelta(days=1)))
    await record_results(storage, [trained(new, SERIES[0])], [])
    await record_results(storage, [trained(old, SERIES[0])], [])
    await record_results(storage, [trained(old, SERIES[2])], [])
    await record_results(storage, [trained(new, SERIES[2])], [])
    for series in (SERIES[0], SERIES[2]):
        models = await versions(storage, series)
        assert {m.run_id: "champion" in m.aliases for m in models} == {"old": False, "new": True}
        assert sorted(m.version for m in models) == [1, 2]
    previous = trained(old, SERIES[2]).data.model_id
    promoted = trained(new, SERIES[2]).data.model_id
    assert await storage.promotions([promoted]) == [
        Promotion(
            cause_id=promoted,
            store=SERIES[2][0],
            product=SERIES[2][1],
            model_id=promoted,
            version=2,
            run_id="new",
            horizon=7,
            forecast_from=new.as_of,
            previous_model_id=previous,
            changed_by="registry",
            reason="not comparable, so the newest is champion: no score of its own strategy",
        )
    ]
    assert await storage.promotions([trained(old, SERIES[0]).data.model_id]) == []
    assert [m.aliases for m in await versions(storage, SERIES[2])] == [("champion",), ("previous",)]


async def test_of_two_runs_of_one_day_the_later_request_wins(storage: Storage):
    late = await storage.save_or_coalesce(plan("a-late", at=NOON + timedelta(hours=1)))
    early = await storage.save_or_coalesce(plan("early"))
    await record_results(storage, [trained(late, SERIES[0]), trained(early, SERIES[0])], [])
    champions = [m.run_id for m in await versions(storage, SERIES[0]) if "champion" in m.aliases]
    assert champions == ["a-late"]


async def test_a_success_turns_a_failure_and_nothing_turns_a_success(storage: Storage):
    run = await storage.save_or_coalesce(plan())
    await storage.fail_shard("run-1", 0, "dead-lettered", NOON)
    assert await storage.counts(["run-1"]) == {"run-1": Counts(3, 0, 2)}
    await record_results(storage, [trained(run, SERIES[0], NOON + timedelta(minutes=1))], [])
    await storage.fail_shard("run-1", 0, "again", NOON + timedelta(minutes=2))
    await record_results(storage, [], [failed(run, SERIES[0], "late", NOON + timedelta(minutes=3))])
    found = await storage.run("run-1")
    assert found is not None
    assert found.counts == Counts(3, 1, 1)
    assert found.failures == (Failure(*SERIES[1], "again"),)
    assert found.state == "running"
    assert found.finished_at is None


async def test_an_earlier_reason_never_replaces_a_later_one(storage: Storage):
    run = await storage.save_or_coalesce(plan())
    await record_results(
        storage, [], [failed(run, SERIES[0], "later", NOON + timedelta(minutes=1))]
    )
    await record_results(storage, [], [failed(run, SERIES[0], "earlier", NOON)])
    found = await storage.run("run-1")
    assert found is not None
    assert found.failures == (Failure(*SERIES[0], "later"),)


async def test_a_verdict_stands_whatever_is_champion_when_the_result_comes_again(storage: Storage):
    await week(storage, 1, SERIES[0])
    [first] = await versions(storage, SERIES[0])
    keep = {"comparison": comparison(0.9, 0.8, first.model_id)}
    await week(storage, 2, SERIES[0], **keep)
    kept = await versions(storage, SERIES[0])
    await week(storage, 3, SERIES[0])
    places, told = await standing(storage, SERIES[0]), await history(storage, SERIES[0])
    for again in ({"comparison": comparison(0.1, 0.8, first.model_id)}, {"policy": "always"}):
        await week(storage, 2, SERIES[0], **again)
    await week(storage, 1, SERIES[0])
    assert (await versions(storage, SERIES[0]))[1].verdict == kept[0].verdict
    assert (
        await standing(storage, SERIES[0])
        == places
        == {
            "champion": 3,
            "challenger": 2,
            "previous": 1,
        }
    )
    assert await history(storage, SERIES[0]) == told


async def test_a_policy_decides_without_a_look_at_scores(storage: Storage):
    await week(storage, 1, SERIES[0], policy="never")
    assert await standing(storage, SERIES[0]) == {"challenger": 1}
    await week(storage, 2, SERIES[0], policy="always")
    await week(storage, 3, SERIES[0], policy="never")
    assert await standing(storage, SERIES[0]) == {"champion": 2, "challenger": 3}


async def test_of_several_models_in_a_batch_one_is_promoted_and_each_has_a_verdict(
    storage: Storage,
):
    runs = [
        await storage.save_or_coalesce(plan(f"run-{n}", as_of=date(2015, 8, n))) for n in (1, 2, 3)
    ]
    policies = ("if-better", "if-better", "never")
    batch = [
        trained(run, SERIES[0], policy=policy) for run, policy in zip(runs, policies, strict=True)
    ]
    await record_results(storage, [*batch, *batch], [])
    assert await standing(storage, SERIES[0]) == {"champion": 2, "challenger": 3}
    verdicts = await storage.verdicts([event.data.model_id for event in batch])
    assert {version: verdict.promote for version, verdict in verdicts.values()} == {
        1: False,
        2: True,
        3: False,
    }


async def test_a_model_of_a_run_that_nobody_planned_is_refused(storage: Storage):
    with pytest.raises(Refusal, match="run_id: no run 'run-1' is planned"):
        await record_results(storage, [trained(plan(), SERIES[0])], [])
    assert await versions(storage, SERIES[0]) == []
