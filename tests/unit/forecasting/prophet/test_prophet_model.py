from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from prophet.serialize import model_from_json, model_to_json

from functions.forecasting.prophet.convert import extract, rebuild
from functions.forecasting.prophet.parameters import ProphetParameters, Regressor
from functions.forecasting.prophet.quiet import Prophet
from tests.unit.forecasting.generated import weekly_sales


@pytest.fixture(scope="module")
def two_weeks(fitted_prophet: Prophet) -> pd.DataFrame:
    """A week within the history and a week after it."""
    last = fitted_prophet.history["ds"].max()
    return pd.DataFrame({"ds": pd.date_range(last - pd.Timedelta(days=6), periods=14)})


def test_a_rebuilt_model_predicts_as_the_fitted_one(fitted_prophet, two_weeks):
    rebuilt = rebuild(extract(fitted_prophet))
    rebuilt.uncertainty_samples = 0
    expected = fitted_prophet.predict(two_weeks)
    predicted = rebuilt.predict(two_weeks)
    for component in ("yhat", "trend", "weekly"):
        np.testing.assert_allclose(predicted[component], expected[component], rtol=1e-9)


def test_a_rebuilt_model_survives_prophets_own_json(fitted_prophet, two_weeks):
    rebuilt = rebuild(extract(fitted_prophet), uncertainty_samples=0)
    again = model_from_json(model_to_json(rebuilt))
    np.testing.assert_allclose(
        again.predict(two_weeks)["yhat"], fitted_prophet.predict(two_weeks)["yhat"], rtol=1e-9
    )
    assert extract(again) == extract(fitted_prophet)


def test_extracting_a_rebuilt_model_gives_its_parameters_again(fitted_prophet):
    parameters = extract(fitted_prophet)
    assert extract(rebuild(parameters, fitted_prophet.history)) == parameters


def test_rebuilt_attributes_are_those_that_fit_sets(fitted_prophet):
    rebuilt = rebuild(extract(fitted_prophet), fitted_prophet.history)
    assert rebuilt.changepoints.tolist() == fitted_prophet.changepoints.tolist()
    assert rebuilt.component_modes == fitted_prophet.component_modes
    assert rebuilt.seasonalities == fitted_prophet.seasonalities
    for name, values in fitted_prophet.params.items():
        if name in rebuilt.params:
            assert rebuilt.params[name].shape == values.shape, name
    columns = ["ds", "y", "t", "y_scaled", "floor"]
    pd.testing.assert_frame_equal(rebuilt.history[columns], fitted_prophet.history[columns])
    pd.testing.assert_frame_equal(rebuilt.train_component_cols, fitted_prophet.train_component_cols)


def test_without_its_history_a_rebuilt_model_keeps_length_span_and_mean_step(fitted_prophet):
    history = rebuild(extract(fitted_prophet)).history
    assert len(history) == len(fitted_prophet.history)
    assert history["ds"].is_unique
    assert 6 not in history["ds"].dt.weekday.tolist()
    assert history["ds"].max() == fitted_prophet.history["ds"].max()
    assert history["t"].diff().mean() == pytest.approx(fitted_prophet.history["t"].diff().mean())


def test_another_history_is_refused(fitted_prophet):
    with pytest.raises(ValueError, match="must be the one that was fitted: 102, 2015-01-05"):
        rebuild(extract(fitted_prophet), fitted_prophet.history.head(50))


def test_a_model_without_changepoints_is_rebuilt_without(made_up: ProphetParameters):
    values = {**made_up.to_json_dict(), "delta": [0.0], "changepoints_t": [0.0]}
    parameters = ProphetParameters.from_json_dict(values)
    rebuilt = rebuild(parameters)
    assert len(rebuilt.changepoints) == 0
    assert extract(model_from_json(model_to_json(rebuilt))) == parameters


def test_a_model_that_is_not_fitted_is_refused():
    with pytest.raises(ValueError, match="not fitted"):
        extract(Prophet())


def test_logistic_growth_and_terms_that_multiply_survive_prophets_own_json(curved):
    bare = replace(curved, seasonalities=(), beta=(0.0,))
    term = Regressor("driver/promo", 10.0, 0.25, 0.5, 0.1)
    for parameters in (curved, bare, replace(curved, regressors=(term,))):
        rebuilt = rebuild(parameters)
        assert extract(rebuilt) == parameters
        assert extract(model_from_json(model_to_json(rebuilt))) == parameters


@pytest.mark.parametrize("growth", ["linear", "logistic"])
@pytest.mark.parametrize("mode", ["additive", "multiplicative"])
def test_a_fit_of_each_growth_and_mode_is_rebuilt_as_it_was(growth: str, mode: str):
    days = pd.date_range("2015-01-05", periods=150)
    promo = (np.arange(150) % 10 < 3).astype(float)
    units = weekly_sales(150) * (1 + 0.3 * promo)
    frame = pd.DataFrame({"ds": days, "y": units, "cap": 12_000.0, "driver/promo": promo})
    fitted = Prophet(growth=growth, seasonality_mode=mode, uncertainty_samples=0)
    fitted.add_regressor("driver/promo")
    fitted.fit(frame.iloc[:119])
    parameters = extract(fitted)
    rebuilt = rebuild(parameters)
    rebuilt.uncertainty_samples = 0
    expected = fitted.predict(frame)
    for each in (rebuilt, model_from_json(model_to_json(rebuilt))):
        predicted = each.predict(frame)
        for component in ("yhat", "trend", "weekly", "driver/promo"):
            np.testing.assert_allclose(predicted[component], expected[component], rtol=1e-9)
    assert extract(rebuild(parameters, fitted.history)) == parameters
    assert (parameters.growth, parameters.seasonality_mode) == (growth, mode)
    assert parameters.capacity == (12_000.0 if growth == "logistic" else None)


def flat(model: Prophet) -> None:
    model.growth = "flat"


def mixed(model: Prophet) -> None:
    model.seasonalities["yearly"] = {**model.seasonalities["weekly"], "mode": "additive"}


def two_caps(model: Prophet) -> None:
    model.growth = "logistic"
    model.history["cap"] = np.arange(len(model.history)) + 9000.0


def floor(model: Prophet) -> None:
    model.logistic_floor = True


def min_to_max(model: Prophet) -> None:
    model.scaling = "minmax"


@pytest.mark.parametrize(
    ("change", "seen"),
    [
        (flat, "flat growth"),
        (mixed, r"\['additive', 'multiplicative'\] terms"),
        (two_caps, "logistic growth, 119 caps"),
        (floor, "a floor"),
        (min_to_max, "minmax scaling"),
    ],
)
def test_a_model_of_another_kind_is_refused(made_up, change: Callable[[Prophet], None], seen: str):
    model = rebuild(replace(made_up, seasonality_mode="multiplicative"))
    change(model)
    with pytest.raises(ValueError, match=f"only models of .* have parameters here, not .*{seen}"):
        extract(model)
