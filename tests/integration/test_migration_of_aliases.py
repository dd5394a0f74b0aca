"""What was champion before there were verdicts stays so, and its history with it."""

from collections.abc import Iterator

import psycopg
import pytest
from sqlalchemy import Connection, create_engine, text

from infra.postgres.migrate import sqlalchemy_url, upgrade
from infra.postgres.storage import PostgresStorage
from infra.settings import Settings
from tests.contract.examples import changes_of

BEFORE = """
INSERT INTO training_runs (run_id, requested_by, requested_at, reason, strategy, as_of, horizon)
VALUES ('old', 'cli', '2015-08-01T12:00Z', '', 'windowed', '2015-08-01', 7),
       ('new', 'cli', '2015-08-08T12:00Z', '', 'windowed', '2015-08-08', 7);
INSERT INTO model_versions (model_id, store, product, version, run_id, strategy, as_of, horizon,
    first_day, data_through, rows, metrics, parameters, versions, trained_at)
SELECT 'm-' || run_id, '1', 'milk', row_number() OVER (ORDER BY as_of), run_id, strategy, as_of, 7,
    as_of - 30, as_of - 1, 30, '{}', '{}', '{}', requested_at FROM training_runs;
INSERT INTO model_aliases VALUES ('1', 'milk', 'champion', 'm-new'),
    ('1', 'milk', 'previous', 'm-old');
INSERT INTO alias_history
    (store, product, alias, model_id, previous_model_id, changed_by, reason)
VALUES ('1', 'milk', 'champion', 'm-old', NULL, 'registry', 'newest model'),
       ('1', 'milk', 'champion', 'm-new', 'm-old', 'registry', 'newest model');
INSERT INTO forecasts (store, product, date, model_id, yhat, yhat_lower, yhat_upper)
VALUES ('1', 'milk', '2015-08-08', 'm-new', 5, 4, 6);
"""


@pytest.fixture
def connection(servers: Settings) -> Iterator[Connection]:
    """To a database of the time before verdicts, with two models of one series."""
    url = f"{servers.database.rsplit('/', 1)[0]}/before_verdicts"
    with psycopg.connect(servers.database, autocommit=True) as server:
        server.execute("CREATE DATABASE before_verdicts")
        engine = create_engine(sqlalchemy_url(url))
        with engine.connect() as connection:
            upgrade(connection, "0002")
            connection.execute(text(BEFORE))
            connection.commit()
            yield connection
        engine.dispose()
        server.execute("DROP DATABASE before_verdicts WITH (FORCE)")


async def test_champions_of_before_serve_and_are_told_again(connection: Connection):
    upgrade(connection)
    connection.commit()
    storage = PostgresStorage(connection.engine.url.render_as_string(False).replace("+psycopg", ""))
    champions = await storage.champions([("1", "milk")])
    model = champions["1", "milk"]
    assert (model.model_id, model.policy, model.verdict) == ("m-new", "always", None)
    served = await storage.forecast("1", "milk")
    assert served is not None
    assert [day.yhat for day in served.days] == [5.0]
    [promotion] = await storage.promotions(["m-new"])
    assert (promotion.previous_model_id, str(promotion.forecast_from)) == ("m-old", "2015-08-08")
    assert [change.version for change in await changes_of(storage, ("1", "milk"))] == [2, 1]
    await storage.close()
