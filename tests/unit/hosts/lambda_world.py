"""A Lambda's surroundings in memory: its log, what AWS keeps for it, and its invocations."""

import asyncio
import json
from pathlib import Path
from typing import Any

from events.cloudevents import decode
from events.cluster import Cluster
from events.envelope import Event
from events.memory import MemoryLog
from events.payloads import Payload
from infra.hosts.aws_lambda import LambdaHost
from infra.hosts.lambda_settings import StoredSettings

BROKER = "broker.test:9092"
ALARM_TOPIC = "arn:aws:sns:eu-central-1:123456789012:alarms"


class Context:
    """An invocation of a function that has so many seconds."""

    aws_request_id = "c6af9ac6-7b61-11e6-9a41-93e8deadbeef"
    function_name = "shelfcast-test-retrain"

    def __init__(self, seconds: float = 30.0) -> None:
        self.seconds = seconds

    def get_remaining_time_in_millis(self) -> int:
        return int(self.seconds * 1000)


class Stores:
    """What a Lambda's clients of AWS find; counts how often they look, keeps what SNS is told."""

    def __init__(self) -> None:
        self.parameters: dict[str, str] = {}
        self.secret: str | None = None
        self.looked = 0
        self.told: list[dict[str, Any]] = []
        self.sns_away: Exception | None = None

    def client(self, service: str) -> Any:
        assert service in ("ssm", "secretsmanager", "sns")
        return self

    def get_paginator(self, operation: str) -> Any:
        assert operation == "get_parameters_by_path"
        return self

    def paginate(self, *, Path: str, WithDecryption: bool) -> list[Any]:  # noqa: N803 - AWS's names
        assert WithDecryption
        self.looked += 1
        found = [{"Name": f"{Path}/{name}", "Value": v} for name, v in self.parameters.items()]
        return [{"Parameters": found[:2]}, {"Parameters": found[2:]}]

    def get_secret_value(self, *, SecretId: str) -> dict[str, Any]:  # noqa: N803 - AWS's names
        self.looked += 1
        assert SecretId
        return {} if self.secret is None else {"SecretString": self.secret}

    def publish(self, **said: Any) -> None:
        if self.sns_away is not None:
            raise self.sns_away
        self.told.append(said)


class World:
    """A host over memory. `made_with` is what the last client of Kafka was made with."""

    def __init__(self, folder: Path) -> None:
        self.log, self.stores = MemoryLog(), Stores()
        self.seconds = 0.0
        self.made_with: Cluster | None = None
        self.send_seconds: float | None = None
        self.settings = StoredSettings(self.stores.client, clock=self._now, folder=folder)
        self.host = LambdaHost(self.settings, self._producer, self._consumer, self.stores.client)

    def _now(self) -> float:
        return self.seconds

    def _producer(self, cluster: Cluster, seconds: float) -> Any:
        self.made_with, self.send_seconds = cluster, seconds
        return self.log.producer()

    def _consumer(self, cluster: Cluster, group: str, topics: list[str]) -> Any:
        self.made_with = cluster
        self.log._arrived = asyncio.Event()  # every invocation has a loop of its own
        return self.log.consumer(group, topics)

    def events(self, topic: str) -> list[Event[Payload]]:
        return [decode(record.value, record.headers) for record in self.log.records(topic)]


def tick(time: object = "2026-11-23T04:00:00Z") -> dict[str, Any]:
    """As EventBridge sends it when a rule's schedule is due."""
    return {
        "version": "0",
        "id": "53dc4d37-cffa-4f76-80c9-8b7d4a4d2eaa",
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": "123456789012",
        "time": time,
        "region": "eu-central-1",
        "resources": ["arn:aws:events:eu-central-1:123456789012:rule/shelfcast-retrain"],
        "detail": {},
    }


def post_v2(body: object, **headers: str) -> dict[str, Any]:
    """As a function URL or an HTTP API sends a POST (payload format 2.0)."""
    return {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": "/",
        "headers": {"content-type": "application/json", **headers},
        "requestContext": {"http": {"method": "POST", "path": "/"}, "requestId": "id"},
        "body": body if isinstance(body, str) else json.dumps(body),
        "isBase64Encoded": False,
    }


def post_v1(body: object, **headers: str) -> dict[str, Any]:
    """As a REST API sends a POST (payload format 1.0)."""
    return {
        "httpMethod": "POST",
        "path": "/retrain",
        "headers": {"Content-Type": "application/json", **headers},
        "requestContext": {"requestId": "id"},
        "body": body if isinstance(body, str) else json.dumps(body),
        "isBase64Encoded": False,
    }
