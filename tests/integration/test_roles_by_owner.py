"""On Kubernetes the tables' owner is not a superuser: it may make roles, and migrates."""

import secrets
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from infra.access import USERS
from infra.kubernetes import roles
from infra.kubernetes.await_schema import found, older
from infra.postgres.migrate import migrate
from infra.postgres.roles import role_of
from infra.settings import Settings


@pytest.fixture
def owned(servers: Settings) -> Iterator[str]:
    """An empty database as CloudNativePG makes it, by its owner's URL."""
    name = f"owned_{secrets.token_hex(6)}"
    words = {"owner": sql.Identifier(name), "password": sql.Literal(name)}
    with psycopg.connect(servers.database, autocommit=True) as connection:
        connection.execute(
            sql.SQL("CREATE ROLE {owner} LOGIN CREATEROLE PASSWORD {password}").format(**words)
        )
        connection.execute(sql.SQL("CREATE DATABASE {owner} OWNER {owner}").format(**words))
        at = servers.database.rpartition("@")[2].partition("/")[0]
        yield f"postgresql://{name}:{name}@{at}/{name}"
        connection.execute(sql.SQL("DROP DATABASE {owner} WITH (FORCE)").format(**words))
        for user in USERS:
            connection.execute(
                sql.SQL("DROP ROLE IF EXISTS {}").format(sql.Identifier(role_of(user)))
            )
        connection.execute(sql.SQL("DROP ROLE {owner}").format(**words))


def test_the_owner_migrates_and_makes_the_roles_again_and_again(
    owned: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    for user in USERS:
        (tmp_path / user).mkdir()
        (tmp_path / user / "shelfcast_kafka_password").write_text(f"word of {user}")
    monkeypatch.setenv("SHELFCAST_CREDENTIALS", str(tmp_path))
    monkeypatch.setenv("SHELFCAST_DATABASE_URL", owned)
    assert found(owned) in older()

    migrate(owned)
    roles.main()
    roles.main()  # the next version's Job

    assert found(owned) not in older()
    by_planner = psycopg.conninfo.make_conninfo(
        owned, user=role_of("planner"), password="word of planner"
    )
    with psycopg.connect(by_planner) as connection:
        connection.execute("SELECT FROM daily_sales")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("DELETE FROM daily_sales")
