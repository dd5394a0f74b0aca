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
        WHERE (store, product) > (series.store, series.product) AND {within}
        ORDER BY store, product LIMIT 1
    ) AS next
)
"""

_NEWEST = """
SELECT series.store, series.product, newest.date FROM series, LATERAL (
    SELECT date FROM daily_sales AS day
    WHERE day.store = series.store AND day.product = series.product
    ORDER BY date DESC LIMIT 1
) AS newest
ORDER BY series.store, series.product
"""

# Every series, or those of one store, with its newest day.
SCOPE_ALL = _SERIES.format(start="true", within="true") + _NEWEST
SCOPE_STORE = _SERIES.format(start="store = $1", within="store = $1") + _NEWEST
# Those of one product in every store, and one series.
SCOPE_PRODUCT = SCOPE_ALL.replace("ORDER BY series", "WHERE series.product = $1 ORDER BY series")
SCOPE_ONE = """
SELECT store, product, date FROM daily_sales
WHERE store = $1 AND product = $2 ORDER BY date DESC LIMIT 1
"""

SERIES_PAGE = (
    _SERIES.format(start="(store, product) > ($1, $2)", within="true")
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

# Rows of a span of days, in the order of the series asked for.
_DAYS = """
SELECT asked.n, day.date, {columns}
FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS asked (store, product, n)
JOIN {table} AS day USING (store, product)
WHERE day.date >= $3 AND day.date < $4
ORDER BY asked.n, day.date
"""
# Stands for the drivers: a number of 64 bits, which even of a million sets confuses two once in
# 30 million times. jsonb's own hash does not do: the values of two drivers 16 apart may swap.
_HASH = "hashtextextended(day.drivers::text, 0)"
HISTORY = _DAYS.format(table="daily_sales", columns="day.units, day.open")
HISTORY_WITH_DRIVERS = _DAYS.format(table="daily_sales", columns=f"day.units, day.open, {_HASH}")
# -1: not said. No column may be NULL, so that every row is equally long in a binary COPY.
CALENDAR = _DAYS.format(
    table="calendar", columns=f"coalesce(day.open::integer, -1)::smallint, {_HASH}"
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

INSERT_RUN = """
INSERT INTO training_runs
    (run_id, requested_by, requested_at, reason, store, product, strategy, as_of, horizon)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
ON CONFLICT (run_id) DO NOTHING
RETURNING run_id
"""

INSERT_PLANNED = """
INSERT INTO training_results (run_id, store, product, shard)
SELECT $1, * FROM unnest($2::text[], $3::text[], $4::integer[])
"""

PLANNED_RUN = "SELECT * FROM training_runs WHERE run_id = $1"

PLANNED_SERIES = """
SELECT store, product, shard FROM training_results WHERE run_id = $1
ORDER BY shard, store, product
"""

# Writers of models take turns, so versions count up without gaps or clashes.
LOCK_MODELS = "SELECT pg_advisory_xact_lock(7346216)"

# New models get the next version of their series; a model that exists stays as it is.
INSERT_MODELS = """
WITH incoming AS (
    SELECT DISTINCT ON (model_id) * FROM unnest(
        $1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::date[], $7::integer[],
        $8::date[], $9::date[], $10::integer[], $11::text[], $12::text[], $13::text[],
        $14::timestamptz[]
    ) AS t (model_id, store, product, run_id, strategy, as_of, horizon, first_day, data_through,
            rows, metrics, parameters, versions, trained_at)
), new AS (
    SELECT * FROM incoming
    WHERE NOT EXISTS (SELECT FROM model_versions AS old WHERE old.model_id = incoming.model_id)
)
INSERT INTO model_versions
    (model_id, store, product, version, run_id, strategy, as_of, horizon, first_day, data_through,
     rows, metrics, parameters, versions, trained_at)
SELECT model_id, store, product,
       coalesce((SELECT max(version) FROM model_versions AS old
                 WHERE old.store = new.store AND old.product = new.product), 0)
       + row_number() OVER (PARTITION BY store, product ORDER BY as_of, trained_at, model_id),
       run_id, strategy, as_of, horizon, first_day, data_through, rows,
       metrics::jsonb, parameters::jsonb, versions::jsonb, trained_at
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

# The newest of the models of each series becomes champion if it is newer than the champion:
# by as_of, then by the time of the request, then by id, so the order of arrival is no matter.
PROMOTE = """
WITH candidate AS (
    SELECT DISTINCT ON (model.store, model.product)
        model.store, model.product, model_id, model.as_of, requested_at
    FROM model_versions AS model JOIN training_runs USING (run_id)
    WHERE model_id = ANY ($1)
    ORDER BY model.store, model.product, model.as_of DESC, requested_at DESC, model_id DESC
), winner AS (
    SELECT candidate.*, alias.model_id AS previous
    FROM candidate
    LEFT JOIN model_aliases AS alias
        ON alias.store = candidate.store AND alias.product = candidate.product
        AND alias.alias = 'champion'
    LEFT JOIN model_versions AS champion ON champion.model_id = alias.model_id
    LEFT JOIN training_runs AS run ON run.run_id = champion.run_id
    WHERE alias.model_id IS NULL
       OR (candidate.as_of, candidate.requested_at, candidate.model_id)
          > (champion.as_of, run.requested_at, champion.model_id)
), alias AS (
    INSERT INTO model_aliases (store, product, alias, model_id)
    SELECT store, product, 'champion', model_id FROM winner
    UNION ALL
    SELECT store, product, 'previous', previous FROM winner WHERE previous IS NOT NULL
    ON CONFLICT (store, product, alias) DO UPDATE SET model_id = excluded.model_id
)
INSERT INTO alias_history
    (store, product, alias, model_id, previous_model_id, changed_by, reason)
SELECT store, product, 'champion', model_id, previous, 'registry', 'newest model'
FROM winner
"""

PROMOTIONS = """
SELECT DISTINCT ON (model_id) model_id, version, previous_model_id
FROM alias_history JOIN model_versions USING (model_id)
WHERE alias = 'champion' AND changed_by = 'registry' AND model_id = ANY ($1)
ORDER BY model_id, id
"""

COUNTS = """
SELECT run_id, count(*) AS planned,
       count(*) FILTER (WHERE state = 'succeeded') AS succeeded,
       count(*) FILTER (WHERE state = 'failed') AS failed
FROM training_results WHERE run_id = ANY ($1) GROUP BY run_id
"""

_MODEL = """
SELECT model.*,
       ARRAY(SELECT alias FROM model_aliases AS a
             WHERE a.store = model.store AND a.product = model.product
               AND a.model_id = model.model_id ORDER BY alias) AS aliases
FROM model_versions AS model
"""
MODELS = _MODEL + "WHERE model_id = ANY ($1)"
VERSIONS = _MODEL + "WHERE store = $1 AND product = $2 ORDER BY version DESC"

SAVE_FORECASTS = """
INSERT INTO forecasts
    (store, product, date, model_id, yhat, yhat_lower, yhat_upper, assumed, bounded)
SELECT DISTINCT ON (store, product, date, model_id)
       store, product, date, model_id, yhat, yhat_lower, yhat_upper,
       ARRAY(SELECT name FROM jsonb_array_elements_text(assumed::jsonb)
             WITH ORDINALITY AS t (name, n) ORDER BY n),
       bounded
FROM unnest(
    $1::text[], $2::text[], $3::date[], $4::text[], $5::float8[], $6::float8[], $7::float8[],
    $8::text[], $9::boolean[]
) AS t (store, product, date, model_id, yhat, yhat_lower, yhat_upper, assumed, bounded)
ON CONFLICT (store, product, date, model_id) DO UPDATE
SET yhat = excluded.yhat, yhat_lower = excluded.yhat_lower, yhat_upper = excluded.yhat_upper,
    assumed = excluded.assumed, bounded = excluded.bounded
"""

# The champion's, or its predecessor's while the champion's is not in yet.
FORECAST = """
WITH serving AS (
    SELECT model_id FROM model_aliases AS alias
    WHERE store = $1 AND product = $2 AND alias IN ('champion', 'previous')
      AND EXISTS (SELECT FROM forecasts WHERE forecasts.model_id = alias.model_id)
    ORDER BY alias LIMIT 1
)
SELECT model_id, version, data_through, date, yhat, yhat_lower, yhat_upper, assumed, bounded,
       published_at
FROM serving JOIN model_versions USING (model_id) JOIN forecasts USING (model_id)
ORDER BY date
"""

_RUN = """
SELECT run.*, counts.* FROM {runs} AS run, LATERAL (
    SELECT count(*) AS planned,
           count(*) FILTER (WHERE state = 'succeeded') AS succeeded,
           count(*) FILTER (WHERE state = 'failed') AS failed,
           max(finished_at) AS finished_at
    FROM training_results AS result WHERE result.run_id = run.run_id
) AS counts
"""
RUNS = (
    _RUN.format(runs="(SELECT * FROM training_runs ORDER BY requested_at DESC LIMIT $1)")
    + "ORDER BY requested_at DESC, run_id"
)
RUN = _RUN.format(runs="(SELECT * FROM training_runs WHERE run_id = $1)")

FAILURES = """
SELECT store, product, error FROM training_results
WHERE run_id = $1 AND state = 'failed' ORDER BY store, product
"""
