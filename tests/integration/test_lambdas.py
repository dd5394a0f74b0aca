"""The Lambdas' zip against a real Kafka, with AWS's stores and SNS played by a small server."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from events.cloudevents import decode
from events.cluster import Cluster
from events.dead_letters import dead_letter
from events.envelope import Event
from events.errors import InvalidPayload
from events.kafka import KafkaProducer, read_topic
from events.log import Received
from infra.hosts.schedules import schedules
from infra.kafka.topics import provision
from infra.settings import Settings
from tests.aws_calls import Aws, serving
from tests.lambda_runtime import LambdaRuntime
from tests.unit.hosts.lambda_world import ALARM_TOPIC, post_v2, tick


@pytest.fixture
def kafka(servers: Settings) -> Cluster:
    provision(servers.kafka)
    return servers.kafka


@pytest.fixture
def aws(kafka: Cluster) -> Iterator[Aws]:
    with serving({"kafka_bootstrap": kafka.bootstrap}) as server:
        yield server


@pytest.mark.parametrize(
    ("handler", "name", "topic"),
    [
        ("retrain_tick", "schedule", "retrain-requests"),
        ("roll_forward_tick", "forecast_schedule", "forecast-requests"),
        ("prune_tick", "prune_schedule", "maintenance-requests"),
    ],
)
async def test_a_tick_becomes_the_event_of_other_clocks_however_often_it_is_tried(
    lambdas: LambdaRuntime, kafka: Cluster, aws: Aws, handler: str, name: str, topic: str
):
    (other,) = (each for each in schedules(Settings(_env_file=None)) if each.name == name)
    wanted = other.event(datetime(2026, 11, 23, 4, tzinfo=UTC))

    with lambdas.function(handler, **aws.environ) as function:
        told = [function.invoke(tick()) for _ in range(2)]
        lines = function.lines

    assert [each.said for each in told] == [{"published": wanted.id}] * 2
    assert await _events(kafka, topic, wanted.id) == [wanted, wanted]
    assert [line["event_id"] for line in lines if "event_id" in line] == [wanted.id] * 2


async def test_a_request_over_http_is_on_the_express_lane(
    lambdas: LambdaRuntime, kafka: Cluster, aws: Aws
):
    body = {"store": "1", "product": "rye bread", "run_id": "asked-by-lambda", "reason": "prices"}
    with lambdas.function("retrain_http", **aws.environ) as function:
        told = function.invoke(post_v2(body))

    assert told.said["statusCode"] == 202
    (event,) = await _events(kafka, "retrain-requests-express", "asked-by-lambda")
    assert event.data.product == "rye bread"


async def test_the_alarm_tells_of_new_dead_letters_until_it_could(
    lambdas: LambdaRuntime, kafka: Cluster, aws: Aws
):
    with lambdas.function("dead_letter_alarm", **aws.environ) as alarm:
        assert alarm.invoke({}).ok  # what other tests left
        aws.told.clear()
        await _put_letters(kafka, "calendar-changes", 3)
        aws.sns_is_away = True
        failed = alarm.invoke({})
        aws.sns_is_away = False
        looks = [alarm.invoke({}).said for _ in range(2)]

    assert not failed.ok
    assert looks == [{"letters": {"calendar-changes": 3}}, {"letters": {}}]
    (said,) = aws.told
    assert said["TopicArn"] == [ALARM_TOPIC]
    assert said["Subject"] == ["Shelfcast: 3 new dead letters"]


async def _put_letters(kafka: Cluster, topic: str, count: int) -> None:
    producer = KafkaProducer(kafka)
    error = InvalidPayload("units: must be 0 or more")
    records = [Received(topic, b"1", b"{}", [], 0, 10_000_000 + n) for n in range(count)]
    await producer.send([dead_letter(each, "shelfcast-test", error, 1) for each in records])
    await producer.close()


async def _events(kafka: Cluster, topic: str, event_id: str) -> list[Event[Any]]:
    """The topic's events of this id: other tests of the same broker leave records of their own."""
    records = [
        record
        for record in await read_topic(kafka, topic)
        if ("ce_id", event_id.encode()) in record.headers
    ]
    return [decode(record.value, record.headers) for record in records]
