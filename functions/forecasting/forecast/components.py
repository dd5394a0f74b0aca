"""What a forecast is made of: trend, seasons, and each driver's part.

The parts of a model add up to its forecast on its own scale: to units per day on the linear
one, to log(1 + units) on the log one, where a part of 0.1 is about 10 %. Where terms multiply,
a part is the trend times the term, so it is in units per day as well.
"""

from datetime import date

import numpy as np

from functions.forecasting.forecast.horizon import horizon_of
from functions.forecasting.model import SeriesModel
from functions.forecasting.prophet.parameters import ProphetParameters
from functions.forecasting.prophet.prediction import fourier, trend
from functions.forecasting.series.calendar import Calendar
from functions.forecasting.series.panel import Dates, Floats
from functions.forecasting.series.regressors import DayFacts, columns


def components(model: ProphetParameters, dates: Dates, facts: DayFacts) -> dict[str, Floats]:
    """The parts on h days (datetime64[D]), each of shape (h,), on the model's scale.

    `facts` are of the same days. `trend` has the recent residual in it; a driver's part has its
    effects by weekday in it; `month`, `advent` and `closed` are the calendar's.
    """
    level = trend([model], dates)[0] + model.shift
    unit = level if model.seasonality_mode == "multiplicative" else 1.0
    parts = {"trend": level}
    start = 0
    for term in model.seasonalities:
        beta = np.array(model.beta[start : start + 2 * term.fourier_order])
        parts[term.name] = fourier([term], dates) @ beta * unit
        start += 2 * term.fourier_order
    values = columns(tuple(term.name for term in model.regressors), facts)
    for at, regressor in enumerate(model.regressors):
        kind, what, *_ = regressor.name.split("/")
        name = what if kind == "driver" else kind
        seen = regressor.within(values[:, at])
        effect = regressor.beta * (seen - regressor.mean) / regressor.std
        parts[name] = parts.get(name, np.zeros(len(dates))) + effect * unit
    return {name: part * model.y_scale for name, part in parts.items()}


def components_of(
    model: SeriesModel, start: date, days: int, calendar: Calendar
) -> list[tuple[ProphetParameters, dict[str, Floats]]]:
    """Each fitted member of a series' model with its parts on the `days` days from `start`; a
    level model has none. `calendar` is of this series alone.
    """
    horizon = horizon_of([model], start, days, calendar)
    return [
        (member, components(member, horizon.dates, horizon.facts))
        for member in model.members
        if isinstance(member, ProphetParameters)
    ]
