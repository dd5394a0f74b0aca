"""Train by a strategy of your own, which the setting SHELFCAST_STRATEGIES describes.

Run it in the project's folder: `.venv/bin/python docs/examples/strategy_of_your_own.py`
"""

import os
from datetime import date

import numpy as np

from functions.forecasting.engines.factory import engine
from functions.forecasting.series.panel import Panel
from functions.forecasting.strategy import strategy
from functions.forecasting.training.train import train
from functions.forecasting.training.trained import Trained
from infra.settings import Settings

# In the environment of `shelfcast up` it makes `retrain --strategy two-months-and-mean` possible.
os.environ["SHELFCAST_STRATEGIES"] = """
    {"last-two-months": {"window_days": 60, "weekly_order": 2},
     "two-months-and-mean": {"members": ["last-two-months", "recent-mean"]}}
"""
known = Settings(_env_file=None).strategy_table  # refuses what makes no sense, naming the field

days = np.datetime64("2025-01-06") + np.arange(90)
panel = Panel(
    keys=(("1", "milk"),),
    offsets=np.array([0, 90]),
    dates=days,
    units=100 + 30.0 * (np.arange(90) % 7 == 5) + np.random.default_rng(1).normal(0, 5, 90),
    is_open=np.ones(90, bool),
)
own, as_of = strategy("two-months-and-mean", known), date(2025, 4, 6)
[result] = train(panel, own, as_of, engine(), known=known, naive_serves=False)
assert isinstance(result, Trained)
print(f"{result.chosen}: WAPE {result.metrics.wape:.1%} on {len(result.folds)} folds")
