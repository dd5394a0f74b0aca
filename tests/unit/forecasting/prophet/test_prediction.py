from dataclasses import replace
from datetime import timedelta

import numpy as np
import pandas as pd
import pytest

from functions.forecasting.prophet.convert import rebuild
from functions.forecasting.prophet.parameters import ProphetParameters, Regressor, Seasonality
from functions.forecasting.prophet.prediction import effects, leverage, predict, stacked
from functions.forecasting.series.regressors import DayFacts

YEARLY = Seasonality("yearly", 365.25, 10, 10.0)


@pytest.fixture
def fleet(made_up: ProphetParameters) -> list[ProphetParameters]:
    """Models of each kind: weekly, weekly and yearly, none, few changepoints, other days."""
    rng = np.random.default_rng(3)
    return [
        made_up,
        replace(
            made_up,
            seasonalities=(YEARLY, *made_up.seasonalities),
            beta=tuple(rng.normal(0, 0.1, 26).tolist()),
        ),
        replace(made_up, seasonalities=(), beta=(0.3,)),
        replace(made_up, delta=(0.4, -0.2), changepoints_t=(0.25, 0.5), y_scale=7.0),
        replace(made_up, first_day=made_up.first_day + timedelta(days=40), t_scale_days=78),
    ]


def test_many_models_at_once_predict_as_prophet_does_one_by_one(fleet):
    dates = np.datetime64("2015-03-01", "D") + np.arange(90)
    predicted = predict(fleet, dates)
    frame = pd.DataFrame({"ds": dates.astype("datetime64[ns]")})
    for row, model in zip(predicted, fleet, strict=True):
        prophet = rebuild(model)
        prophet.uncertainty_samples = 0
        np.testing.assert_allclose(row, prophet.predict(frame)["yhat"], rtol=1e-9)


@pytest.mark.parametrize("regressed", [False, True], ids=["bare", "regressed"])
def test_logistic_growth_and_terms_that_multiply_are_predicted_as_prophet_does(
    made_up, curved, regressed: bool
):
    dates = np.datetime64("2015-03-01", "D") + np.arange(90)
    frame = pd.DataFrame({"ds": dates.astype("datetime64[ns]"), "cap": curved.capacity})
    models, effect = [made_up, curved], None
    if regressed:
        promo = (np.arange(90) % 3 == 0).astype(float)
        frame["driver/promo"] = promo
        terms = (Regressor("driver/promo", 10.0, 0.25, 0.5, 0.1),)
        models = [replace(model, regressors=terms) for model in models]
        none = np.zeros(180, np.int64)
        days = np.tile(dates.astype(np.int64), 2)
        facts = DayFacts(days, ("promo",), np.tile(promo, 2)[:, None], none, none)
        effect = effects(models, facts, 90)
    for row, model in zip(predict(models, dates, effect), models, strict=True):
        prophet = rebuild(model)
        prophet.uncertainty_samples = 0
        np.testing.assert_allclose(row, prophet.predict(frame)["yhat"], rtol=1e-9)


def test_a_growth_rate_of_zero_is_no_exception(curved):
    still = replace(curved, k=0.5, delta=(-0.5, 0.5), changepoints_t=(0.25, 0.5))
    dates = np.datetime64("2015-01-05", "D") + np.arange(140)
    assert np.isfinite(predict([still], dates)).all()


def test_leverage_is_what_a_nudge_of_the_slope_does_to_the_forecast(made_up, curved):
    dates = np.datetime64(curved.last_day, "D") + np.arange(1, 15)
    nudge, reach = 1e-6, (np.arange(1, 15) + 20) / curved.t_scale_days
    t = 1 - 20 / curved.t_scale_days
    nudged = replace(
        curved, delta=(*curved.delta, nudge), changepoints_t=(*curved.changepoints_t, t)
    )
    moved = predict([nudged], dates) - predict([curved], dates)
    found = leverage([made_up, curved], dates)
    assert found is not None
    assert (found[0] == 1).all()
    np.testing.assert_allclose(found[1], moved[0] / (curved.y_scale * nudge * reach), rtol=1e-4)
    assert leverage([made_up, made_up], dates) is None


def test_a_models_prediction_does_not_depend_on_its_company(fleet):
    dates = np.datetime64("2015-05-04", "D") + np.arange(7)
    together = predict(fleet, dates)
    alone = np.concatenate([predict([model], dates) for model in fleet])
    np.testing.assert_allclose(together, alone, rtol=1e-12)


def test_no_models_predict_nothing():
    assert predict([], np.array(["2015-05-04"], "datetime64[D]")).shape == (0, 1)


def test_rows_of_unequal_length_are_padded_with_zeros():
    assert stacked([(1.0,), (), (2.0, 3.0)]).tolist() == [[1.0, 0.0], [0.0, 0.0], [2.0, 3.0]]


def test_a_driver_without_values_counts_as_zero_beside_those_that_have_them(made_up):
    terms = [Regressor(f"driver/{name}", 10.0, 0.5, 0.25, 0.02) for name in ("price", "promo")]
    model = replace(made_up, regressors=tuple(terms))
    days = np.arange(16_000, 16_003)
    none = np.zeros(3, np.int64)
    facts = DayFacts(days, ("promo",), np.array([[0.0], [1.0], [0.0]]), none, none)
    zero, one = 0.02 * (0 - 0.5) / 0.25, 0.02 * (1 - 0.5) / 0.25
    expected = [[zero + zero, zero + one, zero + zero]]
    np.testing.assert_allclose(effects([model], facts, 3), expected)
    assert effects([made_up], facts, 3).tolist() == [[0.0, 0.0, 0.0]]
