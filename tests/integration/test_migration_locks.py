"""Migrations on a database that others are at work in."""

import uuid
from collections.abc import Iterator

import psycopg
import pytest
from psycopg.sql import SQL, Identifier
from sqlalchemy import create_engine

from infra.postgres import migrate as migrations
from infra.postgres.migrate import MigrationBlocked, migrate, sqlalchemy_url, upgrade
from infra.settings import Settings

TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
OLDEST = "0001"


@pytest.fixture
def old_database(servers: Settings) -> Iterator[str]:
    """The URL of a database with the oldest schema."""
    name = f"old_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(servers.database, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    url = servers.database.rpartition("/")[0] + f"/{name}"
    engine = create_engine(sqlalchemy_url(url))
    with engine.connect() as connection:
        upgrade(connection, OLDEST)
        connection.commit()
    engine.dispose()
    yield url
    with psycopg.connect(servers.database, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(migrations, "LOCK_TIMEOUT", "50ms")
    monkeypatch.setattr(migrations, "TRIES", 2)


@pytest.mark.usefixtures("impatient")
def test_a_migration_does_not_queue_behind_a_long_transaction_for_ever(old_database: str) -> None:
    with psycopg.connect(old_database) as reader:
        for (table,) in reader.execute(TABLES).fetchall():
            lock = SQL("LOCK TABLE {} IN ACCESS SHARE MODE").format(Identifier(table))
            reader.execute(lock)

        with pytest.raises(MigrationBlocked, match=r"2 times 50ms .*lock timeout"):
            migrate(old_database)
        with psycopg.connect(old_database) as other:  # nobody waits behind it
            other.execute("SET lock_timeout = '50ms'")
            other.execute("SELECT 1 FROM daily_sales LIMIT 1")

    migrate(old_database)  # the transaction has ended


def test_another_error_of_a_migration_is_not_taken_for_a_lock(
    old_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with psycopg.connect(old_database) as connection:
        connection.execute("UPDATE alembic_version SET version_num = 'unknown'")

    with pytest.raises(Exception, match="unknown"):
        migrate(old_database)
