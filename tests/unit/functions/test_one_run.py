"""The way of one request through every function, and of everything that can go wrong on it."""

from datetime import date, timedelta

import pytest
from pydantic import ValidationError

from events.envelope import derive_id
from events.log import Record
from events.memory import MemoryLog
from events.payloads import (
    ChallengerKept,
    ForecastPublished,
    ModelPromoted,
    ModelTrained,
    RetrainCompleted,
    RetrainRequested,
    TrainingFailed,
    TrainingShardRequested,
)
from events.publisher import to_record
from functions.records import Counts
from tests.unit.functions.world import LAST_DAY, NOON, SERIES, World, promotion, request

TOMORROW = LAST_DAY + timedelta(days=1)


def completions(world: World) -> list[tuple[int, int, int]]:
    return [(c.planned, c.succeeded, c.failed) for c in world.data(RetrainCompleted)]


async def counts(world: World, run_id: str = "run") -> Counts:
    return (await world.storage.counts([run_id]))[run_id]


async def champions(world: World) -> dict[tuple[str, str], str]:
    found = {}
    for series in SERIES:
        for model in await world.storage.versions_page(*series, None, 100):
            if "champion" in model.aliases:
                found[series] = model.run_id
    return found


async def test_a_request_becomes_models_forecasts_and_a_completion(world: World):
    await world.run(request(reason="why not"))
    shards = world.data(TrainingShardRequested)
    assert [len(shard.series) for shard in sorted(shards, key=lambda s: s.shard)] == [2, 2, 1]
    assert {(s.as_of, s.horizon, s.strategy) for s in shards} == {(TOMORROW, 7, "auto")}
    trained = world.data(ModelTrained)
    assert {(m.store, m.product) for m in trained} == set(SERIES)
    assert {(m.rows, m.data_through) for m in trained} == {(30, LAST_DAY)}
    assert {(p.version, p.previous_model_id) for p in world.data(ModelPromoted)} == {(1, None)}
    assert completions(world) == [(5, 5, 0)]
    assert world.letters() == []
    for published in world.data(ForecastPublished):
        assert [day.date for day in published.days] == [TOMORROW + timedelta(n) for n in range(7)]
        assert [day.yhat for day in published.days] == [16 - n for n in range(7)], "as a week ago"
        stored = await world.storage.forecast(published.store, published.product)
        assert stored is not None
        assert [day.yhat for day in stored.days] == [day.yhat for day in published.days]
    run = await world.storage.run("run")
    assert run is not None
    assert (run.state, run.requested_by, run.reason) == ("completed", "test", "why not")


async def test_every_event_of_a_run_names_the_run_and_stays_in_its_trace(world: World):
    asked = request()
    await world.run(asked)
    payloads = [TrainingShardRequested, ModelTrained, ModelPromoted, RetrainCompleted]
    for payload in (*payloads, ForecastPublished):
        for event in world.host.events(payload.TOPIC):
            assert event.correlation_id == "run"
            assert event.traceparent.split("-")[1] == asked.traceparent.split("-")[1]
            assert event.causation_id is not None


class TwiceLog(MemoryLog):
    """Delivers everything twice."""

    def append(self, record: Record) -> None:
        super().append(record)
        super().append(record)


@pytest.mark.parametrize("harm", ["nothing", "closed", "poison"])
async def test_events_that_all_come_twice_change_nothing(harm):
    once, twice = World(), World()
    twice.host.log = TwiceLog()
    for world in (once, twice):
        world.sell(*SERIES)
        if harm == "closed":
            world.close(SERIES[0])
        world.engine.poison = {SERIES[2]} if harm == "poison" else set()
        await world.run(request())
    assert twice.state() == once.state()
    assert twice.ids() == once.ids()


async def test_running_the_same_request_again_later_changes_nothing(world: World):
    await world.run(request())
    state, ids = world.state(), world.ids()
    await world.run(request())
    assert (world.state(), world.ids()) == (state, ids)


async def test_a_request_that_comes_again_after_new_sales_gives_the_same_shards(world: World):
    await world.host.publish([request()])
    await world.host.subscriber("planner").drain()
    before = world.data(TrainingShardRequested)
    world.sell(("0", "new"), *SERIES, last=LAST_DAY + timedelta(days=5))
    await world.host.publish([request()])
    await world.host.subscriber("planner").drain()
    assert len(world.host.events(TrainingShardRequested.TOPIC)) == 2 * len(before)
    assert world.data(TrainingShardRequested) == before


async def test_two_requests_of_one_id_are_one_run(world: World):
    await world.run(request(store="1"), request(store="2", horizon=14))
    assert completions(world) == [(2, 2, 0)]
    plan = await world.storage.plan("run")
    assert plan is not None
    assert (plan.store, plan.horizon) == ("1", 7)


async def test_a_scope_trains_only_its_series(world: World):
    await world.run(request("store", store="2"), request("product", product="rye"))
    by_run = {"store": set(), "product": set()}
    for model in world.data(ModelTrained):
        by_run[model.run_id].add((model.store, model.product))
    assert by_run == {
        "store": {("2", "milk"), ("2", "rye")},
        "product": {("1", "rye"), ("2", "rye")},
    }


async def test_a_series_that_cannot_be_trained_fails_with_its_reason_and_the_run_ends(
    world: World,
):
    world.close(SERIES[0])
    world.sell(("9", "odd"), units=float("nan"))
    await world.run(request())
    assert completions(world) == [(6, 4, 2)]
    reasons = {(f.store, f.product): f.reason for f in world.data(TrainingFailed)}
    assert reasons[SERIES[0]] == "no open day before 2015-08-01; at least 1 is needed"
    assert reasons["9", "odd"].startswith("units are nan on 2015-07-02 (30 such days in 30)")
    run = await world.storage.run("run")
    assert run is not None
    assert {(f.store, f.product): f.reason for f in run.failures} == reasons
    assert world.letters() == []


async def test_a_series_that_cannot_be_fitted_is_served_by_the_naive_with_the_reason(
    world: World,
):
    world.engine.unfit = {SERIES[0]: "too odd"}
    world.sell(("9", "new"), days=3)
    await world.run(request(strategy="full"))
    assert completions(world) == [(6, 6, 0)]
    trained = {(m.store, m.product): m for m in world.data(ModelTrained)}
    for series, reason in {SERIES[0]: "too odd", ("9", "new"): "3 open days in all days"}.items():
        assert trained[series].chosen == "naive"
        assert trained[series].findings[0].values["reason"].startswith(reason)
        assert await world.storage.forecast(*series) is not None


async def test_a_shard_that_crashes_fails_its_series_with_the_reason_and_the_run_ends(
    world: World,
):
    world.engine.poison = {SERIES[2]}
    await world.run(request())
    assert completions(world) == [(5, 3, 2)]
    run = await world.storage.run("run")
    assert run is not None
    assert run.state == "completed"
    assert [(f.store, f.product) for f in run.failures] == [SERIES[2], SERIES[3]]
    assert "Crash: can't fit" in run.failures[0].reason
    assert "training-shards" in run.failures[0].reason


async def replay(world: World) -> None:
    for letter in world.letters():
        await world.host.log.producer().send([letter.original(), letter.tombstone()])
    await world.host.settle()


async def test_a_replayed_shard_turns_failures_to_successes_and_says_so(world: World):
    world.engine.poison = {SERIES[2]}
    await world.run(request())
    assert len(world.letters()) == 1
    world.engine.poison = set()
    await replay(world)
    assert world.letters() == []
    assert completions(world) == [(5, 3, 2), (5, 5, 0)]
    run = await world.storage.run("run")
    assert run is not None
    assert run.failures == ()
    assert len(world.data(ForecastPublished)) == 5


async def test_a_replay_that_fails_again_waits_again_and_says_nothing_new(world: World):
    world.engine.poison = {SERIES[2]}
    await world.run(request())
    await replay(world)
    assert len(world.letters()) == 1
    assert completions(world) == [(5, 3, 2)]
    world.engine.poison = set()
    await replay(world)
    assert await counts(world) == Counts(5, 5, 0)


async def test_after_a_replay_the_state_is_as_if_nothing_had_failed(world: World):
    world.engine.poison = {SERIES[2]}
    await world.run(request())
    world.engine.poison = set()
    await replay(world)
    undisturbed = World()
    undisturbed.sell(*SERIES)
    await undisturbed.run(request())
    mended, state = world.state(), undisturbed.state()
    assert set(mended.pop("history")) == set(state.pop("history"))
    assert mended == state


async def test_a_result_that_is_dead_lettered_fails_its_series(world: World):
    await world.host.publish([request()])
    for name in ("planner", "trainer"):
        await world.host.subscriber(name).drain()
    broken = world.host.events(ModelTrained.TOPIC)[0].data
    log = world.host.log
    for partition, records in log.partitions.items():
        if partition[0] == ModelTrained.TOPIC:
            log.partitions[partition] = [
                type(r)(r.topic, r.key, b"{}", r.headers, r.partition, r.offset)
                if r.key == broken.key.encode()
                else r
                for r in records
            ]
    await world.host.settle()
    assert completions(world) == [(5, 4, 1)]
    run = await world.storage.run("run")
    assert run is not None
    [failure] = run.failures
    assert (failure.store, failure.product) == (broken.store, broken.product)
    assert "InvalidPayload" in failure.reason


async def test_a_run_whose_request_is_dead_lettered_after_it_was_planned_ends():
    world = World(shard_series=100_000)
    for n in range(14_000):
        world.sell((f"{n:05}", "x" * 64), days=1)
    await world.run(request())
    [letter] = world.letters()
    assert (letter.topic, letter.error) == (RetrainRequested.TOPIC, "TooLarge")
    assert completions(world) == [(14_000, 0, 14_000)]


async def test_an_older_as_of_never_replaces_a_newer_champion(world: World):
    await world.run(request("new"))
    old = request("old", NOON + timedelta(days=1), as_of=LAST_DAY - timedelta(days=5))
    await world.run(old)
    assert set((await champions(world)).values()) == {"new"}
    assert {p.run_id for p in world.data(ModelPromoted)} == {"new"}
    assert await counts(world, "old") == Counts(5, 5, 0)


async def test_a_newer_run_replaces_the_champion_and_names_the_one_before(world: World):
    await world.run(request("first"))
    await world.run(request("second", NOON + timedelta(hours=1)))
    assert set((await champions(world)).values()) == {"second"}
    for promoted in world.data(ModelPromoted):
        first = derive_id("model", "first", promoted.store, promoted.product)
        previous = first if promoted.run_id == "second" else None
        assert promoted.previous_model_id == previous


async def test_an_older_model_is_kept_as_challenger_with_the_reason(world: World):
    await world.run(request("new"))
    await world.run(request("old", as_of=LAST_DAY - timedelta(days=5)))
    kept = world.data(ChallengerKept)
    assert {(k.store, k.product) for k in kept} == set(SERIES)
    assert {k.run_id for k in kept} == {"old"}
    assert all(
        k.reason.startswith("older than the champion: data through 2015-07-25") for k in kept
    )
    assert {p.run_id for p in world.data(ForecastPublished)} == {"new"}, "by the newer models"


async def test_a_champion_that_is_rolled_back_makes_way_for_forecasts_of_the_coming_days(
    world: World,
):
    await world.run(request("first"))
    world.sell(*SERIES, last=LAST_DAY + timedelta(days=7), units=100)
    await world.run(request("second"))
    await world.run(promotion("rollback", run_id="second"))
    assert set((await champions(world)).values()) == {"first"}
    for series in SERIES:
        served = await world.storage.forecast(*series)
        assert served is not None
        assert served.version == 1
        assert [d.date for d in served.days] == [TOMORROW + timedelta(7 + n) for n in range(7)]
        assert [day.yhat for day in served.days] == [16 - n for n in range(7)]
    back = [p for p in world.data(ForecastPublished) if p.days[0].date > TOMORROW]
    assert {p.run_id for p in back} == {"first", "second"}
    await world.run(promotion("rollback", run_id="first", request_id="forth"))
    assert set((await champions(world)).values()) == {"second"}


@pytest.mark.parametrize("twice", [False, True])
async def test_a_request_for_what_is_not_there_is_a_dead_letter_and_disturbs_nobody(
    world: World, twice
):
    if twice:
        world.host.log = TwiceLog()
    await world.run(request("first"))
    before = world.state()
    await world.run(promotion("rollback", *SERIES))
    letters = world.letters()
    assert len(letters) == 1 + twice
    assert {(letter.topic, letter.error) for letter in letters} == {
        ("promotion-requests", "Refusal")
    }
    assert letters[0].message.startswith("series: 1/milk, 1/rye, 2/milk, 2/rye, 3/milk have no")
    assert world.state() == before


@pytest.mark.parametrize(
    ("bad", "seen"),
    [
        ({"store": "77"}, "store: no sales are known of store '77'"),
        ({"product": "gold"}, "product: no sales are known of product 'gold'"),
        ({"store": "3", "product": "rye"}, "store '3' and product 'rye'"),
        ({"strategy": "magic"}, "strategy: there is no strategy 'magic'"),
    ],
)
async def test_a_request_that_means_nothing_is_a_dead_letter_and_disturbs_nobody(
    world: World, bad, seen
):
    await world.run(request("a"), request("bad", **bad), request("b", horizon=9))
    [letter] = world.letters()
    assert (letter.error, letter.attempts, letter.header("ce_id")) == ("Refusal", 1, "bad")
    assert seen in letter.message
    assert await world.storage.run("bad") is None
    assert completions(world) == [(5, 5, 0)] * 2


@pytest.mark.parametrize("run_id", ["my run", "a/b", "é" * 100 + "\n", "x" * 128 + "?"])
async def test_a_request_whose_id_cannot_name_a_run_is_refused_before_it_is_planned(
    world: World, run_id
):
    record = to_record(request())
    headers = {**dict(record.headers), "ce_id": run_id.encode()}
    await world.host.log.producer().send([Record(*_parts(record), list(headers.items()))])
    await world.host.settle()
    [letter] = world.letters()
    assert letter.message.startswith("ce_id: ")
    assert world.storage.plans == {}


def _parts(record: Record) -> tuple[str, bytes | None, bytes | None]:
    return record.topic, record.key, record.value


async def test_without_any_sales_a_run_of_everything_ends_at_once():
    world = World()
    await world.run(request())
    assert completions(world) == [(0, 0, 0)]
    world.sell(*SERIES)
    await world.run(request())
    assert completions(world) == [(0, 0, 0)], "the stored plan holds"
    run = await world.storage.run("run")
    assert run is not None
    assert run.state == "completed"


async def test_without_any_sales_a_store_is_unknown():
    world = World()
    await world.run(request(store="1"))
    assert [letter.error for letter in world.letters()] == ["Refusal"]


async def test_a_first_day_beyond_the_newest_sale_and_the_horizon_is_refused_by_the_days(
    world: World,
):
    last = LAST_DAY + timedelta(days=7)
    await world.run(request("most", as_of=last))
    assert completions(world) == [(5, 5, 0)]
    await world.run(request("more", as_of=last + timedelta(days=1)))
    [letter] = world.letters()
    assert letter.message == (
        "as_of: 2015-08-08 is 8 days after the newest sales (2015-07-31), more than the horizon of "
        "7; choose a day to 2015-08-07, or leave it out for the day after the newest sales"
    )


async def test_a_day_before_all_sales_is_a_dead_letter_and_a_day_before_some_fails_for_those(
    world: World,
):
    world.sell(("0", "old"), days=60)
    as_of = LAST_DAY - timedelta(days=30)
    await world.run(request("some", as_of=as_of))
    assert completions(world) == [(6, 1, 5)]
    await world.run(request("none", as_of=date(1900, 1, 1)))
    [letter] = world.letters()
    assert letter.message.startswith("as_of: 1900-01-01 is before any sales")


@pytest.mark.parametrize("as_of", [date(1899, 12, 31), date(2200, 1, 2)])
async def test_a_run_of_an_unimaginable_day_is_against_the_contract(as_of):
    with pytest.raises(ValidationError, match="must be a day from 1900-01-01 to 2200-01-01"):
        request(as_of=as_of)
