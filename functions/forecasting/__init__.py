"""The modelling core: values in, values out; no I/O, no clock, no events.

It imports numpy, pandas and prophet alone, so that it runs the same in a trainer's replica, in a
notebook and in a test. A series passes through its rooms in this order; each knows those named
before it, and never one after it:

- `findings`, `strategy`: what is said of a series, and what a strategy's name stands for.
- `series`: the days of many series side by side, their drivers, calendar, outliers and scale.
- `folds`: where a history is cut for a backtest, and what comes of walking through it.
- `prophet`, `baselines`: the two kinds of model that one can have of a series.
- `model`, `calibration`: what is kept of a trained series, and how wide its interval has to be.
- `engines`: what fits many series at once.
- `training`: `train.train` is the way in. `forecast`: `forecasts.forecast` is.
"""
