"""Shards in the hands of trainers."""

FAIL_SHARD = """
UPDATE training_results SET state = 'failed', error = $3, finished_at = $4
WHERE run_id = $1 AND shard = $2
  AND (state = 'planned' OR (state = 'failed' AND finished_at < $4 AND error <> $3))
"""

SETTLED_SERIES = """
SELECT run_id, store, product
FROM unnest($1::text[], $2::integer[]) AS asked (run_id, shard)
JOIN training_results USING (run_id, shard)
WHERE state IN ('succeeded', 'cancelled')
"""

# A trainer gets a shard: how many deliveries of it are out, this one included. A clock that went
# back changes nothing of the order of the two times.
HAND_OVER = """
INSERT INTO shard_deliveries AS known (run_id, shard, deliveries, first_at, last_at)
VALUES ($1, $2, 1, $3, $3)
ON CONFLICT (run_id, shard) DO UPDATE
    SET deliveries = known.deliveries + 1, last_at = greatest(known.last_at, excluded.last_at)
RETURNING deliveries
"""

# Of the session, so that Postgres itself lets go of it when the process that has it is gone.
HOLD_SHARD = "SELECT pg_try_advisory_lock(7346221, hashtext($1 || '/' || $2::integer))"

LET_GO_OF_SHARD = "SELECT pg_advisory_unlock(7346221, hashtext($1 || '/' || $2::integer))"

CAME_BACK = "UPDATE shard_deliveries SET deliveries = 0 WHERE run_id = $1 AND shard = $2"
