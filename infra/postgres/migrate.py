"""Brings a database to the current schema. Safe to run at every start and from many processes."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, create_engine, text

MIGRATIONS = Path(__file__).with_name("migrations")
LOCK = 7_346_215  # any number that nothing else in the database locks


def sqlalchemy_url(database_url: str) -> str:
    """The URL as SQLAlchemy wants it, for psycopg."""
    return "postgresql+psycopg://" + database_url.split("://", 1)[1]


def migrate(database_url: str) -> None:
    """Apply the migrations that are missing, under a lock that a second caller waits for."""
    engine = create_engine(sqlalchemy_url(database_url))
    try:
        with engine.connect() as connection:
            connection.execute(text("SELECT pg_advisory_lock(:lock)"), {"lock": LOCK})
            connection.commit()
            upgrade(connection)
            connection.execute(text("SELECT pg_advisory_unlock(:lock)"), {"lock": LOCK})
            connection.commit()
    finally:
        engine.dispose()


def upgrade(connection: Connection, revision: str = "head") -> None:
    """Apply migrations over a connection that the caller opened."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    command.upgrade(config, revision)
