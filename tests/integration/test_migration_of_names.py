"""What was stored under a name that can't be asked for becomes what can be."""

import unicodedata
from collections.abc import Iterator
from datetime import date

import psycopg
import pytest
from sqlalchemy import Connection, create_engine, text

from infra.postgres.migrate import sqlalchemy_url, upgrade
from infra.postgres.storage import PostgresStorage
from infra.settings import Settings
from tests.contract.examples import changes_of

CAFE = "Café"
APART = unicodedata.normalize("NFD", CAFE)
DAY = date(2015, 8, 1)

SOLD = """
INSERT INTO daily_sales (store, product, date, units, open, drivers, event_id, recorded_at)
VALUES (:store, 'milk', CAST(:day AS date), :units, true, '{}', 'e', CAST(:day AS date) + :later)
"""
PLANNED = """
INSERT INTO training_runs (run_id, requested_by, requested_at, reason, strategy, as_of, horizon,
    store) VALUES (:run, 'cli', now(), '', 'windowed', :day, 7, :store)
"""
CHAMPION = (
    """
INSERT INTO model_versions (model_id, store, product, version, run_id, strategy, policy, as_of,
    horizon, first_day, data_through, rows, metrics, parameters, versions, trained_at)
SELECT run_id, store, 'milk', 1, run_id, strategy, 'always', as_of, 7, as_of - 30, as_of - 1, 30,
    '{}', '{}', '{}', requested_at FROM training_runs WHERE run_id = :run
""",
    """
INSERT INTO model_aliases SELECT store, product, 'champion', model_id FROM model_versions
WHERE run_id = :run
""",
    """
INSERT INTO alias_history (store, product, cause_id, alias, model_id, forecast_from, changed_by,
    reason)
SELECT store, product, model_id, 'champion', model_id, as_of, 'registry', '' FROM model_versions
WHERE run_id = :run
""",
    """
INSERT INTO served_forecasts
    (store, product, model_id, first_day, horizon, requested_at, request_id)
SELECT store, product, model_id, as_of, 1, trained_at, run_id FROM model_versions
WHERE run_id = :run
""",
    """
INSERT INTO forecasts (store, product, date, model_id, yhat, yhat_lower, yhat_upper)
SELECT store, product, as_of, model_id, 5, 4, 6 FROM model_versions WHERE run_id = :run
""",
)


@pytest.fixture
def connection(servers: Settings) -> Iterator[Connection]:
    """To a database of the time before names were looked at closely."""
    url = f"{servers.database.rsplit('/', 1)[0]}/before_names"
    with psycopg.connect(servers.database, autocommit=True) as server:
        server.execute("CREATE DATABASE before_names")
        engine = create_engine(sqlalchemy_url(url))
        with engine.connect() as connection:
            upgrade(connection, "0011")
            yield connection
        engine.dispose()
        server.execute("DROP DATABASE before_names WITH (FORCE)")


@pytest.fixture
def storage(connection: Connection) -> PostgresStorage:
    url = connection.engine.url.render_as_string(hide_password=False)
    return PostgresStorage(url.replace("+psycopg", ""))


def sell(connection: Connection, store: str, day: int, units: float, later: int = 0) -> None:
    values = {"store": store, "day": DAY.replace(day=day), "units": units, "later": later}
    connection.execute(text(SOLD), values)


def trained(connection: Connection, run: str, store: str) -> None:
    connection.execute(text(PLANNED), {"run": run, "day": DAY, "store": store})
    for statement in CHAMPION:
        connection.execute(text(statement), {"run": run})


def sold(connection: Connection) -> dict[tuple[str, int], float]:
    rows = connection.execute(text("SELECT store, date, units FROM daily_sales"))
    return {(store, day.day): units for store, day, units in rows}


@pytest.mark.parametrize(
    ("stored", "kept"),
    [(APART, CAFE), ("..", ".._"), ("Store\u00a01", "Store 1"), ("milk\u200b", "milk")],
)
async def test_what_could_only_be_forecast_can_be_asked_for(
    connection: Connection, storage: PostgresStorage, stored: str, kept: str
) -> None:
    sell(connection, stored, 1, 5)
    sell(connection, "1", 1, 6)
    trained(connection, "run", stored)
    upgrade(connection)
    connection.commit()
    assert sold(connection) == {(kept, 1): 5, ("1", 1): 6}
    served = await storage.forecast(kept, "milk")
    assert served is not None
    assert (served.days[0].yhat, served.newest_sale) == (5, DAY)
    [change] = await changes_of(storage, (kept, "milk"))
    assert change.model_id == "run"
    run = await storage.run("run")
    assert run is not None
    assert run.store == kept
    with pytest.raises(Exception, match="alias_history"):
        connection.execute(text("UPDATE alias_history SET reason = ''"))
    await storage.close()


async def test_sales_under_both_spellings_become_one_history_the_newest_of_a_day_first(
    connection: Connection, storage: PostgresStorage, caplog: pytest.LogCaptureFixture
) -> None:
    for store, day, units, later in (
        *((APART, 1, 1, 0), (APART, 2, 2, 1), (APART, 3, 3, 0)),
        *((CAFE, 2, 20, 0), (CAFE, 3, 30, 1), (CAFE, 4, 40, 0)),
    ):
        sell(connection, store, day, units, later)
    trained(connection, "old", APART)
    trained(connection, "new", CAFE)
    upgrade(connection)
    connection.commit()
    assert sold(connection) == {(CAFE, 1): 1, (CAFE, 2): 2, (CAFE, 3): 30, (CAFE, 4): 40}
    champions = await storage.champions([(CAFE, "milk"), (APART, "milk")])
    assert {series: model.model_id for series, model in champions.items()} == {
        (CAFE, "milk"): "new",
        (APART, "milk"): "old",
    }
    assert f"models of {(APART, 'milk')!r} stay" in caplog.text
    assert (await storage.scope(None, None)).series == ((CAFE, "milk"),)
    await storage.close()
