import time
from pathlib import Path

from infra import heartbeat
from infra.hosts.healthcheck import trouble


def test_a_process_is_healthy_by_its_own_word(tmp_path: Path):
    sign = tmp_path / "ready"
    assert "not said yet" in str(trouble(sign, None, time.time()))

    heartbeat.beat(sign)
    assert trouble(sign, None, time.time()) is None

    heartbeat.beat(sign, "Kafka is away")
    assert trouble(sign, None, time.time()) == "Kafka is away"


def test_one_with_an_api_is_healthy_when_that_answers_too(tmp_path: Path):
    sign = tmp_path / "ready"
    heartbeat.beat(sign)

    assert "does not answer" in str(trouble(sign, "127.0.0.1:1", time.time()))
