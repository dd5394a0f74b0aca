"""A database that has grown: every series with sales, a champion, and a forecast that is served.

The models of a few series are trained, judged and forecast for real. Those of the others are the
same under other names, so rows are as large as they are; they are copied by SQL, since a million
real ones would take half an hour. Sales come in day by day, as they do, so a series' days lie
apart from each other.
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np

from events.envelope import Event, first_event
from events.payloads import (
    ForecastShardRequested,
    ModelTrained,
    SeriesRef,
    TrainingShardRequested,
)
from functions.forecaster import Forecaster
from functions.forecasting.engines.factory import engine
from functions.records import Plan, Series
from functions.registry.transactions import record_results
from functions.trainer import Trainer
from infra.memory.storage import MemoryStorage
from infra.postgres.storage import PostgresStorage
from infra.sales_io.generator import generate_sales

LAST_DAY = date(2015, 7, 31)
AS_OF = LAST_DAY + timedelta(days=1)
NOW = datetime(2015, 8, 1, 4, tzinfo=UTC)
WEEK = "week-0"  # the run that made every champion
STRATEGY, HORIZON = "auto", 7
TRAINED, TRAINED_DAYS = 8, 400  # series that are trained for real, and on so much
IN_A_STORE = 1000  # series of each store

_SERIES = (
    f"lpad((n / {IN_A_STORE})::text, 6, '0') AS store,"
    f" 'product-' || lpad((n % {IN_A_STORE})::text, 3, '0') AS product"
)
SELL = f"""
INSERT INTO daily_sales (store, product, date, units, open, drivers, event_id, recorded_at)
SELECT store, product, $2::date, 10 + n % 90, true,
       jsonb_build_object('promo', n % 2, 'school_holiday', 0),
       md5(n || 'sold' || $2)::uuid::text, $2::date + interval '22 hours'
FROM generate_series(0, $1 - 1) AS n, LATERAL (SELECT {_SERIES}) AS series
"""  # noqa: S608 - our own names
# What the rest has is what the series had that was trained in its place.
_REST = f"""
WITH series AS (
    SELECT n, {_SERIES}, (n % {TRAINED})::text AS like_n, md5(n || '{WEEK}')::uuid::text AS model_id
    FROM generate_series({TRAINED}, $1 - 1) AS n
), trained AS (
    SELECT model.*, right(model.product, 1) AS like_n FROM model_versions AS model
    WHERE run_id = '{WEEK}' AND product <= 'product-{TRAINED - 1:03}' AND store = '000000'
)
"""  # noqa: S608 - our own names
_MODEL = (
    *("run_id", "strategy", "chosen", "policy", "as_of", "horizon", "first_day", "data_through"),
    *("rows", "metrics", "folds", "comparison", "findings", "verdict", "parameters", "versions"),
)
COPY = (
    _REST
    + """
INSERT INTO model_versions (model_id, store, product, version, {model}, trained_at)
SELECT series.model_id, series.store, series.product, 1, {model}, trained.trained_at
FROM series JOIN (SELECT like_n, trained_at, {model} FROM trained) AS trained USING (like_n)
ORDER BY series.n
""".format(model=", ".join(_MODEL)),  # noqa: S608 - our own names
    _REST
    + """
INSERT INTO training_results (run_id, store, product, shard, state, model_id, finished_at)
SELECT trained.run_id, series.store, series.product, series.n / 128, 'succeeded', series.model_id,
       trained.trained_at
FROM series JOIN trained USING (like_n)
""",
    _REST
    + """
INSERT INTO model_aliases (store, product, alias, model_id)
SELECT store, product, 'champion', model_id FROM series
""",
    _REST
    + """
INSERT INTO alias_history
    (cause_id, store, product, alias, model_id, changed_by, reason, forecast_from)
SELECT series.model_id, series.store, series.product, 'champion', series.model_id, 'registry',
       'the first model of its series', trained.as_of
FROM series JOIN trained USING (like_n) ORDER BY series.n
""",
    _REST
    + """
INSERT INTO forecasts (store, product, date, model_id, yhat, yhat_lower, yhat_upper, assumed)
SELECT series.store, series.product, day.date, series.model_id, day.yhat, day.yhat_lower,
       day.yhat_upper, day.assumed
FROM series JOIN trained USING (like_n)
JOIN forecasts AS day ON day.model_id = trained.model_id ORDER BY series.n, day.date
""",
    _REST
    + """
INSERT INTO served_forecasts (store, product, model_id, first_day, horizon, requested_at,
    request_id, published_at, served_since)
SELECT series.store, series.product, series.model_id, day.first_day, day.horizon,
       day.requested_at, day.request_id, day.published_at, day.served_since
FROM series JOIN trained USING (like_n)
JOIN served_forecasts AS day ON day.model_id = trained.model_id ORDER BY series.n
""",
)


def series(n: int) -> Series:
    """The n-th series, from 0 on."""
    return f"{n // IN_A_STORE:06}", f"product-{n % IN_A_STORE:03}"


async def trained() -> list[Event[ModelTrained]]:
    """Models as the trainer makes them, of made-up sales."""
    storage = MemoryStorage()
    made = generate_sales(TRAINED, days=TRAINED_DAYS, until=LAST_DAY, seed=7)
    for n, (_, rows) in enumerate(made.groupby(["store", "product"])):
        days = rows["date"].dt.date.tolist()
        sold = zip(rows["units"].tolist(), rows["open"].tolist(), strict=True)
        storage.sales[series(n)] = dict(zip(days, sold, strict=True))
        storage.drivers[series(n)] = dict(
            zip(days, rows[["promo", "school_holiday"]].to_dict("records"), strict=True)
        )
    shard = TrainingShardRequested(
        run_id=WEEK,
        shard=0,
        series=tuple(_refs(range(TRAINED))),
        as_of=AS_OF,
        strategy=STRATEGY,
        horizon=HORIZON,
        policy="if-better",
    )
    outcomes = await Trainer(storage, engine(), {"numpy": np.__version__})(
        [first_event(shard, "benchmark", time=NOW)]
    )
    models: list[Any] = [event for event in outcomes if isinstance(event.data, ModelTrained)]
    if len(models) != TRAINED:
        raise RuntimeError(f"{TRAINED} series were to be trained, and {len(models)} were")
    return models


async def fill(
    connection: Any,
    storage: PostgresStorage,
    count: int,
    days: int,
    models: Sequence[Event[ModelTrained]],
) -> None:
    """So many series, with sales of so many days."""
    for day in range(days):
        await connection.execute(SELL, count, LAST_DAY - timedelta(days=days - 1 - day))
    shard = tuple(series(n) for n in range(TRAINED))
    await storage.save_or_coalesce(
        Plan(WEEK, "benchmark", NOW, "", None, None, STRATEGY, AS_OF, HORIZON, (shard,))
    )
    await record_results(storage, models, [])
    asked = ForecastShardRequested(
        request_id=WEEK,
        series=tuple(_refs(range(TRAINED))),
        as_of=AS_OF,
        horizon=HORIZON,
        requested_at=NOW,
    )
    await Forecaster(storage)([first_event(asked, "benchmark", time=NOW)])
    await connection.execute("SET session_replication_role = replica")  # copies need no checking
    for statement in COPY:
        await connection.execute(statement, count)
    await storage.cancel(WEEK, NOW)  # nothing is left of it, so its counts are kept
    await connection.execute("VACUUM ANALYZE")
    await connection.execute("CHECKPOINT")


def _refs(numbers: Sequence[int]) -> list[SeriesRef]:
    return [SeriesRef(store=store, product=product) for store, product in map(series, numbers)]
