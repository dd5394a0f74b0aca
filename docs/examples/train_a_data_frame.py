"""Train each series of a data frame, and forecast the coming week of all of them.

Run it in the project's folder: `.venv/bin/python docs/examples/train_a_data_frame.py`
"""

from datetime import timedelta

import numpy as np
import pandas as pd

from functions.forecasting.engines.factory import engine
from functions.forecasting.forecast.forecasts import forecast
from functions.forecasting.series.panel import Panel
from functions.forecasting.strategy import strategy
from functions.forecasting.training.train import train
from functions.forecasting.training.trained import Trained

dates = pd.date_range("2025-01-06", periods=182)
units = 100 + 30 * (dates.weekday == 5) + np.random.default_rng(1).normal(0, 5, len(dates))
milk = pd.DataFrame({"store": "1", "product": "milk", "date": dates, "units": units})
sales = pd.concat([milk, milk.assign(product="rye", units=units / 4)])  # a row per series and day

sales = sales.sort_values(["store", "product", "date"])
rows = sales.groupby(["store", "product"]).size()
panel = Panel(
    keys=tuple(rows.index),
    offsets=np.concatenate([[0], rows.cumsum()]).astype(np.int64),
    dates=sales["date"].to_numpy("datetime64[D]"),
    units=sales["units"].to_numpy(float),
    is_open=np.ones(len(sales), bool),
)
as_of = sales["date"].max().date() + timedelta(days=1)
results = train(panel, strategy("auto"), as_of, engine())
trained = [each for each in results if isinstance(each, Trained)]  # else a FitFailure: its reason
week = forecast([each.model for each in trained], as_of, days=7)
table = pd.DataFrame(week.yhat.T, index=week.dates, columns=[each.key for each in trained])
print(table.round(1))
