import numpy as np
import pandas as pd
import pytest
from prophet.serialize import model_from_json, model_to_json

from functions.forecasting.parameters import ProphetParameters
from functions.forecasting.prophet_model import extract, rebuild
from functions.forecasting.stock_prophet import Prophet


@pytest.fixture(scope="module")
def two_weeks(fitted_prophet: Prophet) -> pd.DataFrame:
    """A week within the history and a week after it."""
    last = fitted_prophet.history["ds"].max()
    return pd.DataFrame({"ds": pd.date_range(last - pd.Timedelta(days=6), periods=14)})


def test_a_rebuilt_model_predicts_as_the_fitted_one(fitted_prophet, two_weeks):
    rebuilt = extract(fitted_prophet).to_prophet()
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
    rebuilt = parameters.to_prophet()
    assert len(rebuilt.changepoints) == 0
    assert extract(model_from_json(model_to_json(rebuilt))) == parameters


def test_a_model_that_is_not_fitted_is_refused():
    with pytest.raises(ValueError, match="not fitted"):
        extract(Prophet())


def test_a_multiplicative_model_is_refused(made_up: ProphetParameters):
    model = made_up.to_prophet()
    model.seasonalities["weekly"]["mode"] = "multiplicative"
    with pytest.raises(ValueError, match=r"not linear growth, .* \['multiplicative'\] terms"):
        extract(model)
