"""The stack with TLS and a password to Kafka, and a user of its own for every function."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import asyncpg
import psycopg
import pytest
from aiokafka.errors import GroupAuthorizationFailedError, TopicAuthorizationFailedError

from events.broker_refusals import BrokerRefuses
from events.cluster import Cluster
from events.kafka import KafkaConsumer, KafkaProducer, read_topic
from events.log import Record
from events.topics import DEAD_LETTERS, TOPICS
from infra.access import USERS
from infra.credentials import give_credentials
from infra.kafka.topics import provision
from infra.local import postgres, stack
from infra.outages import is_outage
from infra.postgres.migrate import migrate
from infra.postgres.schema import metadata
from infra.settings import Settings
from tests.aws_calls import serving
from tests.e2e.hardened_kafka import hardened_kafka
from tests.e2e.system import System
from tests.lambda_runtime import LambdaRuntime
from tests.unit.hosts.lambda_world import tick

VERBS = ("SELECT", "INSERT", "UPDATE", "DELETE")


@dataclass
class Hardened:
    """The operator's settings, and where the functions' credentials are."""

    settings: Settings
    credentials: Path

    def cluster(self, user: str) -> Cluster:
        return self.settings.model_copy(update={"credentials": self.credentials}).of(user).kafka

    def database(self, user: str) -> str:
        return self.settings.model_copy(update={"credentials": self.credentials}).of(user).database


@pytest.fixture(scope="module")
def hardened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hardened]:
    """Kafka and Postgres with topics, schema and users; nothing else runs."""
    folder = tmp_path_factory.mktemp("hardened")
    with hardened_kafka(folder / "kafka") as cluster:
        asked = Settings(
            _env_file=None,
            home=folder / "home",
            kafka_bootstrap=cluster.bootstrap,
            kafka_security=cluster.protocol,
            kafka_username=cluster.username,
            kafka_password=cluster.password,
            kafka_ca_file=cluster.ca_file,
        )
        try:
            settings = stack.up(asked, names=stack.SERVERS)
            migrate(settings.database)
            provision(settings.kafka)
            give_credentials(settings, folder / "credentials")
            yield Hardened(settings, folder / "credentials")
        finally:
            stack.down(asked)
            postgres.discard(asked.home)


def test_a_retrain_goes_end_to_end_with_a_user_for_each_function(
    hardened: Hardened, monkeypatch: pytest.MonkeyPatch
):
    operator = hardened.settings
    given = {
        "KAFKA_SECURITY": operator.kafka_security,
        "KAFKA_CA_FILE": operator.kafka_ca_file,
        "CREDENTIALS": hardened.credentials,
    }
    for name, value in given.items():
        monkeypatch.setenv(f"SHELFCAST_{name}", str(value))
    running = stack.up(operator.model_copy(update={"credentials": hardened.credentials}))
    system = System(running.model_copy(update={"credentials": None}))
    store = system.shop(series=2)

    run = system.ended(system.retrain(store))

    assert run["counts"]["succeeded"] == 2
    assert len(system.forecast(store, "product-0")["days"]) == 7
    answer = system.get("/readyz").json()
    assert answer["ready"], answer
    assert system.topic(DEAD_LETTERS) == []
    many = system.ended(system.retrain(system.shop(series=20)))
    assert many["counts"]["succeeded"] == 20, "on the bulk lane"


@pytest.mark.parametrize("user", USERS)
async def test_a_user_writes_its_topics_and_no_others(hardened: Hardened, user: str):
    producer = KafkaProducer(hardened.cluster(user), 20)
    for topic in sorted(TOPICS):
        record = Record(topic, b"key", None)
        if topic in USERS[user].writes:
            continue  # shown by the run above, and what is sent here would be read
        with pytest.raises(TopicAuthorizationFailedError):
            await producer.send([record])
    await producer.close()


@pytest.mark.parametrize("user", USERS)
async def test_a_user_reads_its_topics_and_no_others(hardened: Hardened, user: str):
    cluster = hardened.cluster(user)
    for topic in sorted(TOPICS):
        if topic in USERS[user].reads:
            await read_topic(cluster, topic)
        elif topic not in USERS[user].writes:  # whose ends it may ask for
            with pytest.raises(TopicAuthorizationFailedError):
                await read_topic(cluster, topic)


@pytest.mark.parametrize("user", USERS)
async def test_a_user_is_of_no_group_but_its_own(hardened: Hardened, user: str):
    others = {group for each in USERS.values() for group in each.groups} - USERS[user].groups
    for group in sorted(group for group in others if not group.endswith("*")):
        topics = sorted(USERS[user].reads or USERS[user].writes)[:1]
        consumer = KafkaConsumer(hardened.cluster(user), group, topics)
        with pytest.raises(GroupAuthorizationFailedError) as refused:
            await consumer.start()
        assert is_outage(refused.value), "what it was to read stays for when it may"


@pytest.mark.parametrize("user", USERS)
def test_a_user_has_the_tables_that_it_needs_and_no_others(hardened: Hardened, user: str):
    needs = USERS[user].tables
    with psycopg.connect(hardened.database(user), autocommit=True) as connection:
        for table in metadata.tables:
            ask = "SELECT " + ", ".join(f"has_table_privilege('{table}', '{v}')" for v in VERBS)
            row = connection.execute(ask).fetchone()
            assert row is not None
            has = {verb for verb, may in zip(VERBS, row, strict=True) if may}
            assert has == set(needs.get(table, ()))
        for refused in ("CREATE TABLE mine (n int)", "DROP TABLE forecasts", "CREATE ROLE me"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(refused)


async def test_a_wrong_password_is_told_apart_from_a_broker_that_is_away(hardened: Hardened):
    right = hardened.settings.kafka
    wrong = replace(right, password="guessed")
    with pytest.raises(BrokerRefuses, match="refuses the user 'operator'"):
        await KafkaProducer(wrong).send([Record("sales", b"key", None)])
    stranger = replace(right, ca_file=None)
    with pytest.raises(BrokerRefuses, match=r"not trusted.*SHELFCAST_KAFKA_CA_FILE"):
        await KafkaConsumer(stranger, None, ["sales"]).start()


async def test_a_missing_right_is_nobodys_dead_letter(hardened: Hardened):
    connection = await asyncpg.connect(hardened.database("clock"))
    with pytest.raises(asyncpg.InsufficientPrivilegeError) as refused:
        await connection.execute("DELETE FROM daily_sales")
    await connection.close()
    assert is_outage(refused.value)


def test_files_of_passwords_are_for_their_owner_and_stay_the_same(hardened: Hardened):
    files = sorted(hardened.credentials.rglob("shelfcast_*"))
    assert {file.stat().st_mode & 0o777 for file in files} == {0o600}
    assert {folder.stat().st_mode & 0o777 for folder in hardened.credentials.iterdir()} == {0o700}
    before = {file: file.read_text() for file in files}
    assert len(set(before.values())) > 2 * len(USERS) - 1
    give_credentials(hardened.settings, hardened.credentials)
    assert {file: file.read_text() for file in files} == before


def test_a_lambda_comes_by_tls_as_its_own_user(hardened: Hardened, lambdas: LambdaRuntime):
    stored = _stored_for_lambdas(hardened)
    with serving(stored) as aws:
        with lambdas.function("prune_tick", **aws.environ) as prune:
            # Kafka's nodes learn of a new user one after the other; AWS tries three times as well.
            told = [prune.invoke(tick()) for _ in range(3)]
        with lambdas.function("dead_letter_alarm", **aws.environ) as alarm:
            looked = alarm.invoke({})

    assert told[-1].ok, told[-1].said
    assert looked.ok, looked.said


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"kafka_password": "wrong"}, "refuses the user 'lambda'"),
        ({"kafka_username": "trainer"}, "refuses the user 'trainer'"),
    ],
)
def test_a_lambda_that_is_refused_says_so(
    hardened: Hardened, lambdas: LambdaRuntime, wrong: dict[str, str], told: str
):
    with (
        serving(_stored_for_lambdas(hardened) | wrong) as aws,
        lambdas.function("prune_tick", **aws.environ) as prune,
    ):
        failed = prune.invoke(tick())

    assert failed.said["errorType"] == "BrokerAway"
    assert "does not let this user do that" in failed.said["errorMessage"]
    assert told in failed.said["errorMessage"]


def _stored_for_lambdas(hardened: Hardened) -> dict[str, str]:
    cluster = hardened.cluster("lambda")
    return {
        "kafka_bootstrap": cluster.bootstrap,
        "kafka_security": cluster.protocol,
        "kafka_username": str(cluster.username),
        "kafka_password": str(cluster.password),
        "kafka_ca": Path(str(cluster.ca_file)).read_text(encoding="utf-8"),
    }
