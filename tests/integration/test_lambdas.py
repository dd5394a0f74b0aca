"""The Lambdas' zip against a real Kafka, with AWS's stores and SNS played by a small server."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs

import pytest

from events.cloudevents import decode
from events.cluster import Cluster
from events.dead_letters import dead_letter
from events.envelope import Event
from events.errors import InvalidPayload
from events.kafka import KafkaProducer, read_topic
from events.log import Received
from infra.hosts.ticks import ticks
from infra.kafka.topics import provision
from infra.settings import Settings
from tests.lambda_runtime import LambdaRuntime
from tests.unit.hosts.lambda_world import ALARM_TOPIC, post_v2, tick

NAMESPACE = "http://sns.amazonaws.com/doc/2010-03-31/"
PUBLISHED = (
    f'<PublishResponse xmlns="{NAMESPACE}"><PublishResult><MessageId>1</MessageId></PublishResult>'
    "<ResponseMetadata><RequestId>1</RequestId></ResponseMetadata></PublishResponse>"
)


class Aws(ThreadingHTTPServer):
    """The two calls that functions make: parameters by path, and SNS's publish."""

    daemon_threads = True

    def __init__(self, parameters: dict[str, str]) -> None:
        super().__init__(("127.0.0.1", 0), _Calls)
        self.parameters, self.told = parameters, list[dict[str, list[str]]]()
        self.sns_is_away = False

    @property
    def environ(self) -> dict[str, str]:
        return {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self.server_port}",
            "SHELFCAST_LAMBDA_PARAMETERS": "/shelfcast/test",
            "SHELFCAST_LAMBDA_ALARM_TOPIC": ALARM_TOPIC,
        }


class _Calls(BaseHTTPRequestHandler):
    server: Aws

    def do_POST(self) -> None:
        """One call."""
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        if self.headers.get("X-Amz-Target") == "AmazonSSM.GetParametersByPath":
            path = json.loads(body)["Path"]
            found = [{"Name": f"{path}/{n}", "Value": v} for n, v in self.server.parameters.items()]
            self._answer(200, json.dumps({"Parameters": found}))
        elif self.server.sns_is_away:
            self._answer(
                403, "<ErrorResponse><Error><Code>AuthorizationError</Code></Error></ErrorResponse>"
            )
        else:
            self.server.told.append(parse_qs(body))
            self._answer(200, PUBLISHED)

    def _answer(self, status: int, body: str) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_: object) -> None:
        """Silent: a test says what failed."""


@pytest.fixture
def kafka(servers: Settings) -> Cluster:
    provision(servers.kafka)
    return servers.kafka


@pytest.fixture
def aws(kafka: Cluster) -> Iterator[Aws]:
    with Aws({"kafka_bootstrap": kafka.bootstrap}) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


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
    (other,) = (each for each in ticks(Settings(_env_file=None)) if each.name == name)
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
    events = [decode(record.value, record.headers) for record in await read_topic(kafka, topic)]
    return [event for event in events if event.id == event_id]
