"""A shard that kills the trainer's process, on a real Kafka and a real Postgres."""

import asyncio
import os
import sys
from datetime import date, timedelta

import asyncpg

from events.clock import utc_now
from events.dead_letters import waiting
from events.envelope import first_event
from events.kafka import KafkaProducer, read_topic
from events.payloads import SeriesRef, TrainingShardRequested
from events.publisher import Publisher
from events.topics import DEAD_LETTERS
from functions.records import Plan
from functions.trainer import MAX_DELIVERIES
from infra.kafka.topics import provision
from infra.postgres.storage import PostgresStorage
from infra.settings import Settings

DAY = date(2026, 1, 31)
SERIES = (("1", "milk"), ("1", "rye"))
DEATH = 9

# A trainer whose engine ends the process; it stops once it has handled what there is.
TRAINER = f"""
import asyncio, os
from infra.hosts import function_host
from infra.settings import Settings

class Deadly:
    def walk_forward(self, *_):
        os._exit({DEATH})

async def main():
    function_host._engine = lambda *_: Deadly()
    host = function_host.FunctionHost("trainer", Settings())
    while not host._subscriber.health.handled:
        host.check()
        await asyncio.sleep(0.1)
    await host.stop()

asyncio.run(main())
"""


async def trainer_ends_with(settings: Settings, database: str) -> int:
    """The exit code of a trainer in a process of its own."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        TRAINER,
        env=os.environ
        | {
            "SHELFCAST_KAFKA_BOOTSTRAP": settings.kafka_bootstrap,
            "SHELFCAST_DATABASE_URL": database,
        },
    )
    return await process.wait()


async def test_a_shard_that_kills_every_trainer_ends_as_a_dead_letter(
    servers: Settings, database: str
):
    await asyncio.to_thread(provision, servers.kafka)
    connection = await asyncpg.connect(database)
    await connection.executemany(
        "INSERT INTO daily_sales (store, product, date, units, open, drivers, event_id,"
        " recorded_at) VALUES ($1, $2, $3, $4, true, '{}', 'e', $5)",
        [
            (*series, DAY - timedelta(days=n), float(5 + n % 7), utc_now())
            for series in SERIES
            for n in range(90)
        ],
    )
    await connection.close()
    storage = PostgresStorage(database)
    as_of = DAY + timedelta(days=1)
    plan = Plan("deadly", "test", utc_now(), "", None, None, "windowed", as_of, 7, (SERIES,))
    await storage.save_or_coalesce(plan)
    shard = TrainingShardRequested(
        run_id="deadly",
        shard=0,
        series=tuple(SeriesRef(store=store, product=product) for store, product in SERIES),
        as_of=as_of,
        strategy="windowed",
        horizon=7,
    )
    producer = KafkaProducer(servers.kafka)
    await Publisher(producer).publish([first_event(shard, "test")])

    codes = [await trainer_ends_with(servers, database) for _ in range(MAX_DELIVERIES + 1)]
    assert codes == [*[DEATH] * MAX_DELIVERIES, 0]
    letters = waiting(await read_topic(servers.kafka, DEAD_LETTERS))
    [message] = [each.message for each in letters if each.key == b"deadly/0"]
    assert "shard 0 of run deadly" in message
    await producer.close()
    await storage.close()


async def test_a_shard_is_let_go_of_when_the_connection_that_holds_it_is_lost(database: str):
    storage, other = PostgresStorage(database), PostgresStorage(database)
    async with storage.in_hand("run", 0), other.in_hand("run", 0) as alone:
        assert not alone
        async with asyncpg.create_pool(database, min_size=1, max_size=1) as pool:
            await pool.fetch(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_locks JOIN pg_database ON "
                "pg_database.oid = database WHERE locktype = 'advisory' AND classid = 7346221 "
                "AND datname = current_database()"
            )
        async with other.in_hand("run", 0) as alone:
            assert alone
    await storage.close()
    await other.close()
