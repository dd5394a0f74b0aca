"""The transaction of the registry, in every storage."""

import asyncio
from datetime import timedelta

import pytest

from events.envelope import first_event
from events.errors import Refusal
from events.payloads import PromotionRequested, SeriesRef
from functions.ports import Storage
from functions.records import AliasChange, Counts, Plan, Verdict
from functions.registry.transactions import change_champions, record_results
from infra.postgres.storage import PostgresStorage
from tests.contract.examples import (
    DAY,
    NOON,
    SERIES,
    changes_of,
    failed,
    plan,
    trained,
    versions,
)

WAITING = """
SELECT count(*) FROM pg_locks JOIN pg_database ON pg_database.oid = database
WHERE datname = current_database() AND locktype = 'advisory' AND NOT granted
"""


async def write_and_fail(storage: Storage, run: Plan) -> None:
    model, failure = trained(run, SERIES[0]), failed(run, SERIES[1], "too short")
    model_id = model.data.model_id
    change = AliasChange("cause", *SERIES[0], "champion", model_id, None, "anna", "why", DAY)
    async with storage.registry(SERIES[:2]) as tx:
        await tx.add_models([(model, Verdict(promote=True, reason="why"))])
        await tx.record([model], [failure])
        await tx.change_aliases([change], {SERIES[0]: {"champion": model_id}})
        raise ZeroDivisionError


async def test_what_a_transaction_wrote_before_an_error_does_not_hold(storage: Storage):
    run = await storage.save_or_coalesce(plan())
    with pytest.raises(ZeroDivisionError):
        await write_and_fail(storage, run)

    assert await versions(storage, SERIES[0]) == []
    assert await changes_of(storage, SERIES[0]) == []
    assert await storage.counts(["run-1"]) == {"run-1": Counts(3, 0, 0)}
    async with storage.registry(()) as tx:
        assert not await tx.is_done("cause")
        assert await tx.holders(SERIES) == {}


async def test_a_model_is_unknown_until_it_is_stored_and_its_run_may_be_unplanned(
    storage: Storage,
):
    run = await storage.save_or_coalesce(plan())
    model = trained(run, SERIES[0])
    asked = [(model.data.model_id, "run-1"), ("other", "run-1"), ("stray", "run-2")]
    async with storage.registry(()) as tx:
        assert await tx.unknown(asked) == {
            model.data.model_id: NOON,
            "other": NOON,
            "stray": None,
        }
    await record_results(storage, [model], [])
    async with storage.registry(()) as tx:
        assert (await tx.unknown(asked)).keys() == {"other", "stray"}


async def test_writers_at_once_count_versions_up_without_gaps(storage: Storage):
    runs = [
        await storage.save_or_coalesce(plan(f"run-{n}", NOON + timedelta(hours=n)))
        for n in range(6)
    ]
    orders = [SERIES, SERIES[::-1], SERIES[1:] + SERIES[:1]] * 2
    await asyncio.gather(
        *(
            record_results(storage, [trained(run, series) for series in order], [])
            for run, order in zip(runs, orders, strict=True)
        )
    )
    for series in SERIES:
        models = await versions(storage, series)
        assert [model.version for model in models] == [6, 5, 4, 3, 2, 1]
        assert [m.run_id for m in models if "champion" in m.aliases] == ["run-5"]


async def until_waiting(storage: PostgresStorage, writers: int) -> None:
    """So many wait for a lock that another holds."""
    async with storage.transaction() as looking:
        while await looking.fetchval(WAITING) < writers:  # noqa: ASYNC110 - Postgres tells nobody
            await asyncio.sleep(0.01)


async def test_writers_of_different_series_do_not_wait_for_each_other(database: str):
    storage = PostgresStorage(database)
    run = await storage.save_or_coalesce(plan())
    async with storage.registry([SERIES[0]]):
        same = asyncio.create_task(record_results(storage, [trained(run, SERIES[0])], []))
        everything = PromotionRequested(
            requested_by="t", action="promote", series=(SeriesRef(store="2", product="milk"),)
        )
        await until_waiting(storage, 1)
        await record_results(storage, [trained(run, SERIES[2])], [])
        alone = asyncio.create_task(
            change_champions(storage, first_event(everything, "test", time=NOON), DAY)
        )
        await until_waiting(storage, 2)
        assert await storage.counts(["run-1"]) == {"run-1": Counts(3, 1, 0)}
        assert not same.done()
        assert not alone.done()
    await same
    with pytest.raises(Refusal):  # there is no challenger
        await alone
    assert await storage.counts(["run-1"]) == {"run-1": Counts(3, 2, 0)}
    await storage.close()
