"""The statements by which rows go when they are kept for no longer.

Each step takes a page of series and at most so many of their rows, and finds them by index, however
many rows stay. Rows are deleted by where they are (ctid), so no plan, whatever the planner thinks
of the table's size, reads more than the step. Partitions of days, dropped whole, would let go
sooner and serve worse: a forecast is found by series and model, whatever its days; what is served
stays beyond any day; and a DROP waits for readers and holds up those that come after it.
"""

from functions.retention import Table
from infra.postgres.schema import REMOVALS_LOCK

# Steps wait neither long for a lock nor to be heard: nobody hears that what is not served went.
STEP = "SET LOCAL lock_timeout = '500ms'; SET LOCAL shelfcast.pruning = 'on'"

# Pruners take turns by step.
LOCK_PRUNING = "SELECT pg_advisory_xact_lock(7346218)"

MAX_SERIES = 500  # of a step, so that one which finds nothing ends soon
MAX_RUNS = 10  # whose results are counted by a step; each may have a hundred thousand

# The next series of a table, from the one in $1, $2 on, by one index probe each. Of
# a series that is named twice the second time there is nothing left to do.
_PAGE = """
WITH RECURSIVE page AS (
    (SELECT store, product, 1 AS n FROM {table} WHERE (store, product) >= ($1, $2)
     ORDER BY store, product LIMIT 1)
    UNION ALL
    SELECT next.store, next.product, n + 1 FROM page CROSS JOIN LATERAL (
        SELECT store, product FROM {table} AS one
        WHERE (one.store, one.product) > (page.store, page.product)
        ORDER BY store, product LIMIT 1
    ) AS next
    WHERE n < $4
),
"""
_TOLD = """
SELECT (SELECT count(*) FROM gone) AS rows, (SELECT count(*) FROM page) AS series,
       last.store, last.product
FROM (SELECT) AS one LEFT JOIN LATERAL (
    SELECT store, product FROM page ORDER BY n DESC LIMIT 1
) AS last ON true
"""

# The first day that is served of a model. NULL: none is.
_SERVED_FROM = """(
    SELECT served.first_day FROM served_forecasts AS served
    WHERE served.store = day.store AND served.product = day.product
      AND served.model_id = day.model_id
)"""

_PRUNE_DAYS = (
    _PAGE
    + """
doomed AS (
    SELECT day.place FROM page CROSS JOIN LATERAL (
        SELECT day.ctid AS place FROM {table} AS day
        WHERE day.store = page.store AND day.product = page.product AND day.date < $3{kept}
        LIMIT $5 OFFSET 0
    ) AS day
    LIMIT $5
),
gone AS (
    DELETE FROM {table} WHERE ctid = ANY (ARRAY(SELECT place FROM doomed)) RETURNING 1
)
"""
    + _TOLD
)
PRUNE_FORECASTS = _PRUNE_DAYS.format(
    table="forecasts", kept=f" AND day.date < coalesce({_SERVED_FROM}, 'infinity')"
)
PRUNE_SALES = _PRUNE_DAYS.format(table="daily_sales", kept="")
PRUNE_CALENDAR = _PRUNE_DAYS.format(table="calendar", kept="")

# As a removal comes, so it goes: while no sale is merged (`stream_jobs.removals`).
LOCK_REMOVALS = f"SELECT pg_advisory_xact_lock({REMOVALS_LOCK})"
_REMOVALS: tuple[Table, ...] = ("sales_removals", "removed_sales")
PRUNE_REMOVALS: dict[Table, str] = {
    table: f"""
WITH doomed AS (SELECT ctid AS place FROM {table} WHERE decided_at < $1 LIMIT $2),
gone AS (DELETE FROM {table} WHERE ctid = ANY (ARRAY(SELECT place FROM doomed)) RETURNING 1)
SELECT count(*) FROM gone
"""
    for table in _REMOVALS
}

# What a model leaves is written by the same statement that lets it go. LIMIT 1 keeps the planner
# from reading the other table whole.
_OLD_MODELS = """
    SELECT model.model_id, model.ctid AS place FROM (
        SELECT each.model_id, each.ctid, each.trained_at FROM model_versions AS each
        WHERE each.store = page.store AND each.product = page.product
        ORDER BY each.version DESC OFFSET $6
    ) AS model
    WHERE model.trained_at < $3
      AND (SELECT 1 FROM model_aliases AS alias
           WHERE alias.model_id = model.model_id LIMIT 1) IS NULL
      AND (SELECT 1 FROM served_forecasts AS served
           WHERE served.model_id = model.model_id LIMIT 1) IS NULL
      AND (SELECT 1 FROM forecasts AS day WHERE day.model_id = model.model_id LIMIT 1) IS NULL
"""
PRUNE_MODELS = (
    _PAGE.format(table="model_versions")
    + f"""
doomed AS (
    SELECT old.place FROM page CROSS JOIN LATERAL ({_OLD_MODELS}    OFFSET 0) AS old LIMIT $5
),
gone AS (
    DELETE FROM model_versions WHERE ctid = ANY (ARRAY(SELECT place FROM doomed))
    RETURNING model_id, store, product, version, run_id, strategy, chosen, as_of, trained_at
),
left_behind AS (
    INSERT INTO pruned_models
        (model_id, store, product, version, run_id, strategy, chosen, as_of, trained_at)
    SELECT * FROM gone
)
"""
    + _TOLD
)

# Runs that have ended and whose counts are not kept yet: a process died before it could.
UNCOUNTED = """
SELECT run_id FROM training_runs AS run
WHERE planned_at < $1 AND planned IS NULL
  AND EXISTS (SELECT FROM training_results AS result WHERE result.run_id = run.run_id)
  AND NOT EXISTS (SELECT FROM training_results AS result
                  WHERE result.run_id = run.run_id AND state = 'planned')
ORDER BY planned_at LIMIT $2
"""
PRUNE_RESULTS = """
WITH doomed AS (
    SELECT result.place FROM training_runs AS run CROSS JOIN LATERAL (
        SELECT one.ctid AS place FROM training_results AS one WHERE one.run_id = run.run_id
        LIMIT $2 OFFSET 0
    ) AS result
    WHERE run.planned_at < $1 AND run.planned IS NOT NULL
    LIMIT $2
),
gone AS (
    DELETE FROM training_results WHERE ctid = ANY (ARRAY(SELECT place FROM doomed)) RETURNING 1
)
SELECT count(*) FROM gone
"""

# A run goes after those that were coalesced into it, so in a later step.
PRUNE_RUNS = """
WITH doomed AS (
    SELECT run.ctid AS place FROM training_runs AS run
    WHERE planned_at < $1
      AND (SELECT 1 FROM training_results AS result
           WHERE result.run_id = run.run_id LIMIT 1) IS NULL
      AND (SELECT 1 FROM model_versions AS model WHERE model.run_id = run.run_id LIMIT 1) IS NULL
      AND (SELECT 1 FROM training_runs AS other
           WHERE other.coalesced_into = run.run_id LIMIT 1) IS NULL
    LIMIT $2
),
gone AS (
    DELETE FROM training_runs WHERE ctid = ANY (ARRAY(SELECT place FROM doomed)) RETURNING run_id
),
with_it AS (
    DELETE FROM shard_deliveries WHERE run_id IN (SELECT run_id FROM gone)
)
SELECT count(*) FROM gone
"""

OVERDUE_RUNS = """
SELECT run_id FROM training_runs AS run
WHERE planned_at < $1 AND (
    EXISTS (
        SELECT FROM training_results AS result
        WHERE result.run_id = run.run_id AND state = 'planned'
    ) OR EXISTS (
        SELECT FROM training_results AS result
        WHERE result.run_id = run.run_id AND state = 'failed' AND finished_at = $2 AND error = $3
    )
)
ORDER BY planned_at, run_id
"""
FAIL_PLANNED = """
WITH late AS (
    SELECT store, product FROM training_results
    WHERE run_id = $1 AND state = 'planned' LIMIT $4 FOR UPDATE SKIP LOCKED
)
UPDATE training_results AS result SET state = 'failed', error = $2, finished_at = $3
FROM late
WHERE result.run_id = $1 AND result.store = late.store AND result.product = late.product
"""

# What would go, in one look at each table. A row's bytes are its table's, indices included,
# over its rows as last counted by ANALYZE.
_SIZED = """
SELECT count(*) AS rows, min(day) AS oldest, max(day) AS newest,
       (count(*) * (pg_total_relation_size('{table}') / greatest(
           (SELECT reltuples FROM pg_class WHERE oid = '{table}'::regclass), count(*), 1
       )))::bigint AS bytes
"""
_STAYING_DAYS = "SELECT model_id, first_day AS since FROM served_forecasts"
PRUNABLE_FORECASTS = (
    f"WITH served AS MATERIALIZED ({_STAYING_DAYS})"
    + _SIZED.format(table="forecasts")
    + """
FROM (
    SELECT date AS day FROM forecasts LEFT JOIN served USING (model_id)
    WHERE date < $1 AND date < coalesce(since, 'infinity')
) AS doomed
"""
)
# Models that may go, however many days they forecast: each table is read once. What a served
# model forecasts stays with it, so a day that is kept is one that is not old.
_DOOMED_MODELS = """
kept AS MATERIALIZED (SELECT DISTINCT model_id FROM forecasts WHERE date >= $3),
doomed AS MATERIALIZED (
    SELECT model.run_id, trained_at FROM (
        SELECT model_id, run_id, trained_at,
               row_number() OVER (PARTITION BY store, product ORDER BY version DESC) AS age
        FROM model_versions
    ) AS model
    WHERE age > $1 AND trained_at < $2
      AND NOT EXISTS (SELECT FROM model_aliases AS alias WHERE alias.model_id = model.model_id)
      AND NOT EXISTS (
          SELECT FROM served_forecasts AS served WHERE served.model_id = model.model_id
      )
      AND NOT EXISTS (SELECT FROM kept WHERE kept.model_id = model.model_id)
)
"""
_ENDED = """
NOT EXISTS (
    SELECT FROM training_results AS left_over
    WHERE left_over.run_id = run.run_id AND state = 'planned'
)
"""
PRUNABLE_RESULTS = (
    _SIZED.format(table="training_results")
    + f"""
FROM (
    SELECT (planned_at AT TIME ZONE 'UTC')::date AS day
    FROM training_results JOIN training_runs AS run USING (run_id)
    WHERE planned_at < $1 AND {_ENDED}
) AS doomed
"""
)
# Models, then runs: those of which no model stays. Of runs coalesced into each other all go, the
# last one first.
PRUNABLE_MODELS_AND_RUNS = (
    f"WITH {_DOOMED_MODELS}, of_run AS (SELECT run_id, count(*) FROM doomed GROUP BY run_id)"
    + _SIZED.format(table="model_versions")
    + "FROM (SELECT (trained_at AT TIME ZONE 'UTC')::date AS day FROM doomed) AS models UNION ALL"
    + _SIZED.format(table="training_runs")
    + f"""
FROM (
    SELECT (planned_at AT TIME ZONE 'UTC')::date AS day
    FROM training_runs AS run LEFT JOIN of_run USING (run_id)
    WHERE planned_at < $4 AND {_ENDED}
      AND coalesce(of_run.count, 0) = (
          SELECT count(*) FROM model_versions AS model WHERE model.run_id = run.run_id
      )
      AND NOT EXISTS (
          SELECT FROM training_runs AS other
          WHERE other.coalesced_into = run.run_id AND other.planned_at >= $4
      )
) AS runs
"""
)
_PRUNABLE_DAYS = _SIZED + "FROM (SELECT date AS day FROM {table} WHERE date < $1::date) AS doomed"
PRUNABLE_SALES = _PRUNABLE_DAYS.format(table="daily_sales")
PRUNABLE_CALENDAR = _PRUNABLE_DAYS.format(table="calendar")
PRUNABLE_REMOVALS: tuple[tuple[Table, str], ...] = tuple(
    (
        table,
        _SIZED.format(table=table)
        + f"""
FROM (
    SELECT (decided_at AT TIME ZONE 'UTC')::date AS day FROM {table} WHERE decided_at < $1
) AS doomed
""",
    )
    for table in _REMOVALS
)
