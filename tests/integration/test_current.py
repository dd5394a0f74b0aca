"""What a process finds when it asks whether schema and topics are its version's."""

import asyncio
import dataclasses
import json
from collections.abc import Mapping

import psycopg
import pytest
from pydantic import SecretStr
from typer.testing import CliRunner

from events import topics as table
from infra import current
from infra.cli import migrate as command
from infra.cli.main import app
from infra.current import NotCurrent, require_current
from infra.kafka.topics import partitions, provision
from infra.reaching import CredentialRefused, ServerAway, reach_kafka, reach_postgres
from infra.settings import Settings

TOPICS = list(table.TOPICS)
SHORT = 0.1  # seconds; what is away stays away here


@pytest.fixture
def settings(servers: Settings, database: str) -> Settings:
    """A database with the schema and a broker with the topics."""
    provision(servers.kafka)
    return servers.model_copy(update={"database_url": SecretStr(database)})


def put_at(settings: Settings, revision: str) -> None:
    with psycopg.connect(settings.database, autocommit=True) as connection:
        connection.execute("UPDATE alembic_version SET version_num = %s", [revision])


def enlarge(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """As a version would that needs one partition more than there are."""
    wider = dataclasses.replace(table.TOPICS[name], partitions=table.TOPICS[name].partitions + 1)
    monkeypatch.setitem(table.TOPICS, name, wider)


def test_a_schema_and_topics_of_this_version_are_taken(settings: Settings):
    require_current(settings, TOPICS)


def test_a_schema_one_migration_behind_is_refused_with_the_command_that_mends_it(
    settings: Settings,
):
    last, head = current.revisions()[-2:]
    put_at(settings, last)

    with pytest.raises(NotCurrent, match=rf"is at {last}.* needs {head}: run `shelfcast migrate`"):
        require_current(settings, TOPICS)


def test_a_database_without_any_schema_is_refused(settings: Settings):
    with psycopg.connect(settings.database, autocommit=True) as connection:
        connection.execute("DROP TABLE alembic_version")

    with pytest.raises(NotCurrent, match="is at nothing"):
        require_current(settings, TOPICS)


def test_a_newer_schema_is_taken_as_old_processes_run_on_in_a_rolling_upgrade(settings: Settings):
    put_at(settings, "9999")

    require_current(settings, TOPICS)


def test_a_topic_with_too_few_partitions_is_refused_with_the_command_that_mends_it(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
):
    enlarge(monkeypatch, "sales")
    wanted = table.TOPICS["sales"].partitions

    with pytest.raises(
        NotCurrent, match=rf"sales has {wanted - 1} .* needs {wanted}: run `shelfcast migrate`"
    ):
        require_current(settings, ["sales"])


def test_a_topic_that_is_not_there_is_refused(settings: Settings, monkeypatch: pytest.MonkeyPatch):
    new = dataclasses.replace(table.TOPICS["sales"], name="of-tomorrow")
    monkeypatch.setitem(table.TOPICS, "of-tomorrow", new)

    with pytest.raises(NotCurrent, match="no topic of-tomorrow"):
        require_current(settings, ["of-tomorrow"])


def test_a_process_goes_on_unasked_while_a_server_is_away(
    settings: Settings, caplog: pytest.LogCaptureFixture
):
    away = settings.model_copy(update={"kafka_bootstrap": "127.0.0.1:1"})

    require_current(away, TOPICS, patience=SHORT)

    assert "Kafka at 127.0.0.1:1 could not be reached" in caplog.text


def test_a_wrong_password_is_told_apart_from_a_host_that_is_not_there(settings: Settings):
    user, _, rest = settings.database.partition("@")
    wrong = f"{user.rpartition(':')[0]}:wrong@{rest}"
    host = rest.partition("/")[0]

    with pytest.raises(CredentialRefused, match=f"{host}/.* refuses user and password"):
        asyncio.run(reach_postgres(wrong, SHORT))
    with pytest.raises(ServerAway, match=r"127\.0\.0\.1:1/x could not be reached") as told:
        asyncio.run(reach_postgres("postgresql://me:hidden@127.0.0.1:1/x", SHORT))
    assert "hidden" not in str(told.value)
    with pytest.raises(CredentialRefused, match="has no such database"):
        asyncio.run(reach_postgres(settings.database.rpartition("/")[0] + "/other", SHORT))


def test_a_broker_that_refuses_a_user_is_told_apart_from_one_that_is_away(settings: Settings):
    user = dataclasses.replace(
        settings.kafka, protocol="SASL_PLAINTEXT", username="me", password="wrong"
    )

    with pytest.raises(CredentialRefused, match="answers and refuses the user 'me'"):
        asyncio.run(reach_kafka(user, SHORT))
    with pytest.raises(ServerAway, match="SHELFCAST_KAFKA_BOOTSTRAP"):
        asyncio.run(reach_kafka(dataclasses.replace(user, bootstrap="127.0.0.1:1"), SHORT))


def environment(settings: Settings, database: str) -> Mapping[str, str]:
    return {
        "SHELFCAST_HOME": str(settings.home),
        "SHELFCAST_DATABASE_URL": database,
        "SHELFCAST_KAFKA_BOOTSTRAP": settings.kafka.bootstrap,
    }


def test_migrate_says_what_it_did_and_that_there_was_nothing_to_do(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
):
    head = current.revisions()[-1]
    with psycopg.connect(settings.database, autocommit=True) as connection:
        connection.execute("CREATE DATABASE empty_one")
    empty = settings.database.rpartition("/")[0] + "/empty_one"
    enlarge(monkeypatch, "sales")

    first = CliRunner().invoke(app, ["migrate", "--json"], env=environment(settings, empty))
    again = CliRunner().invoke(app, ["migrate"], env=environment(settings, empty))

    told = json.loads(first.stdout)
    assert told["schema"] == {"before": None, "now": head}
    assert told["topics"]["grown"] == ["sales"]
    assert again.stdout.splitlines() == [
        f"schema: is at {head} already",
        f"topics: all {len(TOPICS)} are there already",
    ]
    assert partitions(settings.kafka)["sales"] == table.TOPICS["sales"].partitions


def test_migrate_does_nothing_to_the_database_while_kafka_is_away(settings: Settings):
    away = settings.model_copy(update={"kafka_bootstrap": "127.0.0.1:1"})
    last = current.revisions()[-2]
    put_at(settings, last)

    with pytest.raises(ServerAway):
        command.bring_up(away, replication_factor=1, wait=SHORT)
    with pytest.raises(NotCurrent, match=f"is at {last}"):
        require_current(settings, TOPICS)
