"""Runs as they stand."""

# A run that has ended has its counts, also when its results are kept no longer.
COUNTS = """
SELECT run_id, planned, succeeded, failed, cancelled
FROM training_runs WHERE run_id = ANY ($1) AND planned IS NOT NULL
UNION ALL
SELECT run_id, count(*),
       count(*) FILTER (WHERE state = 'succeeded'),
       count(*) FILTER (WHERE state = 'failed'),
       count(*) FILTER (WHERE state = 'cancelled')
FROM training_results AS result JOIN training_runs AS run USING (run_id)
WHERE run_id = ANY ($1) AND run.planned IS NULL GROUP BY run_id
"""

# What COUNTS has of those that have ended, without a look at any result.
ENDED = """
SELECT run_id, planned, succeeded, failed, cancelled
FROM training_runs WHERE run_id = ANY ($1) AND planned IS NOT NULL
"""

# Of runs those that have results, and none to come, held: whoever counts later counts more.
LOCK_ENDED = """
SELECT run_id FROM training_runs AS run
WHERE run_id = ANY ($1)
  AND EXISTS (SELECT FROM training_results AS result WHERE result.run_id = run.run_id)
  AND NOT EXISTS (SELECT FROM training_results AS result
                  WHERE result.run_id = run.run_id AND state = 'planned')
ORDER BY run_id FOR NO KEY UPDATE
"""

KEEP_COUNTS = """
UPDATE training_runs AS run
SET planned = counts.planned, succeeded = counts.succeeded, failed = counts.failed,
    cancelled = counts.cancelled, finished_at = counts.finished_at
FROM (
    SELECT run_id, count(*) AS planned,
           count(*) FILTER (WHERE state = 'succeeded') AS succeeded,
           count(*) FILTER (WHERE state = 'failed') AS failed,
           count(*) FILTER (WHERE state = 'cancelled') AS cancelled,
           max(finished_at) AS finished_at
    FROM training_results WHERE run_id = ANY ($1) GROUP BY run_id
) AS counts
WHERE run.run_id = counts.run_id
  AND counts.planned = counts.succeeded + counts.failed + counts.cancelled
  AND counts.planned >= coalesce(run.planned, 0)  -- less of a run whose results go
  AND (run.planned, run.succeeded, run.failed, run.cancelled, run.finished_at)
      IS DISTINCT FROM
      (counts.planned, counts.succeeded, counts.failed, counts.cancelled, counts.finished_at)
"""

WINDOWS = """
SELECT run_id, as_of, horizon, requested_at FROM training_runs WHERE run_id = ANY ($1)
"""

# Of a run's series those with a champion, and of these those served as the run, or a later
# request, asked.
FORECAST_COUNTS = """
SELECT count(*) AS due,
       count(*) FILTER (
           WHERE (served.requested_at, served.request_id) >= (run.requested_at, run.run_id)
       ) AS current
FROM training_runs AS run
JOIN training_results AS result USING (run_id)
JOIN model_aliases AS champion
    ON champion.store = result.store AND champion.product = result.product
   AND champion.alias = 'champion'
LEFT JOIN served_forecasts AS served
    ON served.store = result.store AND served.product = result.product
WHERE run.run_id = $1
"""

# The results of a run are counted while it goes on; one that has ended keeps its counts.
_RUN = """
SELECT run.run_id, run.requested_by, run.requested_at, run.reason, run.store, run.product,
       run.strategy, run.as_of, run.horizon, run.policy, run.named, run.failed_in,
       run.older_than_days, run.coalesced_into,
       coalesce(run.planned, counts.planned) AS planned,
       coalesce(run.succeeded, counts.succeeded) AS succeeded,
       coalesce(run.failed, counts.failed) AS failed,
       coalesce(run.cancelled, counts.cancelled) AS cancelled,
       coalesce(run.finished_at, counts.finished_at) AS finished_at
FROM {runs} AS run, LATERAL (
    SELECT count(*) AS planned,
           count(*) FILTER (WHERE state = 'succeeded') AS succeeded,
           count(*) FILTER (WHERE state = 'failed') AS failed,
           count(*) FILTER (WHERE state = 'cancelled') AS cancelled,
           max(result.finished_at) AS finished_at
    FROM training_results AS result
    WHERE result.run_id = run.run_id AND run.finished_at IS NULL
) AS counts
"""

_PAGE = """(
    SELECT * FROM (
        SELECT run.*,
               CASE WHEN coalesced_into IS NOT NULL THEN 'coalesced'
                    WHEN planned IS NULL AND EXISTS (
                        SELECT FROM training_results AS result
                        WHERE result.run_id = run.run_id AND result.state = 'planned'
                    ) THEN 'running'
                    WHEN coalesce(cancelled > 0, EXISTS (
                        SELECT FROM training_results AS result
                        WHERE result.run_id = run.run_id AND result.state = 'cancelled'
                    )) THEN 'cancelled'
                    ELSE 'completed' END AS state
        FROM training_runs AS run
        WHERE ($2::timestamptz IS NULL OR requested_at < $2
               OR (requested_at = $2 AND run_id > $3))
          AND ($5::text IS NULL OR requested_by = $5)
          AND ($6::timestamptz IS NULL OR requested_at >= $6)
          AND ($7::timestamptz IS NULL OR requested_at < $7)
    ) AS run
    WHERE $4::text IS NULL OR state = $4
    ORDER BY requested_at DESC, run_id LIMIT $1
)"""

RUNS = _RUN.format(runs=_PAGE) + "ORDER BY requested_at DESC, run_id"

RUN = _RUN.format(runs="(SELECT * FROM training_runs WHERE run_id = $1)")

FAILURES = """
SELECT store, product, error FROM training_results
WHERE run_id = $1 AND state = 'failed' AND (store, product) > ($2, $3)
ORDER BY store, product LIMIT $4
"""
