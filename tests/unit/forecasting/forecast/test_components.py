"""The parts of a forecast add up to it."""

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from functions.forecasting.forecast.components import components
from functions.forecasting.prophet.parameters import ProphetParameters, Regressor, Seasonality
from functions.forecasting.prophet.prediction import effects, predict
from functions.forecasting.series.regressors import DayFacts

DATES = np.datetime64("2015-07-06") + np.arange(7)  # a Monday
FACTS = DayFacts(
    days=DATES.astype(np.int64),
    driver_names=("promo",),
    drivers=np.array([[1.0], [1.0], [0.0], [0.0], [1.0], [0.0], [0.0]]),
    until_closed=np.zeros(7, np.int64),
    since_closed=np.array([1, 0, 0, 0, 0, 0, 0]),
)
MODEL = ProphetParameters(
    k=0.2,
    m=0.5,
    delta=(0.1,),
    changepoints_t=(0.5,),
    beta=(0.1, -0.05, 0.02, 0.03),
    sigma_obs=0.1,
    y_scale=8.0,
    first_day=date(2015, 1, 1),
    t_scale_days=180,
    rows=150,
    seasonalities=(Seasonality("yearly", 365.25, 1, 10.0), Seasonality("weekly", 7.0, 1, 10.0)),
    changepoint_prior_scale=0.05,
    never_open_weekdays=(6,),
    regressors=(
        Regressor("driver/promo", 10.0, 0.0, 1.0, 0.25),
        Regressor("driver/promo/tue", 0.03, 0.0, 1.0, 0.0625),
        Regressor("month/early", 0.03, 0.0, 1.0, 0.5),
        Regressor("closed/1", 0.03, 0.1, 0.5, 0.125),
    ),
    scale="log",
    shift=0.01,
)


def test_the_parts_add_up_to_the_forecast():
    parts = components(MODEL, DATES, FACTS)
    whole = predict([MODEL], DATES, effects([MODEL], FACTS, len(DATES)))[0]
    assert sum(parts.values()) == pytest.approx(whole, rel=1e-12)


@pytest.mark.parametrize("growth", [{}, {"growth": "logistic", "capacity": 12.0}])
def test_parts_of_terms_that_multiply_add_up_too(growth):
    model = replace(MODEL, scale="linear", shift=0.0, seasonality_mode="multiplicative", **growth)
    parts = components(model, DATES, FACTS)
    whole = predict([model], DATES, effects([model], FACTS, len(DATES)))[0]
    assert sum(parts.values()) == pytest.approx(whole, rel=1e-12)
    assert parts["promo"] / parts["trend"] == pytest.approx([0.25, 0.3125, 0, 0, 0.25, 0, 0])


def test_each_part_has_the_name_of_what_it_is_of():
    parts = components(MODEL, DATES, FACTS)
    assert list(parts) == ["trend", "yearly", "weekly", "promo", "month", "closed"]
    assert parts["promo"].tolist() == [2.0, 2.5, 0.0, 0.0, 2.0, 0.0, 0.0]
    assert parts["month"].tolist() == [0.0] * 7
    assert parts["closed"].tolist() == pytest.approx([1.8, *[-0.2] * 6])


def test_a_model_of_a_trend_alone_has_no_other_part():
    bare = replace(MODEL, seasonalities=(), beta=(0.0,), regressors=(), shift=0.0)
    parts = components(bare, DATES, FACTS)
    assert list(parts) == ["trend"]
    assert parts["trend"] == pytest.approx(predict([bare], DATES)[0])
