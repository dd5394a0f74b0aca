"""Wait for this version's database schema: `python -m infra.kubernetes.await_schema`.

An init container of whatever works on the tables, while the Job that migrates them runs. A schema
that is newer is fine: an old pod that starts again during an upgrade goes on working.
"""

import logging
import time
from collections.abc import Callable

import psycopg
from alembic.config import Config
from alembic.script import ScriptDirectory
from psycopg.errors import UndefinedTable

from infra.postgres.migrate import MIGRATIONS
from infra.settings import load_settings

log = logging.getLogger("shelfcast")

PAUSE = 2.0  # seconds between two checks


def older() -> set[str | None]:
    """The revisions before this version's newest, and None for a database without any."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    script = ScriptDirectory.from_config(config)
    head = script.get_current_head()
    every = {each.revision for each in script.walk_revisions()}
    return {None, *(every - {head})}


def found(database_url: str) -> str | None:
    """The revision that the database is at, None if nothing was migrated yet."""
    with psycopg.connect(database_url, connect_timeout=10) as connection:
        try:
            row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
        except UndefinedTable:
            return None
    return None if row is None else str(row[0])


def wait(look: Callable[[], str | None], too_old: set[str | None], pause: float = PAUSE) -> str:
    """Wait without limit until the revision is not too old, and return it."""
    said = ""
    while True:
        try:
            revision = look()
            trouble = f"the schema is at {revision or 'nothing'}: waiting for `shelfcast migrate`"
            if revision is not None and revision not in too_old:
                return revision
        except psycopg.OperationalError as error:
            trouble = f"Postgres is away: {error}"
        if trouble != said:
            log.info("%s", trouble)
            said = trouble
        time.sleep(pause)


def main() -> None:
    """Wait, then end with 0."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    database = load_settings().database
    log.info("the schema is at %s", wait(lambda: found(database), older()))


if __name__ == "__main__":
    main()
