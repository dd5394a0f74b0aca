"""Remembered forecasts are never older than what the database says."""

import asyncio
from datetime import UTC, date, datetime
from types import SimpleNamespace

import asyncpg
import pytest

from events.envelope import first_event
from events.payloads import ModelTrained
from functions.records import DayForecast, Forecast, ForecastCounts, Plan, Window
from functions.registry.transactions import record_results
from infra.postgres import caching_storage
from infra.postgres.caching_storage import CachingStorage
from infra.postgres.storage import PostgresStorage

AS_OF, NOON = date(2015, 8, 1), datetime(2015, 8, 1, 12, tzinfo=UTC)


async def promote(writer: PostgresStorage, run_id: str, at: datetime) -> str:
    """A champion of series 1/milk, without a forecast yet; its id."""
    plan = Plan(run_id, "test", at, "", "1", "milk", "windowed", AS_OF, 7, ((("1", "milk"),),))
    await writer.save_or_coalesce(plan)
    model = ModelTrained(
        run_id=run_id,
        store="1",
        product="milk",
        model_id=f"model-{run_id}",
        strategy="windowed",
        as_of=AS_OF,
        horizon=7,
        first_day=date(2015, 4, 3),
        data_through=date(2015, 7, 31),
        rows=100,
        metrics={},
        parameters={},
        versions={},
    )
    await record_results(writer, [first_event(model, "test", time=at)], [])
    return model.model_id


def forecast(model_id: str, yhat: float) -> Forecast:
    return Forecast("1", "milk", model_id, (DayForecast(AS_OF, yhat, 0.0, 2 * yhat),))


async def serve(writer: PostgresStorage, made: Forecast) -> None:
    assert await writer.serve([(made, Window(AS_OF, 1, NOON, "request"))]) == set()


async def eventually(reader: CachingStorage, yhat: float) -> bool:
    """Whether the reader comes to tell this value."""
    for _ in range(200):
        found = await reader.forecast("1", "milk")
        if found is not None and found.days[0].yhat == yhat:
            return True
        await asyncio.sleep(0.05)
    return False


async def test_a_change_is_seen_and_until_then_the_database_is_left_alone(database: str):
    writer, reader = PostgresStorage(database), CachingStorage(database)
    model_id = await promote(writer, "run-1", NOON)
    assert await reader.forecast("1", "milk") is None
    await serve(writer, forecast(model_id, 5.0))
    assert await eventually(reader, 5.0)
    first = await reader.forecast("1", "milk")
    assert await reader.forecast("1", "milk") is first, "remembered, not read again"
    await serve(writer, forecast(model_id, 6.0))
    assert await eventually(reader, 6.0)
    newer = await promote(writer, "run-2", NOON.replace(hour=13))
    await serve(writer, forecast(newer, 7.0))
    assert await eventually(reader, 7.0)
    await reader.close()
    await writer.close()


async def test_a_reader_that_lost_its_connection_remembers_nothing(database: str):
    writer, reader = PostgresStorage(database), CachingStorage(database)
    await serve(writer, forecast(await promote(writer, "run-1", NOON), 5.0))
    assert await eventually(reader, 5.0)
    before = await reader.forecast("1", "milk")
    connection = await asyncpg.connect(database)
    await connection.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE query LIKE 'LISTEN %' AND datname = current_database()"
    )
    await connection.close()
    for _ in range(200):
        after = await reader.forecast("1", "milk")
        if after is not before:
            break
        await asyncio.sleep(0.05)
    assert after == before
    assert after is not before
    await reader.close()
    await writer.close()


async def test_who_waits_for_a_change_is_woken_by_the_database(database: str):
    writer, reader = PostgresStorage(database), CachingStorage(database)
    model_id = await promote(writer, "run-1", NOON)
    await serve(writer, forecast(model_id, 5.0))
    assert await eventually(reader, 5.0)
    change = reader.changes.next()
    await serve(writer, forecast(model_id, 6.0))
    await change
    found = await reader.forecast("1", "milk")
    assert found is not None
    assert found.days[0].yhat == 6.0
    await reader.close()
    await writer.close()


async def test_what_takes_long_to_count_of_a_run_is_counted_once_for_all(
    database: str, monkeypatch: pytest.MonkeyPatch
):
    now, counted, count = 0.0, 0, PostgresStorage._forecast_counts

    async def taking_two_seconds(self: PostgresStorage, run_id: str) -> ForecastCounts:
        nonlocal now, counted
        now, counted = now + 2.0, counted + 1
        return await count(self, run_id)

    monkeypatch.setattr(caching_storage, "time", SimpleNamespace(monotonic=lambda: now))
    monkeypatch.setattr(PostgresStorage, "_forecast_counts", taking_two_seconds)
    writer, reader = PostgresStorage(database), CachingStorage(database)

    async def stale() -> bool:
        run = await reader.run("run-1")
        assert run is not None
        assert run.forecasts is not None
        return run.forecasts.stale

    model_id = await promote(writer, "run-1", NOON)
    assert await asyncio.gather(*(stale() for _ in range(3))) == [True] * 3
    later = Window(AS_OF, 1, NOON.replace(hour=13), "request")
    await writer.serve([(forecast(model_id, 5.0), later)])
    assert await stale()
    assert counted == 1
    now = 40.0
    assert not await stale()
    assert counted == 2
    await reader.close()
    await writer.close()
