"""What looking up the series of a scope costs."""

from typing import Any

import psycopg
import pytest

from infra.postgres.queries import sales as queries

SERIES, DAYS = 400, 40

# One store of many products, and many stores of one: what a scope is looked up in.
FILL = """
INSERT INTO daily_sales (store, product, date, units, open, drivers, event_id, recorded_at)
SELECT store, product, date '2024-01-01' + day, 1, true, '{}', store || product || day, now()
FROM (SELECT 'wide' AS store, 'p' || n AS product FROM generate_series(1, %(series)s) AS n
      UNION ALL SELECT 's' || n, 'one' FROM generate_series(1, %(series)s) AS n) AS series,
     generate_series(1, %(days)s) AS day
"""


@pytest.mark.parametrize(
    ("statement", "value", "known"),
    [
        (queries.SCOPE_ALL, None, 2 * SERIES),
        (queries.SCOPE_STORE, "wide", SERIES),
        (queries.SCOPE_PRODUCT, "one", SERIES),
    ],
    ids=["all", "store", "product"],
)
def test_a_scope_costs_a_few_pages_per_series_however_many_there_are(
    database: str, statement: str, value: str | None, known: int
):
    asked = statement.replace("$1", f"'{value}'")
    with psycopg.connect(database) as connection:
        connection.execute(FILL, {"series": SERIES, "days": DAYS})
        connection.execute("ANALYZE daily_sales")
        row = connection.execute(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {asked}").fetchone()
        assert row is not None
        plan: dict[str, Any] = row[0][0]["Plan"]
    assert plan["Actual Rows"] == known
    # Three probes of an index of two or three levels, for each of the series there are.
    assert plan["Shared Hit Blocks"] + plan["Shared Read Blocks"] < 20 * 2 * SERIES
