"""Runs as they are planned, cancelled and taken up again."""

# Planners of one fingerprint (the column wish) take turns, so of two at once one finds the other's
# run.
LOCK_FINGERPRINT = "SELECT pg_advisory_xact_lock(7346217, hashtext($1))"

# What counted on a cancelled run though it was requested later, oldest first.
COALESCED_AFTER = """
SELECT run_id FROM training_runs WHERE coalesced_into = $1 AND requested_at > $2
ORDER BY requested_at, run_id FOR UPDATE
"""

REOPENED_BY = "SELECT run_id FROM training_runs WHERE reopened_by = $1"

REOPEN = """
UPDATE training_runs SET coalesced_into = NULL, reopened_by = $2 WHERE run_id = $1
"""

COALESCE_OTHERS = "UPDATE training_runs SET coalesced_into = $2 WHERE run_id = ANY ($1)"

COPY_PLANNED = """
INSERT INTO training_results (run_id, store, product, shard)
SELECT $2, store, product, shard FROM training_results WHERE run_id = $1
"""

UNFINISHED_SHARDS = """
SELECT DISTINCT shard FROM training_results
WHERE run_id = $1 AND (state = 'planned' OR (state = 'failed' AND $2))
"""

# A plan and its series, unless there is one; the series, none if it waits for another run: the one
# that waits with the same fingerprint, of which nothing has a result or is being trained.
INSERT_OR_COALESCE_PLAN = """
WITH inserted AS (
    INSERT INTO training_runs
        (run_id, requested_by, requested_at, reason, store, product, strategy, as_of, horizon,
         policy, named, failed_in, older_than_days, wish, coalesced_into)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, (
        SELECT run_id FROM training_runs AS run
        WHERE wish = $14 AND run_id <> $1 AND coalesced_into IS NULL
          AND EXISTS (SELECT FROM training_results AS result WHERE result.run_id = run.run_id)
          AND NOT EXISTS (SELECT FROM training_results AS result
                          WHERE result.run_id = run.run_id AND state <> 'planned')
          AND NOT EXISTS (SELECT FROM shard_deliveries AS shard WHERE shard.run_id = run.run_id)
        ORDER BY requested_at, run_id LIMIT 1
    ))
    ON CONFLICT (run_id) DO NOTHING
    RETURNING run_id, coalesced_into
), planned AS (
    INSERT INTO training_results (run_id, store, product, shard)
    SELECT inserted.run_id, series.*
    FROM inserted, unnest($15::text[], $16::text[], $17::integer[]) AS series
    WHERE inserted.coalesced_into IS NULL
    RETURNING store, product, shard
)
SELECT store, product, shard FROM planned ORDER BY shard, store, product
"""

PLANNED_RUN = "SELECT * FROM training_runs WHERE run_id = $1"

PLANNED_SERIES = """
SELECT store, product, shard FROM training_results WHERE run_id = $1
ORDER BY shard, store, product
"""

SHARD = """
SELECT store, product FROM training_results WHERE run_id = $1 AND shard = $2
ORDER BY store, product
"""

# A series whose row another transaction holds is getting its result, and keeps it.
CANCEL = """
UPDATE training_results SET state = 'cancelled', finished_at = $2
WHERE (run_id, store, product) IN (
    SELECT run_id, store, product FROM training_results
    WHERE run_id = $1 AND state = 'planned' FOR UPDATE SKIP LOCKED
)
"""

FAILED_IN = """
SELECT store, product FROM training_results
WHERE state = 'failed'
  AND run_id = (SELECT coalesce(coalesced_into, run_id) FROM training_runs WHERE run_id = $1)
"""

RUN_EXISTS = "SELECT EXISTS (SELECT FROM training_runs WHERE run_id = $1)"
