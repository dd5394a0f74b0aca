"""Make a real `prophet.Prophet` from a stored model, with all that Prophet can do with one.

A stored model is the JSON of `parameters`: in the event `shelfcast.model.trained.v1`, in the table
`model_versions`. Run it in the project's folder: `.venv/bin/python docs/examples/real_prophet.py`
"""

import json
from datetime import date

import numpy as np

from functions.forecasting.engines.factory import engine
from functions.forecasting.forecast.forecasts import forecast
from functions.forecasting.model import SeriesModel
from functions.forecasting.prophet.convert import rebuild
from functions.forecasting.prophet.parameters import ProphetParameters
from functions.forecasting.series.panel import Panel
from functions.forecasting.strategy import strategy
from functions.forecasting.training.train import train
from functions.forecasting.training.trained import Trained

units = 100 + 30.0 * (np.arange(91) % 7 == 5) + np.random.default_rng(1).normal(0, 5, 91)
days = np.datetime64("2025-01-06") + np.arange(91)
panel = Panel((("1", "milk"),), np.array([0, 91]), days, units, np.ones(91, bool))
as_of = date(2025, 4, 7)
[result] = train(panel, strategy("windowed"), as_of, engine(), naive_serves=False)
assert isinstance(result, Trained)
stored = json.dumps(result.model.to_json_dict())

model = SeriesModel.from_json_dict(json.loads(stored))
[member] = model.members  # a mean of several strategies has as many
assert isinstance(member, ProphetParameters)  # else a baseline, which is not a Prophet
prophet = rebuild(member)
coming = prophet.make_future_dataframe(7, include_history=False)
predicted = prophet.predict(coming)[["ds", "trend", "weekly", "yhat", "yhat_lower", "yhat_upper"]]
served = forecast([model], as_of, days=7)  # in units, never negative, as the API serves it
print(predicted.assign(served=served.yhat[0]).round(1))
