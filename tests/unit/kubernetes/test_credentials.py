"""The one secret, and the folder that it becomes in a pod."""

from pathlib import Path

import pytest

from infra.access import USERS
from infra.kubernetes import credentials, roles
from infra.kubernetes.users import OPERATOR, SHOP
from infra.settings import CredentialsMissing, Settings


def mounted(folder: Path) -> Path:
    """As the manifests mount it."""
    data = credentials.secret()["stringData"]
    assert isinstance(data, dict)
    for user in USERS:
        (folder / user).mkdir()
        for key, name in (
            (f"{user}-kafka-password", "kafka_password"),
            (f"{user}-database-url", "database_url"),
        ):
            (folder / user / f"shelfcast_{name}").write_text(data[key])
    return folder


def test_every_user_finds_itself_in_what_is_mounted(tmp_path: Path):
    settings = Settings(
        _env_file=None,
        kafka_bootstrap="kafka:9093",
        kafka_security="SASL_SSL",
        credentials=mounted(tmp_path),
    )
    for user in USERS:
        own = settings.of(user)
        assert own.kafka.username == user
        assert own.kafka.password in own.database  # the same one in both servers
        assert f"//shelfcast_{user}:" in own.database
        assert "sslmode=verify-full" in own.database


def test_passwords_are_new_each_time_and_need_no_quoting():
    first, second = credentials.secret()["stringData"], credentials.secret()["stringData"]
    assert isinstance(first, dict)
    assert isinstance(second, dict)
    assert first.keys() == second.keys()
    assert not set(first.values()) & set(second.values())
    for user in (*USERS, OPERATOR, SHOP):
        password = first[f"{user}-kafka-password"]
        assert len(password) >= 32
        assert password.replace("-", "").replace("_", "").isalnum()


def test_roles_get_the_passwords_that_are_mounted(tmp_path: Path):
    folder = mounted(tmp_path)
    known = roles.passwords(folder)
    assert known.keys() == USERS.keys()
    assert all(
        word in (folder / user / "shelfcast_database_url").read_text()
        for user, word in known.items()
    )


def test_a_password_that_is_not_there_is_named(tmp_path: Path):
    (mounted(tmp_path) / "planner" / "shelfcast_kafka_password").unlink()
    with pytest.raises(CredentialsMissing, match="planner/shelfcast_kafka_password can't be read"):
        roles.passwords(tmp_path)
