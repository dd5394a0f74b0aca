"""A transaction of the registry."""

# Writers of the same series take turns, so versions count up without gaps or clashes; those of
# different ones go on side by side. Whoever writes very many series, or can't tell before which,
# takes LOCK_MODELS alone. Series are locked in the order of their hashes, so no two writers wait
# in a circle.
LOCK_MODELS = "SELECT pg_advisory_xact_lock(7346216)"

SHARE_MODELS = "SELECT pg_advisory_xact_lock_shared(7346216)"

LOCK_SERIES = """
SELECT pg_advisory_xact_lock(7346216, hash) FROM (
    SELECT DISTINCT hashtext(store || '/' || product) AS hash
    FROM unnest($1::text[], $2::text[]) AS asked (store, product) ORDER BY hash
) AS in_order
"""

# Of models those that are new, with when their runs were requested, NULL for a run without a plan.
# What is kept no longer is not new: a result that comes again does not bring it back.
NEW_MODELS = """
SELECT asked.model_id, asked.run_id, run.requested_at
FROM unnest($1::text[], $2::text[]) AS asked (model_id, run_id)
LEFT JOIN training_runs AS run USING (run_id)
WHERE NOT EXISTS (SELECT FROM model_versions AS known WHERE known.model_id = asked.model_id)
  AND NOT EXISTS (SELECT FROM pruned_models AS gone WHERE gone.model_id = asked.model_id)
"""

# New models get the next version of their series.
INSERT_MODELS = """
WITH new AS (
    SELECT DISTINCT ON (model_id) * FROM unnest(
        $1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[],
        $8::date[], $9::integer[], $10::date[], $11::date[], $12::integer[], $13::text[],
        $14::text[], $15::text[], $16::text[], $17::text[], $18::text[], $19::text[],
        $20::timestamptz[]
    ) AS t (model_id, store, product, run_id, strategy, chosen, policy, as_of, horizon, first_day,
            data_through, rows, metrics, folds, comparison, findings, verdict, parameters, versions,
            trained_at)
)
INSERT INTO model_versions
    (model_id, store, product, version, run_id, strategy, chosen, policy, as_of, horizon,
     first_day, data_through, rows, metrics, folds, comparison, findings, verdict, parameters,
     versions, trained_at)
SELECT model_id, store, product,
       coalesce((SELECT max(version) FROM model_versions AS old
                 WHERE old.store = new.store AND old.product = new.product), 0)
       + row_number() OVER (PARTITION BY store, product ORDER BY as_of, trained_at, model_id),
       run_id, strategy, chosen, policy, as_of, horizon, first_day, data_through, rows,
       metrics::jsonb, folds::jsonb, comparison::jsonb, findings::jsonb, verdict::jsonb,
       parameters::jsonb, versions::jsonb, trained_at
FROM new
"""

SUCCEED = """
UPDATE training_results AS result
SET state = 'succeeded', model_id = t.model_id, error = NULL, finished_at = t.at
FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::timestamptz[])
    AS t (run_id, store, product, model_id, at)
WHERE result.run_id = t.run_id AND result.store = t.store AND result.product = t.product
  AND result.state <> 'succeeded'
"""

# A success stays; of two reasons the later one stands; the same reason again changes nothing.
FAIL = """
UPDATE training_results AS result
SET state = 'failed', error = t.error, finished_at = t.at
FROM (
    SELECT DISTINCT ON (run_id, store, product) *
    FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::timestamptz[])
        AS t (run_id, store, product, error, at)
    ORDER BY run_id, store, product, at DESC, error
) AS t
WHERE result.run_id = t.run_id AND result.store = t.store AND result.product = t.product
  AND (result.state = 'planned'
       OR (result.state = 'failed' AND result.finished_at < t.at AND result.error <> t.error))
"""

# Models as `functions.records.Candidate` has them, of one run or of one series.
_CANDIDATES = """
SELECT model.store, model.product, model.model_id, model.data_through, run.requested_at,
       coalesce(model.chosen, model.strategy) AS forecasts_by
FROM model_versions AS model JOIN training_runs AS run USING (run_id)
"""

CANDIDATES_OF_RUN = _CANDIDATES + "WHERE run_id = $1 ORDER BY model.store, model.product"

CANDIDATE_NAMED = (
    _CANDIDATES
    + "WHERE model.store = $1 AND model.product = $2 AND (version = $3 OR model_id = $4)"
)

# The model that has each alias in the series asked for.
HOLDERS = """
SELECT asked.store, asked.product, alias.alias, alias.model_id, model.data_through,
       run.requested_at, coalesce(model.chosen, model.strategy) AS forecasts_by
FROM unnest($1::text[], $2::text[]) AS asked (store, product)
JOIN model_aliases AS alias USING (store, product)
JOIN model_versions AS model USING (model_id)
JOIN training_runs AS run USING (run_id)
"""

SET_ALIASES = """
INSERT INTO model_aliases (store, product, alias, model_id)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[])
ON CONFLICT (store, product, alias) DO UPDATE SET model_id = excluded.model_id
WHERE model_aliases.model_id <> excluded.model_id
"""

DROP_ALIASES = """
DELETE FROM model_aliases AS held
USING unnest($1::text[], $2::text[], $3::text[]) AS left_empty (store, product, alias)
WHERE held.store = left_empty.store AND held.product = left_empty.product
  AND held.alias = left_empty.alias
"""

ADD_CHANGES = """
INSERT INTO alias_history
    (cause_id, store, product, alias, model_id, previous_model_id, changed_by, reason,
     forecast_from)
SELECT * FROM unnest(
    $1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[],
    $8::text[], $9::date[]
)
"""

IS_DONE = "SELECT EXISTS (SELECT FROM alias_history WHERE cause_id = $1)"

CHAMPIONS_OF_RUN = """
SELECT alias.store, alias.product
FROM model_versions JOIN model_aliases AS alias USING (model_id)
WHERE run_id = $1 AND alias.alias = 'champion'
ORDER BY alias.store, alias.product
"""
