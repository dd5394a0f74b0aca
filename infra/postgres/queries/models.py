"""Model versions, their aliases and the history of these."""

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

UP_TO_DATE = """
SELECT store, product
FROM model_aliases AS alias JOIN model_versions USING (model_id, store, product)
WHERE alias.alias = 'champion' AND as_of >= $3
  AND ($1::text IS NULL OR store = $1) AND ($2::text IS NULL OR product = $2)
"""

_MODEL = """
SELECT model.*,
       ARRAY(SELECT alias FROM model_aliases AS a
             WHERE a.store = model.store AND a.product = model.product
               AND a.model_id = model.model_id ORDER BY alias) AS aliases
FROM model_versions AS model
"""


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
