"""How Kafka is reached, as the settings say it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import ValidationError

from events.cluster import Cluster
from infra.settings import Settings

WHO = {"kafka_username": "trainer", "kafka_password": "s3cret"}


def settings(**given: object) -> Settings:
    return Settings(_env_file=None, kafka_bootstrap="a:9092", **given)


def test_a_user_and_authorities_are_part_of_the_cluster(tmp_path: Path):
    authorities = tmp_path / "ca.pem"
    authorities.write_text("")
    found = settings(kafka_security="SASL_SSL", kafka_ca_file=authorities, **WHO)
    wanted = Cluster("a:9092", "SASL_SSL", "SCRAM-SHA-512", "trainer", "s3cret", str(authorities))
    assert found.kafka == wanted
    assert "s3cret" not in repr(found)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"kafka_security": "SASL_SSL"}, "needs a kafka_username: set SHELFCAST_KAFKA_USERNAME"),
        (
            {"kafka_security": "SASL_SSL", "kafka_username": "trainer"},
            "needs a kafka_password: set SHELFCAST_KAFKA_PASSWORD",
        ),
        (WHO, "kafka_username is of no use with kafka_security PLAINTEXT: leave it out, or set"),
        ({"kafka_ca_file": "/nowhere/ca.pem"}, "there is no such file"),
        ({"kafka_security": "TLS"}, "kafka_security"),
    ],
)
def test_half_a_user_is_refused_with_what_is_missing(given: dict[str, str], told: str):
    with pytest.raises(ValidationError, match=told):
        settings(**given)


def test_a_secret_can_be_a_file(tmp_path: Path):
    (tmp_path / "shelfcast_kafka_password").write_text("s3cret\n")
    ask = (
        "from infra.settings import Settings;"
        "print(Settings(_env_file=None).kafka_password.get_secret_value())"
    )
    told = subprocess.run(
        [sys.executable, "-c", ask],
        env=os.environ
        | {
            "SHELFCAST_SECRETS_DIR": str(tmp_path),
            "SHELFCAST_KAFKA_SECURITY": "SASL_PLAINTEXT",
            "SHELFCAST_KAFKA_USERNAME": "trainer",
        },
        capture_output=True,
        text=True,
        check=True,
    )
    assert told.stdout == "s3cret\n"
