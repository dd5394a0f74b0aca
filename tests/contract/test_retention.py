"""What every storage lets go of and what it keeps: the fake and the real Postgres."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import count

import asyncpg
import pytest

from functions.ports import Storage
from functions.records import Counts, DayForecast, Failure, Forecast, Model, SeenTick, Window
from functions.registry.transactions import change_champions, record_results
from functions.retention import TABLES, Limits, Retention, Table, limits
from infra.postgres.caching_storage import CHANNEL
from infra.postgres.storage import PostgresStorage
from tests.contract.examples import (
    DAY,
    NOON,
    SERIES,
    asked,
    changes_of,
    failed,
    history,
    plan,
    standing,
    trained,
    versions,
    week,
)
from tests.contract.harness import Harness

NOW = datetime(2016, 1, 1, 3, tzinfo=UTC)
ALL = 10_000


def until(**kept: int) -> Limits:
    """The limits at NOW when that is kept, and all else for ever."""
    everything = {"versions": 1000, "forecast_days": 3650, "run_days": 3650}
    return limits(Retention(**everything | kept), NOW)


async def prune(storage: Storage, kept: Limits, most: int = ALL) -> dict[Table, int]:
    """Every step of a pruning; rows that went, by table."""
    rows = dict.fromkeys(TABLES, 0)
    for table in TABLES:
        step = None
        while step is None or not step.complete:
            step = await storage.prune(table, kept, None if step is None else step.at, most)
            assert step is not None, "nobody else is at work"
            assert step.rows <= most
            rows[table] += step.rows
    return rows


def some(**rows: int) -> dict[str, int]:
    return dict.fromkeys(TABLES, 0) | rows


TURNS = count()


async def publish(storage: Storage, model: Model, first: date, days: int) -> None:
    """The champion's forecast of these days is served from now on."""
    found = tuple(DayForecast(first + timedelta(days=n), 5.0 + n, 4.0, 50.0) for n in range(days))
    forecast = Forecast(model.store, model.product, model.model_id, found)
    window = Window(first, days, NOON + timedelta(hours=next(TURNS)), "request")
    assert await storage.serve([(forecast, window)]) == set()


async def weeks(storage: Storage, *numbers: int) -> list[Model]:
    """Models of the first series, oldest first, each with seven days of forecasts."""
    for number in numbers:
        await week(storage, number, SERIES[0])
        champion = (await storage.champions([SERIES[0]]))[SERIES[0]]
        await publish(storage, champion, champion.as_of, 7)
    return list(reversed(await versions(storage, SERIES[0])))


async def test_days_of_forecasts_go_when_they_are_old_enough(storage: Storage):
    old, _, champion = await weeks(storage, 1, 2, 3)
    serving = await storage.forecast(*SERIES[0])
    kept = until(forecast_days=(NOW.date() - old.as_of).days - 3)
    assert await prune(storage, kept) == some(forecasts=3)
    assert await storage.forecast(*SERIES[0]) == serving
    assert serving is not None
    assert serving.model_id == champion.model_id


async def test_what_is_served_stays_however_old_it_is(storage: Storage):
    champion = (await weeks(storage, 1, 2, 3))[-1]
    await publish(storage, champion, champion.as_of - timedelta(days=2), 2)
    await publish(storage, champion, champion.as_of, 7)
    serving = await storage.forecast(*SERIES[0])
    assert serving is not None
    gone = await prune(storage, until(forecast_days=1))
    assert gone == some(forecasts=7 + 7 + 2), "of the others, and before the first day served"
    after = await storage.forecast(*SERIES[0])
    assert after is not None
    assert (after.model_id, after.days) == (serving.model_id, serving.days)
    await change_champions(storage, asked("rollback", SERIES[0]), NOW.date())
    assert await storage.forecast(*SERIES[0]) == after, "until its predecessor's is made anew"


async def test_a_step_lets_no_more_go_than_it_is_told_to_and_all_steps_let_all_go(
    storage: Storage,
):
    for series in SERIES:
        for number in (1, 2, 3):
            await week(storage, number, series)
            champion = (await storage.champions([series]))[series]
            await publish(storage, champion, champion.as_of, 7)
    assert await prune(storage, until(forecast_days=1), most=4) == some(forecasts=42)
    for series in SERIES:
        assert await storage.forecast(*series) is not None
    assert await prune(storage, until(forecast_days=1), most=4) == some()


async def test_the_newest_versions_stay_and_those_in_a_place_whatever_their_age(storage: Storage):
    for number in range(1, 7):
        policy = "never" if number == 3 else "always"
        await week(storage, number, SERIES[0], policy=policy)
        await week(storage, number, SERIES[1], policy="always")
    await change_champions(storage, asked("promote", SERIES[0], version=1), NOW.date())
    places = {"champion": 1, "previous": 6, "challenger": 3}
    assert await standing(storage, SERIES[0]) == places
    assert await prune(storage, until(versions=2)) == some(model_versions=2 + 4)
    assert await standing(storage, SERIES[0]) == places
    assert [m.version for m in await versions(storage, SERIES[0])] == [6, 5, 3, 1]
    assert [m.version for m in await versions(storage, SERIES[1])] == [6, 5]
    await week(storage, 7, SERIES[1])
    assert [m.version for m in await versions(storage, SERIES[1])] == [7, 6, 5]


async def test_a_model_stays_while_a_day_that_it_forecast_does(storage: Storage):
    models = await weeks(storage, 1, 2, 3, 4)
    days = (NOW.date() - models[1].as_of).days
    assert await prune(storage, until(versions=1, forecast_days=days)) == some(
        forecasts=7, model_versions=1
    )
    assert [m.version for m in await versions(storage, SERIES[0])] == [4, 3, 2]


async def test_a_model_stays_while_what_was_said_of_it_is_on_the_log(storage: Storage):
    run = await storage.save_or_coalesce(plan())
    for number, days in enumerate((40, 36, 20)):
        model = trained(run, SERIES[0], NOW - timedelta(days=days), model_id=f"m{number}")
        await record_results(storage, [model], [])
    await change_champions(storage, asked("promote", SERIES[0], version=1), NOW.date())
    await change_champions(
        storage, asked("promote", SERIES[0], version=2, request_id="again"), NOW.date()
    )
    later = replace(until(versions=1), trained_before=NOW - timedelta(days=37))
    assert limits(Retention(), NOW).trained_before == NOW - timedelta(days=37)
    assert await prune(storage, later) == some()
    await week(storage, 9, SERIES[0])
    await week(storage, 10, SERIES[0])
    assert await prune(storage, later) == some(model_versions=1)


async def test_the_history_tells_version_strategy_and_dates_of_models_that_are_gone(
    storage: Storage,
):
    await week(storage, 1, SERIES[0], chosen="full")
    for number in (2, 3, 4):
        await week(storage, number, SERIES[0])
    before = await changes_of(storage, SERIES[0])
    told = await history(storage, SERIES[0])
    assert await prune(storage, until(versions=1)) == some(model_versions=2)
    assert await changes_of(storage, SERIES[0]) == before
    assert await history(storage, SERIES[0]) == told
    first = before[-1]
    assert (first.version, first.strategy, first.as_of) == (1, "full", date(2015, 8, 8))


async def test_a_result_that_comes_again_does_not_bring_its_model_back(storage: Storage):
    for number in (1, 2, 3):
        await week(storage, number, SERIES[0])
    await prune(storage, until(versions=1))
    places, told = await standing(storage, SERIES[0]), await history(storage, SERIES[0])
    await week(storage, 1, SERIES[0])
    assert [m.version for m in await versions(storage, SERIES[0])] == [3, 2]
    assert await standing(storage, SERIES[0]) == places
    assert await history(storage, SERIES[0]) == told
    assert await storage.promotions(["week-1:1:milk"]) == []


async def test_results_of_old_runs_go_and_leave_their_counts(harness: Harness, storage: Storage):
    run = await storage.save_or_coalesce(plan("old"))
    await record_results(storage, [trained(run, SERIES[0])], [failed(run, SERIES[1], "short")])
    await storage.cancel("old", NOON + timedelta(hours=1))
    await week(storage, 1, SERIES[0])
    await harness.plan_at("old", NOW - timedelta(days=31))
    before = await storage.run("old")
    assert before is not None
    assert before.failures == (Failure(*SERIES[1], "short"),)
    assert await prune(storage, until(run_days=31)) == some()
    assert await prune(storage, until(run_days=30), most=2) == some(training_results=3)
    after = await storage.run("old")
    assert replace(after, forecasts=None) == replace(before, failures=(), forecasts=None)
    assert after.counts == Counts(3, 1, 1, 1)
    assert after.state == "cancelled"
    assert (await storage.counts(["old", "week-1"]))["old"] == Counts(3, 1, 1, 1)
    assert [r.counts for r in await storage.runs(5) if r.run_id == "old"] == [after.counts]


async def test_a_run_goes_when_no_model_is_of_it_and_none_was_coalesced_into_it(
    harness: Harness, storage: Storage
):
    first = await storage.save_or_coalesce(replace(plan("first"), fingerprint="w"))
    await storage.save_or_coalesce(replace(plan("same"), fingerprint="w"))
    await storage.save_or_coalesce(replace(plan("empty"), shards=()))
    await record_results(storage, [], [failed(first, series, "short") for series in SERIES])
    await week(storage, 1, SERIES[0])
    for run_id in ("first", "same", "empty", "week-1"):
        await harness.plan_at(run_id, NOW - timedelta(days=40))
    kept = until(run_days=30)
    # The run of the week goes on: two of its series have no result.
    assert await prune(storage, kept) == some(training_results=3, training_runs=3)
    assert [run.run_id for run in await storage.runs(10)] == ["week-1"]
    assert await storage.plan("first") is None
    [champion] = await versions(storage, SERIES[0])
    assert champion.aliases == ("champion",)
    await storage.cancel("week-1", NOON)
    assert await prune(storage, kept) == some(training_results=3), "its model is champion"
    assert await versions(storage, SERIES[0]) == [champion]
    newer = await week(storage, 2, SERIES[0])
    assert await standing(storage, SERIES[0]) == {"champion": 2, "previous": 1}, newer


async def test_sales_and_plans_stay_for_ever_unless_they_are_told_not_to(
    harness: Harness, storage: Storage
):
    for series in SERIES:
        await harness.sell(series, 5)
    for scope in (("", ""), ("1", ""), SERIES[2]):
        await harness.foresee(scope, DAY, True)
        await harness.foresee(scope, DAY + timedelta(days=1), True)
    assert await prune(storage, until()) == some()
    days = (NOW.date() - DAY).days
    assert await prune(storage, until(sales_days=days + 1), most=2) == some(daily_sales=3 * 3)
    assert await prune(storage, until(sales_days=days)) == some(daily_sales=3)
    assert (await storage.scope(None, None)).spans == ((DAY, DAY),) * 3
    assert await prune(storage, until(sales_days=days - 1)) == some(daily_sales=3, calendar=3)
    assert (await storage.scope(None, None)).series == ()
    calendar = await storage.calendar(SERIES, DAY, 2)
    assert calendar.is_open.tolist() == [[-1, 1]] * 3


async def test_what_would_go_is_told_and_then_goes(harness: Harness, storage: Storage):
    models = await weeks(storage, 1, 2, 3, 4, 5)
    for series in SERIES:
        await harness.sell(series, 5)
    await harness.foresee(("", ""), DAY - timedelta(days=3), True)
    await storage.save_or_coalesce(replace(plan("first", at=NOON), fingerprint="w"))
    await storage.save_or_coalesce(replace(plan("same"), fingerprint="w"))
    await storage.cancel("first", NOON)
    for run in await storage.runs(10):
        await harness.plan_at(run.run_id, NOW - timedelta(days=40))
        await storage.cancel(run.run_id, NOON)
    kept = until(
        versions=1,
        forecast_days=(NOW.date() - models[2].as_of).days,
        run_days=30,
        sales_days=(NOW.date() - DAY).days,
    )
    told = await storage.prunable(kept)
    assert [each.table for each in told] == list(TABLES)
    assert {each.table: each.rows for each in told} == some(
        forecasts=14,
        model_versions=2,
        training_results=5 * 3 + 3,
        training_runs=2 + 2,
        calendar=1,
        daily_sales=12,
    )
    days = {each.table: (each.oldest, each.newest) for each in told}
    assert days["forecasts"] == (models[0].as_of, models[1].as_of + timedelta(days=6))
    assert days["model_versions"] == (models[0].trained_at.date(),) * 2
    assert days["training_results"] == ((NOW - timedelta(days=40)).date(),) * 2
    assert days["daily_sales"] == (DAY - timedelta(days=4), DAY - timedelta(days=1))
    assert {e.table: e.rows for e in await storage.prunable(kept)} == await prune(storage, kept)
    nothing = await storage.prunable(kept)
    assert {each.table: each.rows for each in nothing} == some()
    assert {(each.oldest, each.newest) for each in nothing} == {(None, None)}


async def test_an_overdue_run_has_a_series_planned_or_failed_as_overdue(
    harness: Harness, storage: Storage
):
    for run_id in ("late", "done", "new"):
        await storage.save_or_coalesce(plan(run_id))
        await harness.plan_at(run_id, NOW - timedelta(days=8))
    await harness.plan_at("new", NOW - timedelta(days=6))
    await storage.fail_shard("done", 0, "another", NOW)
    await storage.fail_shard("done", 1, "another", NOW)
    asked_for = (NOW - timedelta(days=7), NOW, "late")
    assert await storage.overdue_runs(*asked_for) == ["late"]
    assert await storage.fail_planned("late", "late", NOW, 2) == 2
    assert await storage.fail_planned("late", "late", NOW, 2) == 1
    assert await storage.fail_planned("late", "late", NOW, 2) == 0
    run = await storage.run("late")
    assert run is not None
    assert {failure.reason for failure in run.failures} == {"late"}
    assert run.counts == Counts(3, 0, 3)
    assert await storage.overdue_runs(*asked_for) == ["late"], "the same when asked again"
    tomorrow = NOW + timedelta(days=1)
    assert await storage.overdue_runs(NOW, tomorrow, "late") == ["new"]


async def test_the_last_tick_of_each_schedule_is_remembered(storage: Storage):
    assert await storage.ticks() == {}
    first, second = SeenTick("0 4 * * 1", NOON), SeenTick("0 3 * * *", NOW)
    await storage.save_tick("schedule", first)
    await storage.save_tick("prune_schedule", first)
    await storage.save_tick("prune_schedule", second)
    assert await storage.ticks() == {"schedule": first, "prune_schedule": second}


@pytest.fixture
async def postgres(database: str) -> AsyncIterator[PostgresStorage]:
    storage = PostgresStorage(database, connections=8)
    yield storage
    await storage.close()


async def test_several_at_once_let_all_go_once(postgres: PostgresStorage):
    await weeks(postgres, *range(1, 8))
    kept = until(versions=1, forecast_days=1)
    rows = await asyncio.gather(*(prune(postgres, kept, most=3) for _ in range(4)))
    assert sum(each["forecasts"] for each in rows) == 42
    assert sum(each["model_versions"] for each in rows) == 5
    assert len(await versions(postgres, SERIES[0])) == 2


async def test_a_step_that_others_hold_up_is_given_up_and_holds_nobody_up(
    postgres: PostgresStorage,
):
    await weeks(postgres, 1, 2, 3)
    kept = until(versions=1, forecast_days=1)
    async with postgres.transaction() as migration:
        await migration.execute("LOCK TABLE forecasts IN SHARE MODE")
        assert await postgres.prune("forecasts", kept, None, ALL) is None
        assert await postgres.forecast(*SERIES[0]) is not None
    assert (await prune(postgres, kept))["forecasts"] == 14


async def test_nobody_is_told_of_rows_that_were_not_served(postgres: PostgresStorage):
    models = await weeks(postgres, 1, 2, 3)
    heard: list[object] = []
    ear = await asyncpg.connect(postgres.url)
    await ear.add_listener(CHANNEL, lambda *_: heard.append(_))
    assert (await prune(postgres, until(forecast_days=1), most=2))["forecasts"] == 14
    await ear.fetchval("SELECT 1")
    assert heard == []
    await publish(postgres, models[-1], models[-1].as_of, 1)
    await ear.fetchval("SELECT 1")
    assert heard, "of what is written all are told, also over the same connections"
    await ear.close()


async def test_a_model_in_a_place_cant_be_deleted_by_anyone(postgres: PostgresStorage):
    await week(postgres, 1, SERIES[0])
    async with postgres.transaction() as connection:
        with pytest.raises(asyncpg.ForeignKeyViolationError, match="model_aliases"):
            await connection.execute("DELETE FROM model_versions")
