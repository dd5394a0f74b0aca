import asyncio
import logging
from types import SimpleNamespace
from typing import Any

import pytest
from pydantic import ValidationError

from events.cluster import Cluster
from events.topics import TOPICS
from functions.catalog import FUNCTIONS, processes
from infra.hosts import lag_policy
from infra.hosts.lag_policy import LagPolicy, replicas_for
from infra.settings import Settings


@pytest.mark.parametrize(
    ("lag", "replicas"), [(0, 0), (1, 1), (8, 1), (9, 2), (80, 10), (100_000, 12_500)]
)
def test_each_replica_takes_a_batch_and_nothing_that_waits_is_nobody(lag: int, replicas: int):
    assert replicas_for(lag, 8) == replicas


class Kafka:
    """What the policy asks for the lag of a group."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.lag = 0
        self.away: Exception | None = None
        self.asked: list[tuple[Any, ...]] = []
        monkeypatch.setattr(lag_policy, "group_lag", self.group_lag)

    async def group_lag(self, *asked: Any) -> int:
        self.asked.append(asked)
        if self.away is not None:
            raise self.away
        return self.lag


@pytest.fixture
def kafka(monkeypatch: pytest.MonkeyPatch) -> Kafka:
    return Kafka(monkeypatch)


async def decided(policy: LagPolicy, replicas: int = 3) -> int:
    """What the policy says once it has asked Kafka."""
    context: Any = SimpleNamespace(target_num_replicas=replicas)
    policy(context)
    await asyncio.sleep(0)  # the poll runs
    return policy(context)[0]


def policy(poll_seconds: float = 0.0) -> LagPolicy:
    return LagPolicy({"bootstrap": "broker:9092"}, "group", ["shards"], 8, poll_seconds)


async def test_replicas_follow_the_lag_up_and_down_to_none(kafka: Kafka):
    followed = policy()
    for lag, replicas in ((0, 0), (17, 3), (5, 1), (0, 0)):
        kafka.lag = lag
        assert await decided(followed) == replicas
    assert kafka.asked[0] == (Cluster("broker:9092"), "group", ["shards"])


async def test_until_the_lag_is_known_and_while_kafka_is_away_replicas_stay(kafka: Kafka, caplog):
    followed = policy()
    context: Any = SimpleNamespace(target_num_replicas=3)
    assert followed(context) == (3, {})
    kafka.lag = 80
    assert await decided(followed) == 10
    kafka.away = ConnectionRefusedError("away")
    with caplog.at_level(logging.WARNING):
        assert await decided(followed) == 3
    assert "group: lag unknown: ConnectionRefusedError" in caplog.text


async def test_kafka_is_asked_no_more_often_than_the_interval(kafka: Kafka):
    followed = policy(poll_seconds=3600)
    for _ in range(5):
        await decided(followed)
    assert len(kafka.asked) == 1


def test_what_is_no_trainer_has_as_many_replicas_as_are_set():
    settings = Settings(registry_replicas=2, forecaster_replicas=3, trainer_replicas_max=4)
    replicas = {
        name: settings.replicas_of(name) for name in processes("spread") if name != "trainer"
    }
    assert replicas == {"planner": 1, "registry": 2, "forecaster": 3, "express": 1}


@pytest.mark.parametrize("name", ["registry", "forecaster"])
def test_more_replicas_than_partitions_are_refused(name: str):
    partitions = TOPICS[FUNCTIONS[name].inputs[0]].partitions
    assert Settings(**{f"{name}_replicas": partitions}) is not None
    with pytest.raises(ValidationError, match=f"less than or equal to {partitions}"):
        Settings(**{f"{name}_replicas": partitions + 1})


def test_more_trainers_than_partitions_and_a_range_upside_down_are_refused():
    partitions = TOPICS[FUNCTIONS["trainer"].inputs[0]].partitions
    assert Settings(trainer_replicas_max=partitions).trainer_replicas_max == partitions
    with pytest.raises(ValidationError, match=f"less than or equal to {partitions}"):
        Settings(trainer_replicas_max=partitions + 1)
    with pytest.raises(ValidationError, match="trainer_replicas_min 3 is above trainer_replicas"):
        Settings(trainer_replicas_min=3, trainer_replicas_max=2)
