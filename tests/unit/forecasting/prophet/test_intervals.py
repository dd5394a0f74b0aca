from dataclasses import replace
from statistics import NormalDist

import numpy as np
import pandas as pd
import pytest

from functions.forecasting.prophet.convert import rebuild
from functions.forecasting.prophet.intervals import Errors, _quantiles, half_widths, quantiles
from functions.forecasting.prophet.parameters import ProphetParameters
from functions.forecasting.prophet.prediction import leverage

WEEK = np.arange(1, 8)[None, :]


def sampled_half_widths(parameters: ProphetParameters, level: float, days: int, draws: int):
    """Half the width of the interval that Prophet's own sampling gives on each day ahead."""
    model = rebuild(parameters)
    model.uncertainty_samples = draws
    dates = pd.date_range(parameters.last_day, periods=days + 1)[1:]
    frame = pd.DataFrame({"ds": dates, "cap": parameters.capacity})
    samples = model.predictive_samples(frame)["yhat"]
    lower, upper = np.quantile(samples, [(1 - level) / 2, (1 + level) / 2], axis=1)
    return (upper - lower) / 2


@pytest.mark.parametrize(
    ("sigma", "level"),
    [(0.05, 0.95), (0.05, 0.5), (0.01, 0.95), (0.002, 0.95), (0.0001, 0.95)],
)
def test_closed_form_agrees_with_prophets_sampling(made_up, sigma: float, level: float):
    parameters = replace(made_up, sigma_obs=sigma)
    np.random.seed(7)  # Prophet draws from numpy's global generator
    sampled = sampled_half_widths(parameters, level, days=7, draws=40_000)
    np.testing.assert_allclose(half_widths([parameters], WEEK, level)[0], sampled, rtol=0.04)


@pytest.mark.parametrize("sigma", [0.05, 0.005, 0.0005])
def test_closed_form_agrees_with_prophets_sampling_of_other_kinds(curved, sigma: float):
    parameters = replace(curved, sigma_obs=sigma)
    factor = leverage([parameters], np.datetime64(parameters.last_day, "D") + np.arange(1, 29))
    # Prophet's vectorised draws of logistic growth bend a day later than those of linear growth.
    ahead = np.arange(1, 29)[None, :] - (parameters.growth == "logistic")
    np.random.seed(7)
    sampled = sampled_half_widths(parameters, 0.95, days=28, draws=40_000)
    np.testing.assert_allclose(
        half_widths([parameters], ahead, 0.95, factor)[0], sampled, rtol=0.04
    )


def test_closed_form_of_logistic_growth_agrees_with_single_draws(made_up: ProphetParameters):
    logistic = {"growth": "logistic", "capacity": 13_500.0, "k": 2.0, "m": 0.2}
    parameters = replace(made_up, sigma_obs=0.0005, **logistic)
    model, dates = rebuild(parameters), pd.date_range(parameters.last_day, periods=29)[1:]
    frame = model.setup_dataframe(pd.DataFrame({"ds": dates, "cap": parameters.capacity}))
    np.random.seed(7)
    trend = np.array([model.sample_predictive_trend(frame, 0) for _ in range(4000)])
    noise = np.random.normal(0, parameters.sigma_obs * parameters.y_scale, trend.shape)
    lower, upper = np.quantile(trend + noise, [0.025, 0.975], axis=0)
    factor = leverage([parameters], dates.to_numpy("datetime64[D]"))
    found = half_widths([parameters], np.arange(1, 29)[None, :], 0.95, factor)[0]
    # So few draws come within 8 %; a day late would be 18 % off on the seventh.
    np.testing.assert_allclose(found, (upper - lower) / 2, rtol=0.08)


def test_models_of_other_kinds_leave_the_rest_as_they_are(made_up, curved):
    dates = np.datetime64(made_up.last_day, "D") + np.arange(1, 8)
    models = [made_up, curved, replace(made_up, sigma_obs=1e-4)]
    days = np.repeat(WEEK, 3, axis=0)
    together = half_widths(models, days, 0.95, leverage(models, dates))
    for i, model in enumerate(models):
        alone = half_widths([model], WEEK, 0.95, leverage([model], dates))
        np.testing.assert_allclose(together[i], alone[0], rtol=1e-9)


def test_without_trend_changes_the_interval_is_the_noises(made_up: ProphetParameters):
    flat = replace(made_up, delta=(0.0,) * 25)
    expected = NormalDist().inv_cdf(0.975) * flat.sigma_obs * flat.y_scale
    np.testing.assert_allclose(half_widths([flat], WEEK, 0.95), expected, rtol=1e-6)


def test_days_within_the_history_have_noise_only(made_up: ProphetParameters):
    expected = NormalDist().inv_cdf(0.975) * made_up.sigma_obs * made_up.y_scale
    widths = half_widths([made_up], np.array([[-1, 0, 1]]), 0.95)[0]
    np.testing.assert_allclose(widths[:2], expected, rtol=1e-9)
    assert widths[2] > widths[1]


def test_intervals_widen_with_the_horizon_and_with_the_level(made_up: ProphetParameters):
    days = np.arange(1, 91)[None, :]
    widths = [half_widths([made_up], days, level)[0] for level in (0.5, 0.8, 0.95, 0.999)]
    assert (np.diff(widths, axis=1) > 0).all()
    assert (np.diff(widths, axis=0) > 0).all()


def test_a_models_interval_does_not_depend_on_its_company(made_up: ProphetParameters):
    fleet = [replace(made_up, sigma_obs=s) for s in np.geomspace(1e-9, 1, 40).tolist()]
    days = np.repeat(np.arange(30, 37)[None, :], len(fleet), axis=0)
    alone = np.concatenate([half_widths([model], days[:1], 0.95) for model in fleet])
    np.testing.assert_allclose(half_widths(fleet, days, 0.95), alone, rtol=1e-9)
    assert (np.diff(alone, axis=0) > -1e-9).all()


@pytest.mark.parametrize("probability", [0.75, 0.975, 0.9995])
def test_where_the_error_is_nearly_normal_the_inversion_says_the_same(probability: float):
    count = 60
    errors = Errors(
        sigma=np.full(count, 0.05), bend=np.geomspace(1e-8, 1e-2, count), chance=np.full(count, 0.2)
    )
    days = np.repeat(WEEK, count, axis=0)
    exact = _quantiles(errors, days, probability)
    np.testing.assert_allclose(quantiles(errors, days, probability), exact, rtol=1e-4)
    noise = NormalDist().inv_cdf(probability) * 0.05
    assert exact[0] == pytest.approx([noise] * 7)  # at one end there is nothing but noise,
    assert exact[-1, -1] > 1.1 * noise  # at the other the trend


def test_no_noise_at_all_still_has_an_interval(made_up: ProphetParameters):
    widths = half_widths([replace(made_up, sigma_obs=0.0, delta=(0.0,) * 25)], WEEK, 0.95)
    assert np.isfinite(widths).all()
    assert (widths > 0).all()


def test_no_models_have_no_intervals():
    assert half_widths([], np.empty((0, 7), np.int64), 0.95).shape == (0, 7)


@pytest.mark.parametrize("level", [0.0, 1.0, 95.0])
def test_a_level_that_is_no_probability_is_refused(made_up: ProphetParameters, level: float):
    with pytest.raises(ValueError, match=r"must be within \(0, 1\)"):
        half_widths([made_up], WEEK, level)
