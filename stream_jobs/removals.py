"""Sales that were taken back, and how a merge keeps to it, whatever comes first.

What holds of a day is its newest sale, and none if a removal covers that one: of its series and
day, or of its import, and later than it. So the order in which sales and removals are read
changes nothing, and nothing comes back when an old sale is read again.

An older sale would take the place of one that went with its import, so of those the newest of
each day is remembered in `removed_sales`. A removal of a series covers all that is older anyway.

Merges of sales share a lock that a removal takes alone: of two at once neither would see what
the other is about to commit.

What has decided nothing for long is pruned (`functions.retention`): `decided_at` of a removal, and
of a sale in `removed_sales`, is when it came or last held a sale back, give or take a day.
"""

from typing import Any

from infra.postgres.schema import REMOVALS_LOCK

SHARED = f"SELECT pg_advisory_xact_lock_shared({REMOVALS_LOCK})::text"
ALONE = f"SELECT pg_advisory_xact_lock({REMOVALS_LOCK})::text"

_COVERED = "(sale.recorded_at, sale.event_id) < (removal.recorded_at, removal.event_id)"

_NONE = "SELECT NOT EXISTS (SELECT FROM sales_removals) AND NOT EXISTS (SELECT FROM removed_sales)"

# Whether removals may concern what is in `{staging}`; asked of each series once, and not at all
# where there was never any. LIMIT, since the planner would else read all that was ever removed.
_CONCERNED = """
WITH series AS MATERIALIZED (SELECT DISTINCT store, product, import_id FROM {staging})
SELECT CASE WHEN EXISTS (SELECT FROM sales_removals) THEN (
    SELECT count(*) FROM series
    LEFT JOIN LATERAL (
        SELECT true AS so FROM sales_removals AS removal
        WHERE removal.store = series.store AND removal.product = series.product LIMIT 1
    ) AS of_series ON true
    LEFT JOIN LATERAL (
        SELECT true AS so FROM sales_removals AS removal
        WHERE removal.import_id = series.import_id LIMIT 1
    ) AS of_import ON true
    LEFT JOIN LATERAL (
        SELECT true AS so FROM removed_sales AS gone
        WHERE gone.store = series.store AND gone.product = series.product LIMIT 1
    ) AS of_days ON true
    WHERE of_series.so OR of_import.so OR of_days.so
) ELSE 0 END
"""

# Of a series, or some of its days.
_TAKE_BACK_SERIES = f"""
DELETE FROM {{sales}} AS sale USING {{removals}} AS removal
WHERE sale.store = removal.store AND sale.product = removal.product
  AND sale.date >= coalesce(removal.first_day, '-infinity')
  AND sale.date <= coalesce(removal.last_day, 'infinity')
  AND {_COVERED}
"""  # noqa: S608 - names of our own schema

# A row is written again at most once a day, however many sales it holds back.
_A_DAY_AGO = "decided_at < now() - interval '1 day'"
_DECIDED = f"""
UPDATE sales_removals SET decided_at = now()
WHERE event_id IN (SELECT removal_id FROM gone) AND {_A_DAY_AGO}
"""  # noqa: S608 - names of our own schema

# Of staged sales, by the removals that are kept: these have decided something.
_HOLD_BACK_SERIES = f"""
WITH gone AS ({_TAKE_BACK_SERIES} RETURNING removal.event_id AS removal_id)
{_DECIDED}
"""

# Of an import; the newest of each day is remembered.
_TAKE_BACK_IMPORT = f"""
WITH gone AS (
    DELETE FROM {{sales}} AS sale USING {{removals}} AS removal
    WHERE sale.import_id = removal.import_id AND {_COVERED}
    RETURNING sale.store, sale.product, sale.date, sale.event_id, sale.recorded_at,
              removal.event_id AS removal_id
),
decided AS ({_DECIDED})
INSERT INTO removed_sales AS kept (store, product, date, event_id, recorded_at)
SELECT DISTINCT ON (store, product, date) store, product, date, event_id, recorded_at FROM gone
ORDER BY store, product, date, recorded_at DESC, event_id DESC
ON CONFLICT (store, product, date) DO UPDATE
SET event_id = excluded.event_id, recorded_at = excluded.recorded_at, decided_at = now()
WHERE (excluded.recorded_at, excluded.event_id) > (kept.recorded_at, kept.event_id)
"""  # noqa: S608 - names of our own schema

_OLDER = "(sale.recorded_at, sale.event_id) <= (gone.recorded_at, gone.event_id)"

# What is kept but older than a sale of `{staging}` that is taken back before it ever counted.
_DROP_OLDER = f"""
DELETE FROM daily_sales AS sale USING {{staging}} AS gone, sales_removals AS removal
WHERE gone.import_id = removal.import_id
  AND (gone.recorded_at, gone.event_id) < (removal.recorded_at, removal.event_id)
  AND sale.store = gone.store AND sale.product = gone.product AND sale.date = gone.date
  AND {_OLDER}
"""  # noqa: S608 - names of our own schema

# What is staged but older than what went with its import.
_PASS_OVER = f"""
WITH passed AS (
    DELETE FROM {{staging}} AS sale USING removed_sales AS gone
    WHERE sale.store = gone.store AND sale.product = gone.product AND sale.date = gone.date
      AND {_OLDER}
    RETURNING gone.store, gone.product, gone.date
)
UPDATE removed_sales AS kept SET decided_at = now()
FROM (SELECT DISTINCT store, product, date FROM passed) AS passed
WHERE kept.store = passed.store AND kept.product = passed.product AND kept.date = passed.date
  AND {_A_DAY_AGO}
"""  # noqa: S608 - names of our own schema


# A removal that is said again, later perhaps, is the one that was said first.
_SAID_BEFORE = """
DELETE FROM {staging} AS again USING (
    SELECT event_id, recorded_at FROM {staging} UNION ALL
    SELECT event_id, '-infinity' FROM sales_removals
) AS first
WHERE first.event_id = again.event_id AND first.recorded_at < again.recorded_at
"""


def none_was_taken_back(cursor: Any) -> bool:
    """Whether no removal is kept, nor comes to be before the transaction ends."""
    cursor.execute(SHARED)
    cursor.execute(_NONE)
    ((none,),) = cursor.fetchall()
    return bool(none)


def merge_sales(cursor: Any, merging: str, staging: str) -> None:
    """Merge staged sales by the statement, but for those that were taken back."""
    cursor.execute(SHARED)
    cursor.execute(_CONCERNED.format(staging=staging))
    ((concerned,),) = cursor.fetchall()
    if concerned:
        by = {"sales": staging, "removals": "sales_removals"}
        cursor.execute(_HOLD_BACK_SERIES.format(**by))
        cursor.execute(_DROP_OLDER.format(staging=staging))
        cursor.execute(_TAKE_BACK_IMPORT.format(**by))
        cursor.execute(_PASS_OVER.format(staging=staging))
    cursor.execute(merging)


def merge_removals(cursor: Any, merging: str, staging: str) -> None:
    """Keep staged removals by the statement, and take back the sales that they cover."""
    cursor.execute(ALONE)
    cursor.execute(_SAID_BEFORE.format(staging=staging))
    cursor.execute(merging)
    by = {"sales": "daily_sales", "removals": staging}
    cursor.execute(_TAKE_BACK_SERIES.format(**by))
    cursor.execute(_TAKE_BACK_IMPORT.format(**by))
