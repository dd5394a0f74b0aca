import os
from pathlib import Path

import pytest

from infra import heartbeat


def test_a_process_that_never_said_a_word_is_not_ready(tmp_path: Path) -> None:
    assert heartbeat.trouble(tmp_path / "none", 0.0) == "it has not said yet that it is ready"


def test_a_fresh_sign_without_trouble_is_a_good_one(tmp_path: Path) -> None:
    file = tmp_path / "sign"
    heartbeat.beat(file)

    assert heartbeat.trouble(file, file.stat().st_mtime + heartbeat.EVERY) is None


def test_the_trouble_that_a_process_tells_is_handed_on_and_taken_back(tmp_path: Path) -> None:
    file = tmp_path / "sign"
    heartbeat.beat(file, "Kafka is away")
    assert heartbeat.trouble(file, file.stat().st_mtime) == "Kafka is away"

    heartbeat.beat(file)
    assert heartbeat.trouble(file, file.stat().st_mtime) is None


def test_a_sign_that_is_not_renewed_counts_for_nothing(tmp_path: Path) -> None:
    file = tmp_path / "sign"
    heartbeat.beat(file)
    os.utime(file, (1000.0, 1000.0))

    now = 1000.0 + heartbeat.LOST_AFTER + 1
    assert heartbeat.trouble(file, now) == f"no sign of life for {heartbeat.LOST_AFTER + 1:.0f} s"


def test_a_sign_that_cannot_be_written_ends_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    heartbeat.beat(tmp_path / "no such folder" / "sign")

    assert "can't renew the sign of life" in caplog.text
