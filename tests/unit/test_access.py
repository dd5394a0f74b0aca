"""The table of users fits what there is: functions, topics and tables."""

from pathlib import Path

import pytest

from events.topics import DEAD_LETTERS, TOPICS
from functions.catalog import FUNCTIONS
from infra.access import USERS, user_of
from infra.postgres.schema import metadata
from infra.settings import CredentialsMissing, Settings


def test_every_function_is_a_user_on_both_lanes():
    for function in FUNCTIONS.values():
        user = USERS[user_of(function.name)]
        assert set(function.inputs) <= user.reads
        assert {*function.outputs, DEAD_LETTERS} <= user.writes
        assert function.group in user.groups


@pytest.mark.parametrize("user", USERS.values(), ids=str)
def test_topics_and_tables_are_there(user):
    assert user.reads | user.writes <= set(TOPICS)
    assert set(user.tables) <= set(metadata.tables)


def test_nobody_but_the_sink_writes_sales_and_only_the_pruner_lets_them_go():
    may_write = {name for name, user in USERS.items() if "INSERT" in rights(user, "daily_sales")}
    may_remove = {name for name, user in USERS.items() if "DELETE" in rights(user, "daily_sales")}
    assert may_write == {"sales"}
    assert may_remove == {"sales", "pruner"}


def rights(user, table: str) -> tuple[str, ...]:
    return user.tables.get(table, ())


def test_a_process_that_has_no_password_says_how_to_make_one(tmp_path: Path):
    settings = Settings(_env_file=None, credentials=tmp_path)
    with pytest.raises(CredentialsMissing, match=r"planner.*run `shelfcast credentials"):
        settings.of("planner")


def test_a_user_has_its_own_url_and_password(tmp_path: Path):
    folder = tmp_path / "planner"
    folder.mkdir()
    (folder / "shelfcast_database_url").write_text("postgresql://planner:a@b/c\n")
    (folder / "shelfcast_kafka_password").write_text("s3cret")
    settings = Settings(
        _env_file=None,
        kafka_bootstrap="a:9092",
        kafka_security="SASL_SSL",
        credentials=tmp_path,
    )
    own = settings.of("planner")
    assert own.database == "postgresql://planner:a@b/c"
    assert (own.kafka.username, own.kafka.password) == ("planner", "s3cret")


def test_without_credentials_all_are_the_same_user():
    settings = Settings(_env_file=None)
    assert settings.of("planner") is settings
