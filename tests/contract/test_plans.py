"""Runs as every storage plans, cancels and takes them up again."""

import asyncio
from dataclasses import replace
from datetime import date, timedelta

from functions.ports import Storage
from functions.records import Counts
from functions.registry.transactions import record_results
from infra.postgres.storage import PostgresStorage
from tests.contract.examples import NOON, SERIES, failed, plan, trained


async def test_the_first_plan_of_a_run_stays(storage: Storage):
    assert await storage.plan("run-1") is None
    first = await storage.save_or_coalesce(plan())
    second = await storage.save_or_coalesce(plan(as_of=date(2016, 1, 1)))
    assert first == second == plan() == await storage.plan("run-1")
    assert await storage.counts(["run-1"]) == {"run-1": Counts(3, 0, 0)}


async def test_a_plan_keeps_all_that_was_asked(storage: Storage):
    asked = replace(
        plan(), policy="never", named=True, failed_in="run-0", older_than_days=9, fingerprint="w"
    )
    assert await storage.save_or_coalesce(asked) == asked == await storage.plan("run-1")
    run = await storage.run("run-1")
    assert run is not None
    assert (run.policy, run.named) == ("never", True)
    assert (run.failed_in, run.older_than_days, run.coalesced_into) == ("run-0", 9, None)


async def test_a_run_that_is_asked_what_another_is_doing_is_coalesced_into_it(storage: Storage):
    first = await storage.save_or_coalesce(replace(plan("first"), fingerprint="w"))
    other = await storage.save_or_coalesce(replace(plan("other"), fingerprint="something else"))
    later = replace(plan("later", at=NOON + timedelta(hours=1)), fingerprint="w")
    coalesced = await storage.save_or_coalesce(later)
    assert coalesced == replace(later, shards=(), coalesced_into="first")
    assert other.coalesced_into is None
    await record_results(storage, [trained(first, series) for series in SERIES], [])
    assert await storage.save_or_coalesce(later) == coalesced, "what was decided stays so"
    run = await storage.run("later")
    assert run is not None
    assert (run.state, run.coalesced_into, run.counts) == ("coalesced", "first", Counts(0, 0, 0))
    anew = await storage.save_or_coalesce(replace(later, run_id="anew"))
    assert anew.coalesced_into is None, "the first has ended"
    assert anew.shards == later.shards


async def test_runs_without_a_fingerprint_are_never_coalesced(storage: Storage):
    for name in ("one", "two"):
        assert (await storage.save_or_coalesce(plan(name))).coalesced_into is None


async def test_what_has_no_result_is_cancelled_and_the_rest_keeps_its_own(storage: Storage):
    run = await storage.save_or_coalesce(plan())
    await record_results(storage, [trained(run, SERIES[0])], [])
    settled = {("run-1", SERIES[0])}
    assert await storage.settled_series([("run-1", 0), ("run-1", 1)]) == settled
    for _ in range(2):
        await storage.cancel("run-1", NOON)
    assert await storage.counts(["run-1"]) == {"run-1": Counts(3, 1, 0, 2)}
    settled |= {("run-1", SERIES[1])}
    assert await storage.settled_series([("run-1", 0)]) == settled
    assert await storage.settled_series([("run-1", 1)]) == {("run-1", SERIES[2])}
    assert await storage.settled_series([("run-1", 2), ("run-2", 0)]) == set()
    found = await storage.run("run-1")
    assert found is not None
    assert (found.state, found.finished_at, found.failures) == ("cancelled", NOON, ())


async def test_a_cancelled_series_still_succeeds_but_never_fails(storage: Storage):
    run = await storage.save_or_coalesce(plan())
    await storage.cancel("run-1", NOON)
    later = NOON + timedelta(minutes=1)
    await record_results(
        storage, [trained(run, SERIES[0], later)], [failed(run, SERIES[1], "too late", later)]
    )
    await storage.fail_shard("run-1", 1, "too late", later)
    assert await storage.counts(["run-1"]) == {"run-1": Counts(3, 1, 0, 2)}
    await storage.cancel("unknown", NOON)
    assert await storage.counts(["unknown"]) == {}


async def test_what_failed_in_a_run_is_known_also_of_one_that_was_coalesced(storage: Storage):
    first = await storage.save_or_coalesce(replace(plan("first"), fingerprint="w"))
    await storage.save_or_coalesce(replace(plan("later"), fingerprint="w"))
    await record_results(storage, [trained(first, SERIES[0])], [failed(first, SERIES[1], "short")])
    assert await storage.failed_in("first") == {SERIES[1]}
    assert await storage.failed_in("later") == {SERIES[1]}
    assert await storage.failed_in("unknown") is None


async def test_of_two_plans_of_one_fingerprint_at_once_one_is_coalesced(database: str):
    storage = PostgresStorage(database)
    plans = [replace(plan(f"run-{n}"), fingerprint="w") for n in range(4)]
    stored = await asyncio.gather(*map(storage.save_or_coalesce, plans))
    assert len([each for each in stored if each.coalesced_into is None]) == 1
    assert len({each.coalesced_into for each in stored} - {None}) == 1
    await storage.close()


async def test_a_result_that_is_being_recorded_is_not_cancelled_and_holds_nobody_up(database: str):
    storage = PostgresStorage(database)
    await storage.save_or_coalesce(plan())
    async with storage.transaction() as recording:
        await recording.execute(
            "UPDATE training_results SET state = 'failed', error = 'e', finished_at = now()"
            " WHERE run_id = 'run-1' AND product = 'rye bread'"
        )
        await storage.cancel("run-1", NOON)
    assert await storage.counts(["run-1"]) == {"run-1": Counts(3, 0, 1, 2)}
    await storage.close()


async def test_the_series_of_a_shard_are_those_that_were_planned(storage: Storage):
    await storage.save_or_coalesce(plan())
    await storage.cancel("run-1", NOON)
    told = [await storage.shard("run-1", number) for number in (0, 1, 2)]
    assert told == [SERIES[:2], SERIES[2:], ()]
    assert await storage.shard("unknown", 0) == ()
