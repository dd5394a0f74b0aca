"""What the database and the log tell Prometheus."""

import asyncio
import uuid
from datetime import timedelta

import psycopg
import pytest

from events.clock import utc_today
from events.envelope import first_event
from events.kafka import KafkaConsumer, KafkaProducer
from events.kafka_watch import LogWatch
from events.payloads import RetrainRequested
from events.publisher import Publisher
from infra.kafka.topics import provision
from infra.metrics.asked import Asked
from infra.settings import Settings
from tests.integration.test_group_lag import until_kafka_coordinates_groups

SELL = """
INSERT INTO daily_sales (store, product, date, units, open, drivers, event_id, recorded_at)
SELECT 'corner', product, %s::date + day, 1, true, '{}', product || day, now()
FROM unnest(%s::text[], %s::int[]) AS sold (product, newest), generate_series(newest - 3, newest)
    AS day
"""
SERVE = """
WITH run AS (
    INSERT INTO training_runs (run_id, requested_by, requested_at, reason, strategy, as_of, horizon)
    VALUES ('r', 't', now(), 't', 'auto', %(today)s, 7) RETURNING run_id
), model AS (
    INSERT INTO model_versions (model_id, store, product, version, run_id, strategy, policy, as_of,
        horizon, first_day, data_through, rows, metrics, parameters, versions, trained_at)
    SELECT product, 'corner', product, 1, 'r', 'auto', 'always', %(today)s, 7,
        %(today)s::date - 5, %(today)s::date - 1, 3, '{}', '{}', '{}', now() - interval '1 day'
    FROM unnest(%(products)s::text[]) AS product RETURNING model_id
), alias AS (
    INSERT INTO model_aliases SELECT 'corner', product, 'champion', product
    FROM unnest(%(products)s::text[]) AS product
)
INSERT INTO served_forecasts (store, product, model_id, first_day, horizon, requested_at,
    request_id, served_since)
SELECT 'corner', product, product, %(today)s::date + first, 7, now(), 'r',
    now() - interval '30 days'
FROM unnest(%(products)s::text[], %(firsts)s::int[]) AS served (product, first)
"""


@pytest.fixture
async def topics(servers: Settings) -> None:
    """Every topic is there, and the broker knows of groups."""
    await asyncio.to_thread(provision, servers.kafka)
    await until_kafka_coordinates_groups(servers.kafka, "anyone", "retrain-requests")


async def none() -> dict[str, dict[str, object]]:
    return {"planner": {"state": "idle"}, "trainer": {"state": "degraded"}}


@pytest.mark.usefixtures("topics")
async def test_freshness_is_told_as_the_api_judges_it(servers: Settings, database: str):
    today = utc_today()
    with psycopg.connect(database) as connection:
        # fresh: sold until yesterday, forecast from today on; old: its days are past; overtaken:
        # sold today, but forecast from four days ago on; bare: no forecast
        connection.execute(SELL, (today, ["fresh", "old", "overtaken", "bare"], [-1, -30, 0, -1]))
        connection.execute(
            SERVE,
            {"today": today, "products": ["fresh", "old", "overtaken"], "firsts": [0, -29, -4]},
        )
        connection.execute("ALTER TABLE served_forecasts DISABLE TRIGGER ALL")
    asked = Asked(database, servers.kafka, none)
    try:
        said = (await asked.text()).decode()
    finally:
        await asked.close()

    for line in (
        "shelfcast_series 4.0",
        'shelfcast_series_with_sales{through="today"} 1.0',
        'shelfcast_series_with_sales{through="yesterday"} 3.0',
        'shelfcast_series_with_forecast{day="tomorrow"} 2.0',
        "shelfcast_series_with_stale_forecast 2.0",
        "shelfcast_runs_in_progress 0.0",
        'shelfcast_function_up{function="planner"} 1.0',
        'shelfcast_function_up{function="trainer"} 0.0',
        'shelfcast_part_up{part="log"} 1.0',
        'shelfcast_part_up{part="database"} 1.0',
    ):
        assert line in said.splitlines()
    [age] = [line for line in said.splitlines() if 'age_seconds{quantile="1"}' in line]
    assert timedelta(hours=23) < timedelta(seconds=float(age.split()[1])) < timedelta(hours=25)


@pytest.mark.usefixtures("topics")
async def test_a_part_that_does_not_answer_takes_only_its_own_metrics_with_it(servers: Settings):
    nowhere = "postgresql://nobody@127.0.0.1:1/none"
    asked = Asked(nowhere, servers.kafka, none)
    try:
        said = (await asked.text()).decode()
    finally:
        await asked.close()

    assert 'shelfcast_part_up{part="freshness"} 0.0' in said
    assert 'shelfcast_part_up{part="log"} 1.0' in said
    assert "shelfcast_series " not in said


@pytest.mark.usefixtures("topics")
async def test_lag_and_the_age_of_the_oldest_record_are_those_of_the_group(servers: Settings):
    group, topic = f"group-{uuid.uuid4().hex}", "retrain-requests"
    producer = KafkaProducer(servers.kafka)
    watch = LogWatch(servers.kafka)
    consumer = KafkaConsumer(servers.kafka, group, [topic])
    try:
        await Publisher(producer).publish(
            [
                first_event(RetrainRequested(requested_by=str(n), policy="always"), "test")
                for n in range(5)
            ]
        )
        [before], extents = await watch.ask({group: [topic]}, [topic])
        assert before.lag == extents.kept[topic] >= 5
        assert before.oldest_ms is not None
        await consumer.start()
        while (await watch.ask({group: [topic]}, []))[0][0].lag:
            await consumer.commit(await consumer.poll(1.0, 500))
        [after], _ = await watch.ask({group: [topic]}, [])
        assert (after.lag, after.oldest_ms) == (0, None)
    finally:
        await consumer.close()
        await producer.close()
        await watch.close()
