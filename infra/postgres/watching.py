"""Queries for Prometheus, and their cost.

At a million series of 28 days FRESHNESS took 22 to 32 s, CHAMPIONS 4 to 7 and RUNS about 1, on two
busy cores (`make bench-rows`).

| statement | cost |
| --- | --- |
| FRESHNESS | two index probes per series, and a scan of served forecasts, a row per series |
| CHAMPIONS | an index probe per champion |
| RUNS | the results of runs in progress, by an index |
| DATABASE | one row of the server's own counters |
"""

from infra.postgres.queries.sales import SERIES

# $1 is today. `staleness` in functions.freshness is the rule that a forecast is stale by.
FRESHNESS = (
    SERIES
    + """
, newest AS (
    SELECT series.store, series.product, newest.date
    FROM series CROSS JOIN LATERAL (
        SELECT date FROM daily_sales AS day
        WHERE day.store = series.store AND day.product = series.product
        ORDER BY date DESC LIMIT 1
    ) AS newest
), served AS (
    SELECT store, product, first_day, first_day + horizon - 1 AS last_day,
           (served_since AT TIME ZONE 'UTC')::date AS since
    FROM served_forecasts
)
SELECT count(*) AS series,
       count(*) FILTER (WHERE newest.date >= $1::date) AS through_today,
       count(*) FILTER (WHERE newest.date >= $1::date - 1) AS through_yesterday,
       count(*) FILTER (WHERE $1::date + 1 BETWEEN first_day AND last_day) AS for_tomorrow,
       count(*) FILTER (
           WHERE newest.date >= least(first_day + 1, last_day)
              OR since <= last_day AND last_day < $1::date
       ) AS stale
FROM newest LEFT JOIN served USING (store, product)
"""
)

QUANTILES = (0.5, 0.9, 1.0)
CHAMPIONS = f"""
SELECT percentile_disc(ARRAY{list(QUANTILES)}) WITHIN GROUP (
    ORDER BY extract(epoch FROM now() - trained_at)::float8
) AS ages
FROM model_aliases JOIN model_versions USING (model_id)
WHERE alias = 'champion'
"""

RUNS = """
SELECT count(*) AS runs,
       coalesce(sum(planned), 0)::bigint AS planned,
       coalesce(sum(succeeded), 0)::bigint AS succeeded,
       coalesce(sum(failed), 0)::bigint AS failed,
       coalesce(sum(cancelled), 0)::bigint AS cancelled,
       coalesce(max(extract(epoch FROM now() - newest)), 0)::float8 AS silent
FROM (
    SELECT run.run_id,
           count(*) AS planned,
           count(*) FILTER (WHERE state = 'succeeded') AS succeeded,
           count(*) FILTER (WHERE state = 'failed') AS failed,
           count(*) FILTER (WHERE state = 'cancelled') AS cancelled,
           greatest(max(result.finished_at), run.planned_at) AS newest
    FROM training_runs AS run JOIN training_results AS result USING (run_id)
    WHERE run.planned IS NULL AND run.coalesced_into IS NULL
    GROUP BY run.run_id, run.planned_at
    HAVING bool_or(state = 'planned')
) AS going
"""

DATABASE = """
SELECT pg_database_size(current_database()) AS size, numbackends AS connections
FROM pg_stat_database WHERE datname = current_database()
"""
