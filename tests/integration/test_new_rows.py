"""Many rows at once into a real Postgres: by COPY alone where all are new, else merged."""

import datetime as dt
from collections.abc import Iterator

import psycopg
import pyarrow as pa
import pytest

from infra.postgres.migrate import migrate
from stream_jobs.merge import MERGED_AFTER_CLASH, MIN_COPIED, MergedTable
from stream_jobs.tables import SALES

NOON = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)
FIRST = dt.date(2020, 1, 1)
KEPT = "SELECT date, units, event_id FROM daily_sales ORDER BY date"


class Counted(MergedTable):
    """Tells how many of its batches were merged."""

    merged = 0

    def _stage_and_merge(self, rows, cursor) -> None:
        self.merged += 1
        super()._stage_and_merge(rows, cursor)


@pytest.fixture(scope="module")
def url(servers, migrated: str) -> str:
    name = "test_new_rows"
    with psycopg.connect(servers.database, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {migrated}".encode())
    url = f"{servers.database.rsplit('/', 1)[0]}/{name}"
    migrate(url)
    return url


@pytest.fixture
def table(url: str) -> Iterator[Counted]:
    with psycopg.connect(url) as connection:
        connection.execute("TRUNCATE daily_sales, sales_removals, removed_sales")
    table = Counted(SALES, url)
    yield table
    table.close()


def days(first: int, count: int = MIN_COPIED, units: float = 1.0, minutes: int = 0) -> pa.Table:
    """Sales of so many days, the last day first."""
    sales = [
        {
            "store": "1",
            "product": "milk",
            "date": FIRST + dt.timedelta(number),
            "units": units,
            "open": True,
            "drivers": b"\x01{}",
            "event_id": f"{units}-{number}",
            "recorded_at": NOON + dt.timedelta(minutes=minutes),
            "import_id": None,
        }
        for number in reversed(range(first, first + count))
    ]
    return pa.Table.from_pylist(sales, schema=SALES.schema)


def kept(url: str) -> list[tuple[dt.date, float, str]]:
    with psycopg.connect(url) as connection:
        return connection.execute(KEPT).fetchall()


def said(*tables: pa.Table) -> list[tuple[dt.date, float, str]]:
    rows = [row for table in tables for row in table.to_pylist()]
    return sorted((row["date"], row["units"], row["event_id"]) for row in rows)


def test_many_new_rows_go_by_copy_alone(url: str, table: Counted) -> None:
    first, next_ones = days(0), days(MIN_COPIED)
    assert table.merge(first) == table.merge(next_ones) == []
    assert table.merged == 0
    assert kept(url) == said(first, next_ones)


def test_few_rows_are_merged(url: str, table: Counted) -> None:
    rows = days(0, MIN_COPIED - 1)
    table.merge(rows)
    assert table.merged == 1
    assert kept(url) == said(rows)


def test_of_rows_that_are_there_already_the_newest_win(url: str, table: Counted) -> None:
    table.merge(days(0))
    for late in (days(500, units=2.0, minutes=-1), days(0)):
        assert table.merge(late) == []
    assert kept(url) == said(days(0), days(MIN_COPIED, 500, 2.0))
    assert table.merge(days(0, units=3.0, minutes=1)) == []
    assert kept(url) == said(days(0, units=3.0), days(MIN_COPIED, 500, 2.0))


def test_a_key_twice_among_new_rows_is_merged(url: str, table: Counted) -> None:
    newest = days(0, 1, units=9.0, minutes=1)
    assert table.merge(pa.concat_tables([newest, days(0)])) == []
    assert kept(url) == said(newest, days(1, MIN_COPIED - 1))


def test_after_rows_that_were_not_new_the_next_are_merged_for_a_while(table: Counted) -> None:
    table.merge(days(0))
    table.merge(days(0))
    for number in range(1, MERGED_AFTER_CLASH + 1):
        table.merge(days(number * MIN_COPIED))
    assert table.merged == 1 + MERGED_AFTER_CLASH
    table.merge(days((MERGED_AFTER_CLASH + 1) * MIN_COPIED))
    assert table.merged == 1 + MERGED_AFTER_CLASH


def test_a_row_that_postgres_refuses_is_named_by_its_place_and_the_rest_is_kept(
    url: str, table: Counted
) -> None:
    rows = pa.concat_tables([days(0, 700), days(5000, 1, units=-1.0), days(700, 700)])
    (refused,) = table.merge(rows)
    assert refused.row == 700
    assert "daily_sales_units_check" in refused.message
    assert kept(url) == said(days(0, 1400))
