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


def password_in(folders: str) -> str:
    """What a process with these folders of secrets takes for its password."""
    ask = (
        "from infra.settings import Settings;"
        "print(Settings(_env_file=None).kafka_password.get_secret_value())"
    )
    told = subprocess.run(
        [sys.executable, "-c", ask],
        env=os.environ
        | {
            "SHELFCAST_SECRETS_DIR": folders,
            "SHELFCAST_KAFKA_SECURITY": "SASL_PLAINTEXT",
            "SHELFCAST_KAFKA_USERNAME": "trainer",
        },
        capture_output=True,
        text=True,
        check=True,
    )
    return told.stdout


def test_a_secret_can_be_a_file(tmp_path: Path):
    (tmp_path / "shelfcast_kafka_password").write_text("s3cret\n")

    assert password_in(str(tmp_path)) == "s3cret\n"


def test_of_several_folders_of_secrets_the_last_that_has_it_counts(tmp_path: Path):
    folders = [tmp_path / name for name in ("one", "two", "three")]
    for folder in folders:
        folder.mkdir()
    for folder in folders[:2]:
        (folder / "shelfcast_kafka_password").write_text(folder.name)

    assert password_in(os.pathsep.join(map(str, folders))) == "two\n"
