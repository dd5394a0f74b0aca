"""What no column takes is refused by every storage."""

from dataclasses import replace

import asyncpg
import pytest
from numpy import nan

from functions.ports import Storage
from functions.records import Counts, DayForecast, Forecast, Window
from functions.registry.transactions import record_results
from infra.postgres.storage import PostgresStorage
from tests.contract.examples import DAY, NOON, SERIES, plan, trained


async def test_postgres_refuses_what_the_constraints_forbid(database: str):
    storage = PostgresStorage(database)
    run = await storage.save_or_coalesce(plan())
    await record_results(storage, [trained(run, SERIES[1])], [])
    model_id = trained(run, SERIES[1]).data.model_id
    upside_down = Forecast(*SERIES[1], model_id, (DayForecast(DAY, 5.0, 6.0, 4.0),))
    with pytest.raises(asyncpg.CheckViolationError):
        await storage.serve([(upside_down, Window(DAY, 1, NOON, "run-1"))])
    assert await storage.forecast(*SERIES[1]) is None
    from_the_future = trained(run, SERIES[0], data_through=run.as_of)
    with pytest.raises(asyncpg.CheckViolationError):
        await record_results(storage, [from_the_future], [])
    assert await storage.counts(["run-1"]) == {"run-1": Counts(3, 1, 0)}
    await storage.close()


@pytest.mark.parametrize("drivers", ["[1]", "null", '"promo"'])
async def test_postgres_refuses_a_plan_whose_drivers_are_not_named(database: str, drivers: str):
    connection = await asyncpg.connect(database)
    with pytest.raises(asyncpg.CheckViolationError):
        await connection.execute(
            "INSERT INTO calendar VALUES ('', '', '2015-08-01', NULL, $1, 'e', now())", drivers
        )
    await connection.close()


REFUSED = (asyncpg.PostgresError, ValueError)


@pytest.mark.parametrize(
    "changes",
    [
        {"reason": "a\x00b"},
        {"requested_by": "\x00"},
        {"store": "a\x00"},
        {"horizon": 2**31},
        {"horizon": 0},
        {"horizon": 91},
        {"older_than_days": 10**11},
        {"older_than_days": 0},
        {"shards": ((("1\x00", "milk"),),)},
    ],
)
async def test_a_plan_that_no_column_takes_is_refused_and_leaves_nothing(storage, changes):
    with pytest.raises(REFUSED):
        await storage.save_or_coalesce(replace(plan(), **changes))

    assert await storage.run("run-1") is None


@pytest.mark.parametrize("text", ["\x00", "a\x00b"])
async def test_a_question_about_what_no_column_takes_is_refused(storage: Storage, text: str):
    asked = [
        storage.run(text),
        storage.plan(text),
        storage.scope(text, None),
        storage.scope_of([("1", text)]),
        storage.failed_in(text),
        storage.versions_page("1", text, None, 10),
        storage.alias_history_page(text, "milk", None, 10),
        storage.forecast("1", text),
        storage.counts([text]),
        storage.ended([text]),
        storage.shard(text, 0),
        storage.champions([("1", text)]),
        storage.series_page((text, "milk"), 10),
        storage.failures(text, None, 10),
    ]
    for question in asked:
        with pytest.raises(REFUSED):
            await question


@pytest.mark.parametrize(("run_id", "shard"), [("run\x00", 0), ("run-1", 10**11)])
async def test_a_shard_that_no_column_takes_is_refused(storage: Storage, run_id: str, shard: int):
    await storage.save_or_coalesce(plan())

    with pytest.raises(REFUSED):
        await storage.fail_shard(run_id, shard, "why", NOON)
    with pytest.raises(REFUSED):
        await storage.fail_shard("run-1", 0, "a\x00b", NOON)


@pytest.mark.parametrize(
    ("yhat", "lower", "upper"),
    [(1.0, 2.0, 3.0), (1.0, 0.0, 0.5), (1.0, -1.0, 2.0), (1.0, 0.0, float("inf")), (nan, nan, nan)],
)
async def test_a_forecast_outside_its_interval_is_refused(storage, yhat, lower, upper):
    run = await storage.save_or_coalesce(plan())
    model = trained(run, SERIES[0])
    await record_results(storage, [model], [])

    day = DayForecast(DAY, yhat, lower, upper)
    forecast = Forecast(*SERIES[0], model.data.model_id, (day,))
    with pytest.raises(REFUSED):
        await storage.serve([(forecast, Window(DAY, 1, NOON, "run-1"))])
