"""Every statement that functions run, named and described in one place.

Batches come as one array per column. `series` means (store, product).
"""

# Distinct series of a table that has many rows of each: one index probe per series.
_SERIES = """
WITH RECURSIVE series AS (
    (SELECT store, product FROM daily_sales
     WHERE {start} ORDER BY store, product LIMIT 1)
    UNION ALL
    SELECT next.store, next.product FROM series, LATERAL (
        SELECT store, product FROM daily_sales
        WHERE {further}
        ORDER BY store, product LIMIT 1
    ) AS next
)
"""

_SPANS = """
SELECT series.store, series.product, oldest.date AS first_day, newest.date AS last_day
FROM series
CROSS JOIN LATERAL (
    SELECT date FROM daily_sales AS day
    WHERE day.store = series.store AND day.product = series.product
    ORDER BY date LIMIT 1
) AS oldest
CROSS JOIN LATERAL (
    SELECT date FROM daily_sales AS day
    WHERE day.store = series.store AND day.product = series.product
    ORDER BY date DESC LIMIT 1
) AS newest
"""

_FURTHER = "(store, product) > (series.store, series.product)"

SERIES = _SERIES.format(start="true", further=_FURTHER)  # all there are

# Every series, or those of one store, with its first and last day: two index probes more.
# Within a store the comparison of pairs would be a filter, and each probe begin at its first day.
SCOPE_ALL = SERIES + _SPANS
SCOPE_STORE = (
    _SERIES.format(start="store = $1", further="store = $1 AND product > series.product") + _SPANS
)
# Those of one product in every store, and those named that are known.
SCOPE_PRODUCT = SCOPE_ALL + "WHERE series.product = $1"
SCOPE_NAMED = (
    """
WITH series AS (SELECT DISTINCT * FROM unnest($1::text[], $2::text[]) AS named (store, product))
"""
    + _SPANS
)

# How much there is of what would be taken back.
_EXTENT = """
SELECT count(*) AS series, coalesce(sum(days), 0)::bigint AS days,
       min(first_day) AS first_day, max(last_day) AS last_day
"""
SOLD = (
    _EXTENT
    + """
FROM unnest($1::text[], $2::text[]) AS asked (store, product), LATERAL (
    SELECT count(*) AS days, min(date) AS first_day, max(date) AS last_day FROM daily_sales AS day
    WHERE day.store = asked.store AND day.product = asked.product
      AND date >= coalesce($3::date, '-infinity') AND date <= coalesce($4::date, 'infinity')
) AS found
WHERE days > 0
"""
)
IMPORTED = (
    _EXTENT
    + """
FROM (
    SELECT count(*) AS days, min(date) AS first_day, max(date) AS last_day FROM daily_sales
    WHERE import_id = $1 GROUP BY store, product
) AS found
"""
)

# The drivers of the newest days of each series.
NEWEST_DRIVERS = """
SELECT asked.n, array_agg(DISTINCT name) AS names
FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS asked (store, product, n)
CROSS JOIN LATERAL (
    SELECT drivers FROM daily_sales AS day
    WHERE day.store = asked.store AND day.product = asked.product ORDER BY date DESC LIMIT 28
) AS day
CROSS JOIN LATERAL jsonb_object_keys(day.drivers) AS name
GROUP BY asked.n
"""
# Which of some drivers any day of each series has; each day is read, most are passed over.
DRIVERS_EVER = """
SELECT asked.n, array_agg(DISTINCT name) AS names
FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS asked (store, product, n)
CROSS JOIN LATERAL (
    SELECT drivers FROM daily_sales AS day
    WHERE day.store = asked.store AND day.product = asked.product AND drivers ?| $3::text[]
    OFFSET 0
) AS day
JOIN unnest($3::text[]) AS name ON day.drivers ? name
GROUP BY asked.n
"""
MAX_SEARCHED = 2_000  # series from their first day on: a second for two years of each

SERIES_PAGE = (
    _SERIES.format(start="(store, product) > ($1, $2)", further=_FURTHER)
    + """
SELECT page.store, page.product, oldest.date AS first_day, newest.date AS last_day,
       model.version AS champion_version
FROM (SELECT * FROM series LIMIT $3) AS page
CROSS JOIN LATERAL (
    SELECT date FROM daily_sales AS day
    WHERE day.store = page.store AND day.product = page.product ORDER BY date LIMIT 1
) AS oldest
CROSS JOIN LATERAL (
    SELECT date FROM daily_sales AS day
    WHERE day.store = page.store AND day.product = page.product ORDER BY date DESC LIMIT 1
) AS newest
LEFT JOIN model_aliases AS alias
    ON alias.store = page.store AND alias.product = page.product AND alias.alias = 'champion'
LEFT JOIN model_versions AS model USING (model_id)
ORDER BY page.store, page.product
"""
)

# Rows of a span of days, in the order of the series asked for. OFFSET 0 keeps the planner from
# reading the days of every other series too, and from sorting all of them on disk.
_DAYS = """
SELECT asked.n, day.*
FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS asked (store, product, n), LATERAL (
    SELECT day.date, {columns} FROM {table} AS day
    WHERE day.store = asked.store AND day.product = asked.product
      AND day.date >= $3 AND day.date < $4
    OFFSET 0
) AS day
ORDER BY asked.n, day.date
"""
# Stands for a day's drivers: a number of 64 bits, which even of a million sets confuses two once
# in 30 million times. jsonb's own hash is twice as quick, but rotates what it has by a bit for
# each name and value and starts over after 32: the values of two drivers 16 apart may swap
# unseen. Within QUICK_NAMES drivers that can't be.
# https://github.com/postgres/postgres/blob/REL_18_STABLE/src/backend/utils/adt/jsonb_util.c
QUICK_NAMES = 8
_HASHES = ("jsonb_hash_extended(day.drivers, 0)", "hashtextextended(day.drivers::text, 0)")
HISTORY = _DAYS.format(table="daily_sales", columns="day.units, day.open")
HISTORY_WITH_DRIVERS = tuple(
    _DAYS.format(table="daily_sales", columns=f"day.units, day.open, {quick_or_sure}")
    for quick_or_sure in _HASHES
)
# -1: not said. No column may be NULL, so that every row is equally long in a binary COPY.
CALENDAR = tuple(
    _DAYS.format(
        table="calendar", columns=f"coalesce(day.open::integer, -1)::smallint, {quick_or_sure}"
    )
    for quick_or_sure in _HASHES
)

# The same for one series in one answer: its days packed, and the distinct sets of drivers, which
# each day has by its number. Of many series the COPY is quicker.
_ONE = """
WITH day AS MATERIALIZED ({days})
SELECT (SELECT string_agg({packed} || int8send(number), ''::bytea ORDER BY n, date)
        FROM (SELECT *, dense_rank() OVER (ORDER BY drivers) AS number FROM day) AS numbered),
       (SELECT array_agg(DISTINCT drivers ORDER BY drivers) FROM day)
"""
_PACKED = "int8send(n) || date_send(date)"
HISTORY_OF_ONE = _ONE.format(
    days=_DAYS.format(table="daily_sales", columns="day.units, day.open, day.drivers"),
    packed=f"{_PACKED} || float8send(units) || boolsend(open)",
)
CALENDAR_OF_ONE = _ONE.format(
    days=_DAYS.format(
        table="calendar", columns="coalesce(day.open::integer, -1)::smallint AS said, day.drivers"
    ),
    packed=f"{_PACKED} || int2send(said)",
)

# The drivers of single days, in the order asked for.
_DRIVERS = """
SELECT day.drivers
FROM unnest($1::text[], $2::text[], $3::date[]) WITH ORDINALITY AS asked (store, product, date, n)
JOIN {table} AS day USING (store, product, date)
ORDER BY asked.n
"""
DRIVERS_SOLD = _DRIVERS.format(table="daily_sales")
DRIVERS_PLANNED = _DRIVERS.format(table="calendar")

# Planners of one wish take turns, so of two at once one finds the other's run.
LOCK_WISH = "SELECT pg_advisory_xact_lock(7346217, hashtext($1))"

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
# that waits with the same wish, of which nothing has a result or is being trained.
INSERT_PLAN = """
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

FAIL_SHARD = """
UPDATE training_results SET state = 'failed', error = $3, finished_at = $4
WHERE run_id = $1 AND shard = $2
  AND (state = 'planned' OR (state = 'failed' AND finished_at < $4 AND error <> $3))
"""

# Models as `functions.registry.champion.Contender` has them, of one run or of one series.
_CONTENDERS = """
SELECT model.store, model.product, model.model_id, model.data_through, run.requested_at,
       coalesce(model.chosen, model.strategy) AS forecasts_by
FROM model_versions AS model JOIN training_runs AS run USING (run_id)
"""
CONTENDERS_OF_RUN = _CONTENDERS + "WHERE run_id = $1 ORDER BY model.store, model.product"
CONTENDERS_NAMED = (
    _CONTENDERS
    + "WHERE model.store = $1 AND model.product = $2 AND (version = $3 OR model_id = $4)"
)

# Who holds which place in the series asked for.
PLACES = """
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

DROP_CHALLENGERS = """
DELETE FROM model_aliases AS alias
USING unnest($1::text[], $2::text[]) AS emptied (store, product)
WHERE alias.store = emptied.store AND alias.product = emptied.product
  AND alias.alias = 'challenger'
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

PROMOTIONS = """
SELECT cause_id, change.store, change.product, model_id, version, run_id, horizon,
       forecast_from, previous_model_id, changed_by, reason
FROM alias_history AS change JOIN model_versions USING (model_id)
WHERE cause_id = ANY ($1) AND alias = 'champion'
ORDER BY id
"""

VERDICTS = """
SELECT model_id, version, verdict FROM model_versions
WHERE model_id = ANY ($1) AND verdict IS NOT NULL
"""

ALIAS_HISTORY = """
SELECT change.cause_id, change.store, change.product, change.alias, change.model_id,
       change.previous_model_id, change.changed_by, change.reason, change.forecast_from,
       coalesce(model.version, gone.version) AS version,
       coalesce(before.version, gone_before.version) AS previous_version, change.changed_at,
       coalesce(model.chosen, model.strategy, gone.chosen, gone.strategy) AS strategy,
       coalesce(model.as_of, gone.as_of) AS as_of
FROM alias_history AS change
LEFT JOIN model_versions AS model ON model.model_id = change.model_id
LEFT JOIN model_versions AS before ON before.model_id = change.previous_model_id
LEFT JOIN pruned_models AS gone ON gone.model_id = change.model_id
LEFT JOIN pruned_models AS gone_before ON gone_before.model_id = change.previous_model_id
WHERE change.store = $1 AND change.product = $2
ORDER BY change.id DESC
"""

ALIAS_HISTORY_PAGE = (
    ALIAS_HISTORY.replace("SELECT", "SELECT change.id,", 1).replace(
        "ORDER BY", "AND change.id < $3 ORDER BY"
    )
    + "LIMIT $4"
)

# A series whose row another transaction holds is getting its result, and keeps it.
CANCEL = """
UPDATE training_results SET state = 'cancelled', finished_at = $2
WHERE (run_id, store, product) IN (
    SELECT run_id, store, product FROM training_results
    WHERE run_id = $1 AND state = 'planned' FOR UPDATE SKIP LOCKED
)
"""

SETTLED_SERIES = """
SELECT run_id, store, product
FROM unnest($1::text[], $2::integer[]) AS asked (run_id, shard)
JOIN training_results USING (run_id, shard)
WHERE state IN ('succeeded', 'cancelled')
"""

FAILED_IN = """
SELECT store, product FROM training_results
WHERE state = 'failed'
  AND run_id = (SELECT coalesce(coalesced_into, run_id) FROM training_runs WHERE run_id = $1)
"""

RUN_EXISTS = "SELECT EXISTS (SELECT FROM training_runs WHERE run_id = $1)"

UP_TO_DATE = """
SELECT store, product
FROM model_aliases AS alias JOIN model_versions USING (model_id, store, product)
WHERE alias.alias = 'champion' AND as_of >= $3
  AND ($1::text IS NULL OR store = $1) AND ($2::text IS NULL OR product = $2)
"""

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

_MODEL = """
SELECT model.*,
       ARRAY(SELECT alias FROM model_aliases AS a
             WHERE a.store = model.store AND a.product = model.product
               AND a.model_id = model.model_id ORDER BY alias) AS aliases
FROM model_versions AS model
"""
MODELS = _MODEL + "WHERE model_id = ANY ($1)"
# Of champions what forecasts and trains beside them: runs of many series read them all.
CHAMPIONS = """
SELECT model_id, store, product, version, run_id, strategy, chosen, policy, as_of, horizon,
       first_day, data_through, rows, metrics, '[]' AS folds, '[]' AS comparison, findings,
       NULL AS verdict, parameters, versions, trained_at,
       ARRAY(SELECT alias FROM model_aliases AS a
             WHERE a.store = model.store AND a.product = model.product
               AND a.model_id = model.model_id ORDER BY alias) AS aliases
FROM model_versions AS model
WHERE model_id IN (
    SELECT alias.model_id FROM unnest($1::text[], $2::text[]) AS asked (store, product)
    JOIN model_aliases AS alias USING (store, product) WHERE alias.alias = 'champion'
)
"""
VERSIONS = _MODEL + "WHERE store = $1 AND product = $2 ORDER BY version DESC"
# Of those before a version the newest, without what a list does not show.
VERSIONS_PAGE = """
SELECT model_id, store, product, version, run_id, strategy, chosen, policy, as_of, horizon,
       first_day, data_through, rows, metrics, folds, comparison, findings, verdict, versions,
       trained_at, '{}' AS parameters,
       ARRAY(SELECT alias FROM model_aliases AS a
             WHERE a.store = model.store AND a.product = model.product
               AND a.model_id = model.model_id ORDER BY alias) AS aliases
FROM model_versions AS model
WHERE store = $1 AND product = $2 AND version < $3 ORDER BY version DESC LIMIT $4
"""

SAVE_FORECASTS = """
INSERT INTO forecasts
    (store, product, date, model_id, yhat, yhat_lower, yhat_upper, assumed, limited,
     bounded)
SELECT DISTINCT ON (store, product, date, model_id)
       store, product, date, model_id, yhat, yhat_lower, yhat_upper,
       ARRAY(SELECT name FROM jsonb_array_elements_text(assumed::jsonb)
             WITH ORDINALITY AS t (name, n) ORDER BY n),
       ARRAY(SELECT name FROM jsonb_array_elements_text(limited::jsonb)
             WITH ORDINALITY AS t (name, n) ORDER BY n),
       bounded
FROM unnest(
    $1::text[], $2::text[], $3::date[], $4::text[], $5::float8[], $6::float8[], $7::float8[],
    $8::text[], $9::text[], $10::boolean[]
) AS t (
    store, product, date, model_id, yhat, yhat_lower, yhat_upper, assumed, limited, bounded
)
ON CONFLICT (store, product, date, model_id) DO UPDATE
SET yhat = excluded.yhat, yhat_lower = excluded.yhat_lower, yhat_upper = excluded.yhat_upper,
    assumed = excluded.assumed, limited = excluded.limited, bounded = excluded.bounded
"""

WINDOWS = """
SELECT run_id, as_of, horizon, requested_at FROM training_runs WHERE run_id = ANY ($1)
"""

SERVED = """
SELECT store, product, first_day, horizon, requested_at, request_id
FROM unnest($1::text[], $2::text[]) AS asked (store, product)
JOIN served_forecasts USING (store, product)
"""

# Whoever changes champions waits until what is served agrees with them, and the other way round.
LOCK_CHAMPIONS = """
SELECT alias.store, alias.product, alias.model_id
FROM unnest($1::text[], $2::text[]) AS asked (store, product)
JOIN model_aliases AS alias USING (store, product)
WHERE alias.alias = 'champion'
ORDER BY alias.store, alias.product FOR SHARE OF alias
"""

# Days that were asked for earlier than those that are served do not come back.
SERVE = """
INSERT INTO served_forecasts AS served
    (store, product, model_id, first_day, horizon, requested_at, request_id)
SELECT * FROM unnest(
    $1::text[], $2::text[], $3::text[], $4::date[], $5::integer[], $6::timestamptz[], $7::text[]
) AS t (store, product, model_id, first_day, horizon, requested_at, request_id)
ORDER BY store, product
ON CONFLICT (store, product) DO UPDATE
SET model_id = excluded.model_id, first_day = excluded.first_day, horizon = excluded.horizon,
    requested_at = excluded.requested_at, request_id = excluded.request_id,
    published_at = now(),
    served_since = CASE
        WHEN (served.first_day, served.horizon) = (excluded.first_day, excluded.horizon)
        THEN served.served_since ELSE now() END
WHERE (excluded.requested_at, excluded.request_id) >= (served.requested_at, served.request_id)
RETURNING store, product
"""

# Each kind of scope is a join of its own, so that none compares every scope with every series.
SERVED_ON = """
WITH scope AS MATERIALIZED (SELECT * FROM unnest($1::text[], $2::text[]) AS t (store, product))
SELECT store, product FROM (
    SELECT store, product, first_day, horizon
    FROM scope JOIN served_forecasts USING (store, product)
    UNION
    SELECT store, served.product, first_day, horizon
    FROM scope JOIN served_forecasts AS served USING (store) WHERE scope.product IS NULL
    UNION
    SELECT served.store, product, first_day, horizon
    FROM scope JOIN served_forecasts AS served USING (product) WHERE scope.store IS NULL
    UNION
    SELECT store, product, first_day, horizon FROM served_forecasts
    WHERE EXISTS (SELECT FROM scope WHERE num_nulls(store, product) = 2)
) AS served
WHERE first_day <= $4 AND first_day + horizon > $3
ORDER BY store, product
"""

FORECAST = """
SELECT served.model_id, model.version, model.data_through, day.date, day.yhat, day.yhat_lower,
       day.yhat_upper, day.assumed, day.limited, day.bounded, served.published_at,
       served.served_since,
       (SELECT max(date) FROM daily_sales AS sold
        WHERE sold.store = $1 AND sold.product = $2) AS newest_sale
FROM served_forecasts AS served
JOIN model_versions AS model USING (model_id)
JOIN forecasts AS day ON day.store = served.store AND day.product = served.product
  AND day.model_id = served.model_id
  AND day.date >= served.first_day AND day.date < served.first_day + served.horizon
WHERE served.store = $1 AND served.product = $2
ORDER BY day.date
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
RUNS = (
    _RUN.format(runs="(SELECT * FROM training_runs ORDER BY requested_at DESC LIMIT $1)")
    + "ORDER BY requested_at DESC, run_id"
)
RUN = _RUN.format(runs="(SELECT * FROM training_runs WHERE run_id = $1)")

FAILURES = """
SELECT store, product, error FROM training_results
WHERE run_id = $1 AND state = 'failed' AND (store, product) > ($2, $3)
ORDER BY store, product LIMIT $4
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
