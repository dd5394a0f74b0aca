"""Forecasts, and which of them is served."""

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

# The newest sale is looked up per series: grouped, it would be found by reading all their sales.
FORECASTS = """
SELECT served.store, served.product, served.model_id, model.version, model.data_through, day.date,
       day.yhat, day.yhat_lower, day.yhat_upper, day.assumed, day.limited, day.bounded,
       served.published_at, served.served_since,
       (SELECT max(date) FROM daily_sales AS sold
        WHERE sold.store = served.store AND sold.product = served.product) AS newest_sale
FROM (SELECT DISTINCT * FROM unnest($1::text[], $2::text[]) AS t (store, product)) AS asked
JOIN served_forecasts AS served USING (store, product)
JOIN model_versions AS model USING (model_id)
JOIN forecasts AS day ON day.store = served.store AND day.product = served.product
  AND day.model_id = served.model_id
  AND day.date >= served.first_day AND day.date < served.first_day + served.horizon
ORDER BY served.store, served.product, day.date
"""

SERVED_PAGE = """
SELECT store, product FROM served_forecasts
WHERE ($1::text IS NULL OR store = $1) AND ($2::text IS NULL OR product = $2)
  AND (store, product) > ($3, $4)
ORDER BY store, product LIMIT $5
"""
