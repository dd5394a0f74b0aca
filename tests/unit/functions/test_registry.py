import asyncio
from collections.abc import Sequence
from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from events.dead_letters import as_event, dead_letter, read
from events.envelope import Event, derive_id, first_event, of_type
from events.errors import Refusal
from events.log import Received
from events.payloads import (
    ChallengerKept,
    Compared,
    DeadLettered,
    ForecastShardRequested,
    ModelPromoted,
    ModelTrained,
    Payload,
    PromotionRequested,
    RetrainCompleted,
    SeriesRef,
    TrainingFailed,
    TrainingShardRequested,
)
from events.publisher import to_record
from functions.records import Counts, Plan
from functions.registry import Registry
from infra.memory.storage import MemoryStorage
from tests.unit.functions.world import NOON, request

MILK, RYE = ("1", "milk"), ("1", "rye")
AS_OF = date(2015, 8, 1)


def plan(run_id: str, *, hours: int = 0, days: int = 0) -> Plan:
    return Plan(
        run_id,
        "test",
        NOON + timedelta(hours=hours),
        "",
        None,
        None,
        "windowed",
        AS_OF + timedelta(days=days),
        7,
        ((MILK,), (RYE,)),
    )


OLD, NEW, SAME_DAY = plan("old", days=-7, hours=5), plan("new"), plan("same-day", hours=1)


def trained(run: Plan, series: tuple[str, str], **changes: object) -> Event[ModelTrained]:
    data = ModelTrained(
        run_id=run.run_id,
        store=series[0],
        product=series[1],
        model_id=derive_id("model", run.run_id, *series),
        strategy=run.strategy,
        as_of=run.as_of,
        horizon=run.horizon,
        first_day=run.as_of - timedelta(days=30),
        data_through=run.as_of - timedelta(days=1),
        rows=30,
        metrics={},
        parameters={},
        versions={},
    )
    event_id = f"trained-{run.run_id}-{series}"
    return first_event(data.model_copy(update=changes), "test", event_id=event_id, time=NOON)


def failed(run: Plan, series: tuple[str, str]) -> Event[TrainingFailed]:
    data = TrainingFailed(run_id=run.run_id, store=series[0], product=series[1], reason="short")
    return first_event(data, "test", event_id=f"failed-{run.run_id}-{series}", time=NOON)


def lettered(event: Event[Payload], key: bytes | None = None) -> Event[Payload]:
    """The fact that an event was dead-lettered."""
    sent = to_record(event)
    at = Received(sent.topic, key or sent.key, sent.value, sent.headers, 0, 1)
    letter = dead_letter(at, "g", ValueError("a bug"), 3)
    found = read(Received(letter.topic, letter.key, letter.value, letter.headers))
    assert found is not None
    return as_event(found)


def shard(run: Plan, number: int) -> Event[TrainingShardRequested]:
    data = TrainingShardRequested(
        run_id=run.run_id,
        shard=number,
        series=(SeriesRef(store="1", product="milk"),),
        as_of=run.as_of,
        strategy="windowed",
        horizon=7,
    )
    return first_event(data, "test", correlation_id=run.run_id)


def told(outputs: Sequence[Event[Payload]]) -> list[Payload]:
    """What the registry says beside what is to be forecast."""
    return [e.data for e in outputs if not isinstance(e.data, ForecastShardRequested)]


def due(outputs: Sequence[Event[Payload]]) -> list[tuple[str, list[tuple[str, str]], str | None]]:
    """What is to be forecast: for which request, of which series, from which day on."""
    return [
        (s.request_id, [(ref.store, ref.product) for ref in s.series], str(s.as_of))
        for s in (e.data for e in outputs)
        if isinstance(s, ForecastShardRequested)
    ]


async def planned(*plans: Plan) -> tuple[MemoryStorage, Registry]:
    storage = MemoryStorage()
    for each in plans:
        await storage.save_or_coalesce(each)
    return storage, Registry(storage, lambda: NOON)


async def test_a_run_is_completed_by_its_last_result_and_not_before():
    storage, registry = await planned(NEW)
    first = await registry([trained(NEW, MILK)])
    assert [type(data) for data in told(first)] == [ModelPromoted]
    second = await registry([failed(NEW, RYE)])
    assert told(second) == [RetrainCompleted(run_id="new", planned=2, succeeded=1, failed=1)]
    assert await storage.counts(["new"]) == {"new": Counts(2, 1, 1)}


async def test_the_completion_has_one_id_whichever_event_completed_the_run():
    ids = []
    for last in (MILK, RYE):
        _, registry = await planned(NEW)
        first = RYE if last == MILK else MILK
        await registry([trained(NEW, first)])
        outputs = await registry([trained(NEW, last)])
        ids.append([e.id for e in outputs if isinstance(e.data, RetrainCompleted)])
    assert ids[0] == ids[1]
    assert len(ids[0]) == 1


async def test_a_redelivered_result_says_the_same_again():
    _, registry = await planned(NEW)
    batch = [trained(NEW, MILK), failed(NEW, RYE)]
    assert await registry(batch) == await registry(batch)


async def test_a_result_of_an_unknown_run_promotes_and_completes_nothing():
    _, registry = await planned()
    assert await registry([failed(NEW, MILK)]) == []


async def test_a_given_up_shard_fails_its_series_only():
    storage, registry = await planned(NEW)
    outputs = await registry([lettered(shard(NEW, 1))])
    assert (told(outputs), due(outputs)) == ([], [("new", [RYE], "2015-08-01")])
    run = await storage.run("new")
    assert run is not None
    [failure] = run.failures
    assert (failure.store, failure.product) == RYE
    assert failure.reason == "dead-lettered from training-shards: ValueError: a bug"
    [completed] = told(await registry([failed(NEW, MILK)]))
    assert completed == RetrainCompleted(run_id="new", planned=2, succeeded=0, failed=2)


async def test_a_given_up_shard_never_undoes_a_success():
    storage, registry = await planned(NEW)
    await registry([trained(NEW, MILK)])
    await registry([lettered(shard(NEW, 0))])
    assert await storage.counts(["new"]) == {"new": Counts(2, 1, 0)}


async def test_a_given_up_result_fails_its_series():
    storage, registry = await planned(NEW)
    event = first_event(trained(NEW, MILK).data, "test", correlation_id="new")
    await registry([lettered(event)])
    run = await storage.run("new")
    assert run is not None
    assert [(f.store, f.product) for f in run.failures] == [MILK]


async def test_a_given_up_request_fails_what_was_planned_for_it():
    storage, registry = await planned(NEW)
    outputs = await registry([lettered(request("new"))])
    assert [series for _, series, _ in due(outputs)] == [[MILK], [RYE]]
    [completed] = told(outputs)
    assert completed == RetrainCompleted(run_id="new", planned=2, succeeded=0, failed=2)
    assert await registry([lettered(request("never planned"))]) == []
    await registry([trained(NEW, MILK)])
    assert await storage.counts(["new"]) == {"new": Counts(2, 1, 1)}


@pytest.mark.parametrize(
    "key", [b"", b"no slash", b"/0", b"new/x", b"new/-1", b"new/99", b"\xff/0"]
)
async def test_a_dead_letter_with_a_strange_key_concerns_no_run(key):
    storage, registry = await planned(NEW)
    letter = lettered(shard(NEW, 0), key or b" ")
    assert await registry([letter]) == []
    assert await storage.counts(["new"]) == {"new": Counts(2, 0, 0)}


async def test_dead_letters_of_other_topics_concern_no_run():
    storage, registry = await planned(NEW)
    for topic in ("sales", "model-promotions", "forecasts", "runs"):
        data = DeadLettered(
            letter_id="l", topic=topic, original_key="1/milk", run_id="new", error="E", message=""
        )
        assert await registry([first_event(data, "test")]) == []
    assert await storage.counts(["new"]) == {"new": Counts(2, 0, 0)}


class OfMillions(MemoryStorage):
    """Nobody waits until it has counted or read a whole run."""

    async def counts(self, run_ids: Sequence[str]) -> dict[str, Counts]:
        raise AssertionError(f"every result of {run_ids} was counted")

    async def plan(self, run_id: str) -> Plan | None:
        raise AssertionError(f"every series of {run_id} was read")


async def test_a_result_or_a_dead_shard_costs_the_same_however_many_series_a_run_has():
    storage = OfMillions()
    await storage.save_or_coalesce(NEW)
    registry = Registry(storage)

    first = await registry([trained(NEW, MILK)])
    last = await registry([lettered(shard(NEW, 1))])

    assert of_type(first, RetrainCompleted) == []
    [completed] = of_type(last, RetrainCompleted)
    assert (completed.data.succeeded, completed.data.failed) == (1, 1)


async def test_only_the_newest_of_several_models_in_a_batch_is_promoted():
    _, registry = await planned(OLD, NEW, SAME_DAY)
    outputs = await registry([trained(each, MILK) for each in (NEW, SAME_DAY, OLD)])
    promoted = [event.data for event in outputs if isinstance(event.data, ModelPromoted)]
    assert [p.run_id for p in promoted] == ["same-day"]


def worse_than(champion: Plan) -> dict[str, object]:
    """What a model says of itself that loses to that run's model of MILK."""
    entries = (
        Compared(strategy="windowed", score=0.9, metrics={}),
        Compared(
            strategy="full",
            model_id=derive_id("model", champion.run_id, *MILK),
            score=0.5,
            metrics={},
        ),
    )
    return {"comparison": entries}


def asked(action: str, **fields: object) -> Event[PromotionRequested]:
    data = PromotionRequested(action=action, requested_by="anna", reason="shelves", **fields)
    return first_event(data, "test", event_id="request", time=NOON)


async def test_a_model_that_loses_is_kept_as_challenger_and_an_event_says_why():
    _, registry = await planned(OLD, NEW)
    await registry([trained(OLD, MILK)])
    loses = trained(NEW, MILK, **worse_than(OLD))
    kept, forecast = await registry([loses])
    assert due([forecast]) == [("new", [MILK], "2015-08-01")], "of the champion that stays"
    assert kept.data == ChallengerKept(
        store="1",
        product="milk",
        run_id="new",
        model_id=loses.data.model_id,
        version=2,
        champion_model_id=derive_id("model", "old", *MILK),
        reason="score 0.900, champion 0.500 on the same folds (naive 1): it loses by more than 2%",
        score=0.9,
        champion_score=0.5,
    )
    assert kept.causation_id == loses.id


async def test_a_verdict_is_told_again_even_if_the_champion_has_changed_since():
    _, registry = await planned(OLD, NEW, SAME_DAY)
    await registry([trained(OLD, MILK)])
    loses = trained(NEW, MILK, **worse_than(OLD))
    first = await registry([loses])
    await registry([trained(SAME_DAY, MILK)])
    assert await registry([loses]) == first


async def test_a_promotion_says_who_asked_for_it_and_why():
    storage, registry = await planned(OLD, NEW)
    storage.sales = {each: {AS_OF - timedelta(days=1): (1.0, True)} for each in (MILK, RYE)}
    await registry([trained(OLD, MILK), trained(OLD, RYE)])
    await registry([trained(NEW, MILK), trained(NEW, RYE)])
    request = asked("rollback", run_id="new")
    outputs = await registry([request])
    promoted = [e for e in outputs if isinstance(e.data, ModelPromoted)]
    assert [(e.data.store, e.data.product) for e in promoted] == [MILK, RYE]
    assert due(outputs) == [("request", [series], "2015-08-01") for series in (MILK, RYE)]
    for event in promoted:
        assert (event.data.run_id, event.data.version) == ("old", 1)
        assert (event.data.changed_by, event.data.reason) == ("anna", "shelves")
        assert event.data.as_of == NEW.as_of, "the coming days, not those of the old model"
        assert (event.causation_id, event.correlation_id) == ("request", "old")
    assert await registry([request]) == outputs


async def test_a_champion_that_is_promoted_again_is_no_news_but_forecast_again():
    _, registry = await planned(NEW)
    await registry([trained(NEW, MILK)])
    again = asked("promote", series=(SeriesRef(store="1", product="milk"),), version=1)
    outputs = await registry([again])
    assert (told(outputs), due(outputs)) == ([], [("request", [MILK], "2015-08-01")])
    assert await registry([again]) == outputs


async def test_a_failed_series_is_forecast_by_the_champion_that_it_has():
    _, registry = await planned(OLD, NEW)
    await registry([trained(OLD, MILK)])
    outputs = await registry([failed(NEW, MILK), failed(NEW, RYE)])
    assert due(outputs) == [(NEW.run_id, [series], "2015-08-01") for series in (MILK, RYE)]
    [shard, _] = [e.data for e in outputs if isinstance(e.data, ForecastShardRequested)]
    assert (shard.horizon, shard.requested_at) == (NEW.horizon, NEW.requested_at)


async def test_a_request_for_what_is_not_there_is_refused():
    storage, registry = await planned(NEW)
    await registry([trained(NEW, MILK)])
    with pytest.raises(Refusal, match="series: 1/milk has no champion that replaced another"):
        await registry([asked("rollback", series=(SeriesRef(store="1", product="milk"),))])
    assert len(storage.history_of_aliases) == 1


async def test_a_model_of_an_unknown_run_is_refused_by_the_runs_id():
    _, registry = await planned()
    with pytest.raises(Refusal, match="run_id: no run 'new' is planned"):
        await registry([trained(NEW, MILK)])


RESULTS: list[Event[Payload]] = [
    *(trained(run, series) for run in (OLD, NEW, SAME_DAY) for series in (MILK, RYE)),
    failed(OLD, MILK),
    failed(NEW, RYE),
    lettered(shard(NEW, 0)),
    lettered(request("same-day")),
]


@settings(deadline=None, max_examples=60)
@given(
    order=st.permutations(RESULTS),
    again=st.lists(st.sampled_from(RESULTS), max_size=6),
    sizes=st.lists(st.integers(1, 5), min_size=16, max_size=16),
)
def test_results_in_any_order_grouping_and_number_end_in_the_same_champions(order, again, sizes):
    storage, completed = asyncio.run(_registered([*again, *order], sizes))
    champions = {
        s: storage.stored[i].run_id for (s, a), i in storage.aliases.items() if a == "champion"
    }
    assert champions == {MILK: "same-day", RYE: "same-day"}
    assert {(key, r.state, r.error) for key, r in storage.results.items()} == {
        ((run.run_id, series), "succeeded", None)
        for run in (OLD, NEW, SAME_DAY)
        for series in (MILK, RYE)
    }
    assert {(run, 2, 0) for run in ("old", "new", "same-day")} <= completed
    assert len(storage.stored) == 6


async def _registered(
    events: Sequence[Event[Payload]], sizes: Sequence[int]
) -> tuple[MemoryStorage, set[tuple[str, int, int]]]:
    storage, registry = await planned(OLD, NEW, SAME_DAY)
    left, completed = list(events), set()
    for size in sizes:
        batch, left = left[:size], left[size:]
        for output in await registry(batch):
            if isinstance(output.data, RetrainCompleted):
                completed.add((output.data.run_id, output.data.succeeded, output.data.failed))
    assert left == []
    return storage, completed
