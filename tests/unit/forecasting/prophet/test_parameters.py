import json
from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.forecasting.prophet.convert import extract
from functions.forecasting.prophet.parameters import ProphetParameters, Regressor

finite = st.floats(allow_nan=False, allow_infinity=False)


@given(k=finite, sigma=finite, delta=st.lists(finite, min_size=25, max_size=25))
def test_json_round_trip_is_exact(
    made_up: ProphetParameters, k: float, sigma: float, delta: list[float]
):
    parameters = replace(
        made_up,
        k=k,
        sigma_obs=sigma,
        delta=tuple(delta),
        never_open_weekdays=(5, 6),
        regressors=(Regressor("driver/promo", 10.0, 0.0, 1.0, beta=k),),
        scale="log",
        shift=sigma,
        smearing=0.5,
    )
    scaled = replace(parameters, shift=0.0, seasonality_mode="multiplicative")
    for each in (parameters, scaled, replace(scaled, growth="logistic", capacity=12_000.1)):
        text = json.dumps(each.to_json_dict())
        assert ProphetParameters.from_json_dict(json.loads(text)) == each


def test_a_stored_model_takes_one_to_two_kilobytes(fitted_prophet):
    text = json.dumps(extract(fitted_prophet).to_json_dict())
    assert 800 < len(text) < 2000


def test_last_day_and_mean_step_follow_from_what_is_stored(fitted_prophet):
    parameters = extract(fitted_prophet)
    assert parameters.last_day == fitted_prophet.history["ds"].max().date()
    assert parameters.mean_step == pytest.approx(fitted_prophet.history["t"].diff().mean())


def test_a_missing_and_an_unknown_field_are_named(made_up: ProphetParameters):
    values = made_up.to_json_dict()
    del values["beta"]
    with pytest.raises(ValueError, match=r"lack \['beta'\] and have unknown \['bet'\]"):
        ProphetParameters.from_json_dict({**values, "bet": []})


def test_coefficients_that_do_not_fit_the_seasonalities_are_refused(made_up: ProphetParameters):
    with pytest.raises(ValueError, match="4 coefficients for 6 Fourier columns"):
        replace(made_up, beta=(0.0,) * 4)


def test_slope_changes_that_do_not_fit_the_changepoints_are_refused(made_up: ProphetParameters):
    with pytest.raises(ValueError, match="1 slope changes for 25 changepoints"):
        replace(made_up, delta=(0.0,))


@pytest.mark.parametrize(
    ("field", "value", "known"),
    [
        ("growth", "flat", "linear and logistic"),
        ("scale", "root", "linear and log"),
        ("seasonality_mode", "both", "additive and multiplicative"),
    ],
)
def test_a_value_that_is_not_known_is_refused(made_up, field: str, value: str, known: str):
    with pytest.raises(ValueError, match=f"{field} '{value}' is not known; {known} are"):
        ProphetParameters.from_json_dict({**made_up.to_json_dict(), field: value})


@pytest.mark.parametrize(
    "values",
    [
        {"growth": "logistic"},
        {"capacity": 9000.0},
        {"capacity": -5.0},
        {"capacity": 0.0},
        *(
            {"growth": "logistic", "capacity": value}
            for value in (-5.0, 0.0, float("nan"), float("inf"))
        ),
    ],
)
def test_logistic_growth_has_a_capacity_and_linear_growth_has_none(made_up, values):
    with pytest.raises(ValueError, match=r"growth has capacity .*; logistic growth needs"):
        replace(made_up, **values)


def test_a_shift_of_terms_that_multiply_is_refused(made_up: ProphetParameters):
    with pytest.raises(ValueError, match=r"shift is 0\.1; it belongs to linear growth"):
        replace(made_up, shift=0.1, seasonality_mode="multiplicative")


def test_what_was_stored_before_there_were_regressors_is_still_read(made_up: ProphetParameters):
    values = made_up.to_json_dict()
    for name in ("regressors", "scale", "shift", "smearing", "seasonality_mode", "capacity"):
        del values[name]
    assert ProphetParameters.from_json_dict(values) == made_up


def test_weekdays_without_an_open_day_are_closed(fitted_prophet):
    assert extract(fitted_prophet).never_open_weekdays == (6,)
    assert date(2015, 1, 11).weekday() == 6
