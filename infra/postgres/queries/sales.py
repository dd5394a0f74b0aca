"""Series, their spans and drivers."""

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
