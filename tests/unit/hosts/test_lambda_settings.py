import json
from pathlib import Path

import pytest

from infra.hosts.lambda_settings import KEPT_SECONDS, BadSetting
from tests.unit.hosts.lambda_world import BROKER, Context, World, tick

PATH, SECRET = "/shelfcast/prod", "shelfcast/kafka"


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.delenv("SHELFCAST_KAFKA_BOOTSTRAP", raising=False)
    return World(tmp_path)


@pytest.fixture
def stored(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setenv("SHELFCAST_LAMBDA_PARAMETERS", PATH)
    monkeypatch.setenv("SHELFCAST_LAMBDA_SECRET", SECRET)
    world.stores.parameters = {
        "kafka_bootstrap": BROKER,
        "kafka_security": "SASL_SSL",
        "kafka_mechanism": "SCRAM-SHA-512",
    }
    world.stores.secret = json.dumps({"username": "clock", "password": "sesame"})
    return world


def test_what_aws_keeps_by_name_is_the_cluster(stored: World):
    cluster = stored.settings().kafka

    assert (cluster.bootstrap, cluster.protocol) == (BROKER, "SASL_SSL")
    assert (cluster.username, cluster.password) == ("clock", "sesame")


def test_what_the_environment_says_wins(stored: World, monkeypatch):
    monkeypatch.setenv("SHELFCAST_KAFKA_BOOTSTRAP", "other.test:9092")

    assert stored.settings().kafka.bootstrap == "other.test:9092"


def test_the_text_of_an_authority_becomes_a_file(stored: World, tmp_path: Path):
    stored.stores.parameters["kafka_ca"] = "-----BEGIN CERTIFICATE-----"

    file = Path(stored.settings().kafka.ca_file or "")
    assert file.parent == tmp_path
    assert file.read_text() == "-----BEGIN CERTIFICATE-----"


def test_settings_are_read_once_and_again_when_they_are_old(stored: World):
    for _ in range(3):
        stored.settings()
    assert stored.stores.looked == 2, "one look at each store"

    stored.seconds = KEPT_SECONDS + 1
    stored.settings()
    assert stored.stores.looked == 4


def test_after_a_failure_they_are_read_anew(stored: World):
    stored.log.away = ConnectionRefusedError(111, "refused")
    with pytest.raises(Exception, match="is away"):
        stored.host.tick("schedule", tick(), Context())

    stored.log.away = None
    stored.stores.secret = json.dumps({"username": "clock", "password": "changed"})
    stored.host.tick("schedule", tick(), Context())
    assert stored.made_with is not None
    assert stored.made_with.password == "changed"


def test_settings_that_stand_nowhere_are_told_with_the_places(world: World):
    with pytest.raises(BadSetting, match=r"KAFKA_BOOTSTRAP is not set: .*_PARAMETERS or .*_SECRET"):
        world.settings()


def test_a_path_without_parameters_is_told(stored: World):
    stored.stores.parameters = {}
    with pytest.raises(BadSetting, match=f"'{PATH}': there is no parameter under that path"):
        stored.settings()


def test_a_name_that_is_no_setting_is_told_with_the_close_one(stored: World):
    stored.stores.parameters["kafka_bootstap"] = BROKER
    with pytest.raises(BadSetting, match="'kafka_bootstap' is not a setting; did you mean kafka"):
        stored.settings()


@pytest.mark.parametrize("secret", [None, "sesame", "[]", '{"kafka_password": {"a": 1}}'])
def test_a_secret_that_is_no_object_of_texts_is_told_without_it(stored: World, secret):
    stored.stores.secret = secret
    with pytest.raises(BadSetting, match="is no JSON object of texts; write it like") as caught:
        stored.settings()
    assert "sesame" not in str(caught.value)


def test_a_value_that_makes_no_sense_is_told_by_its_variable_and_not_shown(stored: World):
    stored.stores.parameters["kafka_security"] = "sesame"
    with pytest.raises(BadSetting, match="SHELFCAST_KAFKA_SECURITY: must be 'PLAINTEXT'") as caught:
        stored.settings()
    assert "sesame" not in str(caught.value)


def test_a_user_without_a_password_is_told(stored: World):
    stored.stores.secret = json.dumps({"username": "clock"})
    with pytest.raises(BadSetting, match="set SHELFCAST_KAFKA_PASSWORD"):
        stored.settings()
