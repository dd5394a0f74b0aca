"""Forecasts of many series over one horizon, as they are published.

Units can't be sold in negative numbers, nor on a day the store is closed: every value is
at least 0 and exactly 0 on a weekday on which the store was never open in training. A
single closed day (a holiday) is not known here; the calendar's owner sets it to zero.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from functions.forecasting.intervals import half_widths
from functions.forecasting.panel import Dates, Floats
from functions.forecasting.parameters import ProphetParameters, weekdays
from functions.forecasting.prediction import predict


@dataclass(frozen=True, eq=False)
class Forecasts:
    """n series by h days: `dates` (datetime64[D]) has shape (h,), the others (n, h).

    In units per day, with 0 <= lower <= yhat <= upper.
    """

    dates: Dates
    yhat: Floats
    lower: Floats
    upper: Floats


def forecast(
    models: Sequence[ProphetParameters], start: date, horizon: int, level: float = 0.95
) -> Forecasts:
    """The `horizon` days from `start` on, with a central interval that covers `level`.

    `start` may lie anywhere; the further after a model's last day, the wider its interval.
    Raises ValueError if the horizon is below 1 or the level is not within (0, 1).
    """
    if horizon < 1:
        raise ValueError(f"a horizon of {horizon} days is too short; at least 1 is needed")
    dates = np.datetime64(start, "D") + np.arange(horizon)
    last = np.array([model.last_day for model in models], dtype="datetime64[D]")
    yhat = predict(models, dates)
    width = half_widths(models, (dates[None, :] - last[:, None]).astype(np.int64), level)
    closed = _closed(models, dates)

    def published(values: Floats) -> Floats:
        return np.where(closed, 0.0, np.maximum(values, 0.0))

    return Forecasts(dates, published(yhat), published(yhat - width), published(yhat + width))


def _closed(models: Sequence[ProphetParameters], dates: Dates) -> np.ndarray:
    """Which days fall on a weekday on which the store is closed; bool, shape (n, h)."""
    closed = np.zeros((len(models), 7), dtype=bool)
    for i, model in enumerate(models):
        closed[i, list(model.closed_weekdays)] = True
    return closed[:, weekdays(dates)]
