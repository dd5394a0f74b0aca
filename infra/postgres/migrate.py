"""Migrate a database to the current schema. Safe to run at every start and in many processes.

A migration that waits for a table lock blocks all later users of the table. So it waits
LOCK_TIMEOUT at most, lets them through, and retries.
"""

from pathlib import Path

import stamina
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from psycopg.errors import LockNotAvailable
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.exc import OperationalError

MIGRATIONS = Path(__file__).with_name("migrations")
LOCK = 7_346_215  # any number that nothing else in the database locks
LOCK_TIMEOUT = "5s"
TRIES = 10


class MigrationBlocked(Exception):
    """A table that a migration changes was locked by others all the time."""


def sqlalchemy_url(database_url: str) -> str:
    """Return the URL in SQLAlchemy's format, for psycopg."""
    return "postgresql+psycopg://" + database_url.split("://", 1)[1]


def migrate(database_url: str) -> None:
    """Apply the migrations that are missing, under a lock that a second caller waits for.

    MigrationBlocked when others held a table for as long as it was tried.
    """
    engine = create_engine(sqlalchemy_url(database_url))
    try:
        with engine.connect() as connection:
            connection.execute(text("SELECT pg_advisory_lock(:lock)"), {"lock": LOCK})
            connection.execute(text(f"SET lock_timeout = '{LOCK_TIMEOUT}'"))
            connection.commit()
            _upgrade_patiently(connection)
            connection.execute(text("SELECT pg_advisory_unlock(:lock)"), {"lock": LOCK})
            connection.commit()
    finally:
        engine.dispose()


def revision(database_url: str) -> str | None:
    """Return the revision of the database's schema, or None if it has none yet."""
    engine = create_engine(sqlalchemy_url(database_url))
    try:
        with engine.connect() as connection:
            return MigrationContext.configure(connection).get_current_revision()
    finally:
        engine.dispose()


def _upgrade_patiently(connection: Connection) -> None:
    try:
        for attempt in stamina.retry_context(on=_is_lock_timeout, attempts=TRIES, timeout=None):
            with attempt:
                upgrade(connection)  # one transaction for each migration: what is done stays done
    except OperationalError as error:
        if not _is_lock_timeout(error):
            raise
        raise MigrationBlocked(
            f"a migration waited {TRIES} times {LOCK_TIMEOUT} for a table that another transaction "
            f"holds ({error.orig}): see pg_stat_activity for who, end it, and run it again"
        ) from error


def _is_lock_timeout(error: Exception) -> bool:
    return isinstance(error, OperationalError) and isinstance(error.orig, LockNotAvailable)


def upgrade(connection: Connection, revision: str = "head") -> None:
    """Apply migrations over a connection that the caller opened."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    command.upgrade(config, revision)
