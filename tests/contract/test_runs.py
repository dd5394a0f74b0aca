"""Runs as every storage tells them."""

import asyncio
from dataclasses import replace
from datetime import timedelta

from functions.ports import Storage
from functions.records import MAX_FAILURES, Counts
from functions.registry.transactions import record_results
from tests.contract.examples import NOON, SERIES, failed, plan, trained
from tests.contract.harness import Harness


async def test_runs_come_newest_first_and_unknown_ones_not_at_all(storage: Storage):
    for n in range(3):
        await storage.save_or_coalesce(plan(f"run-{n}", at=NOON + timedelta(hours=n)))
    assert [run.run_id for run in await storage.runs(2)] == ["run-2", "run-1"]
    assert await storage.run("unknown") is None
    assert (await storage.runs(1))[0].counts == Counts(3, 0, 0)


async def test_it_answers(storage: Storage):
    await storage.ping()


async def test_a_run_that_has_ended_keeps_its_counts_right_when_a_late_result_comes(storage):
    run = await storage.save_or_coalesce(plan())
    model = trained(run, SERIES[0])
    await record_results(storage, [model], [failed(run, s, "short") for s in SERIES[1:]])
    [ended] = await storage.runs(1)

    late = trained(run, SERIES[1], NOON + timedelta(hours=1))
    await record_results(storage, [late], [])

    [after] = await storage.runs(1)
    assert ended.counts == Counts(3, 1, 2)
    assert after.counts == Counts(3, 2, 1)
    assert (await storage.run("run-1")).counts == after.counts
    assert after.finished_at == NOON + timedelta(hours=1)


async def test_a_run_has_ended_when_no_result_is_to_come(storage: Storage):
    for run_id in ("run-1", "run-2", "run-3"):
        await storage.save_or_coalesce(plan(run_id))
    run = plan("run-1")

    async def ended() -> dict[str, Counts]:
        return await storage.ended(["run-1", "run-2", "run-3", "unknown"])

    await record_results(storage, [trained(run, SERIES[0])], [failed(run, SERIES[1], "short")])
    assert await ended() == {}
    await record_results(storage, [trained(run, SERIES[2])], [])
    await storage.cancel("run-2", NOON)
    assert await ended() == {"run-1": Counts(3, 2, 1), "run-2": Counts(3, 0, 0, 3)}
    await record_results(storage, [trained(run, SERIES[1], NOON + timedelta(hours=1))], [])
    assert (await ended())["run-1"] == Counts(3, 3, 0)


async def test_two_that_end_a_run_at_once_leave_its_counts_right(
    harness: Harness, storage: Storage
):
    run = await storage.save_or_coalesce(plan())
    await asyncio.gather(
        *(record_results(storage, [], [failed(run, series, "short")]) for series in SERIES)
    )

    [found] = await storage.runs(1)
    assert found.counts == Counts(3, 0, 3)
    assert found.state == "completed"
    if harness.is_postgres:
        async with storage.transaction() as connection:
            kept = await connection.fetchrow("SELECT planned, failed FROM training_runs")
        assert tuple(kept) == (3, 3)


async def test_a_cancelled_run_and_a_given_up_shard_keep_their_counts(storage: Storage):
    await storage.save_or_coalesce(plan())
    await storage.fail_shard("run-1", 0, "gave up", NOON)
    [going] = await storage.runs(1)
    await storage.cancel("run-1", NOON)
    [ended] = await storage.runs(1)

    assert going.counts == Counts(3, 0, 2)
    assert going.finished_at is None
    assert ended.counts == Counts(3, 0, 2, 1)
    assert ended.finished_at == NOON


async def test_failures_of_a_run_come_in_pages(storage: Storage):
    many = tuple(("1", f"p{n:03}") for n in range(MAX_FAILURES + 2))
    run = await storage.save_or_coalesce(replace(plan(), shards=(many,)))
    await record_results(storage, [], [failed(run, series, "short") for series in many])

    first = await storage.run("run-1")
    light = await storage.run("run-1", failures=0)
    rest = await storage.failures("run-1", many[MAX_FAILURES - 1], 10)

    assert [(f.store, f.product) for f in (*first.failures, *rest)] == list(many)
    assert (light.failures, light.counts.failed) == ((), len(many))
    assert await storage.failures("run-2", None, 10) == []
