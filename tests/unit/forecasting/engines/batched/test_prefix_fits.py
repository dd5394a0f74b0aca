"""Fits with drivers of unequal prior scales: straight from the solver's arrays."""

import numpy as np
import pandas as pd
import pytest

from functions.forecasting.engines.batched.fits import Fits, continued
from functions.forecasting.engines.batched.padded import Histories
from functions.forecasting.engines.batched.prefix_fits import fit_prefixes
from functions.forecasting.prophet.quiet import Prophet
from functions.forecasting.prophet.seasonality import columns, seasonalities
from functions.forecasting.strategy import ProphetStrategy
from tests.unit.forecasting.generated import days_from, weekly_sales
from tests.unit.forecasting.posterior import Point, Rows, log_density, optimality

FULL = ProphetStrategy(name="full")
CUTS = np.array([[40, 90, 120]])
SCALES = np.array([10.0, 0.5, 10.0, 10.0, 10.0])
TEST = 14

rng = np.random.default_rng(4)
PROMO = (rng.random(134) < 0.4).astype(float)
PRICE = 1e6 + 2 * rng.normal(0, 1, 134)
# Late is constant in the first window, twin repeats promo, and none of them ever varies.
DRIVERS = np.column_stack([PROMO, PRICE, np.arange(134) > 60, PROMO, np.ones(134)])
UNITS = weekly_sales(134) * (1 + 0.3 * PROMO) - 200 * (PRICE - 1e6)


@pytest.fixture(scope="module")
def histories(make_panel) -> Histories:
    return Histories.of(make_panel(UNITS), np.array([0]), DRIVERS)


@pytest.fixture(scope="module")
def fits(histories: Histories) -> Fits:
    return fit_prefixes(histories, CUTS, FULL, SCALES)


def rows_and_point(fits: Fits, k: int) -> tuple[Rows, Point]:
    """The k-th window from the raw rows, standardised as the fit says, and the fit's point."""
    cut = CUTS[0, k]
    days = days_from(pd.Timestamp("2015-01-05").date(), cut).astype(np.int64)
    t = (days - days[0]) / (days[-1] - days[0])
    varies = fits.standards.varies[k]
    drivers = ((DRIVERS[:cut] - fits.standards.mean[k]) / fits.standards.std[k])[:, varies]
    waves = columns(seasonalities(FULL, False, True), days)
    rows = Rows(
        y=UNITS[:cut] / fits.y_scale[k],
        gaussian=np.column_stack([t, np.ones(cut), waves, drivers]),
        scales=np.r_[5.0, 5.0, np.full(6, 10.0), SCALES[varies]],
        hinges=np.maximum(t[:, None] - t[fits.places[k, : fits.changepoints[k]]], 0),
        tau=FULL.changepoint_prior_scale,
    )
    b = np.r_[fits.k[k], fits.m[k], fits.seasonal[k, 20:], fits.driven[k, varies]]
    return rows, Point(b, fits.delta[k, : fits.changepoints[k]], float(fits.sigma[k]))


@pytest.mark.parametrize("k", range(3))
def test_fits_with_drivers_are_certified_at_every_cut(fits: Fits, k: int):
    assert fits.done[k]
    assert optimality(*rows_and_point(fits, k)).worst < 1e-5


def test_constant_drivers_have_no_coefficient_and_twins_share_theirs(fits: Fits):
    assert fits.standards.varies[:, 2].tolist() == [False, True, True]
    assert fits.driven[0, 2] == 0
    assert (fits.driven[:, 4] == 0).all()
    np.testing.assert_allclose(fits.driven[:, 0], fits.driven[:, 3], rtol=1e-9)


def test_a_fit_at_a_cut_is_the_fit_of_its_rows_alone(histories: Histories, fits: Fits):
    for k, cut in enumerate(CUTS[0]):
        alone = fit_prefixes(histories, np.array([[cut]]), FULL, SCALES)
        assert alone.sigma[0] == pytest.approx(fits.sigma[k], rel=1e-9)
        np.testing.assert_allclose(alone.driven[0], fits.driven[k], rtol=1e-7, atol=1e-10)


def test_stock_prophet_with_the_same_drivers_is_no_better_and_forecasts_the_same(
    histories: Histories, fits: Fits
):
    frame = pd.DataFrame(DRIVERS, columns=["promo", "price", "late", "twin", "none"])
    frame["ds"] = pd.date_range("2015-01-05", periods=134)
    frame["y"] = UNITS
    prophet = Prophet(weekly_seasonality=3, daily_seasonality=False, uncertainty_samples=0)
    for name, scale in zip(["promo", "price", "late", "twin"], SCALES, strict=False):
        prophet.add_regressor(name, prior_scale=scale)
    prophet.fit(frame[:120])
    rows, point = rows_and_point(fits, 2)
    found = prophet.params
    stans = Point(
        np.r_[found["k"].ravel(), found["m"].ravel(), found["beta"].ravel()],
        found["delta"].ravel(),
        float(found["sigma_obs"].item()),
    )
    assert log_density(rows, point) >= log_density(rows, stans) - 1e-3
    ours = continued(fits, histories, CUTS, TEST, FULL)[0, 2]
    np.testing.assert_allclose(ours, prophet.predict(frame[120:])["yhat"], rtol=0.005)


def test_without_a_row_to_spare_a_forecast_with_drivers_is_finite(make_panel):
    few = Histories.of(make_panel(UNITS[:5]), np.array([0]), DRIVERS[:5])
    fits = fit_prefixes(few, np.array([[2, 4]]), FULL, SCALES)
    assert fits.done.all()
    assert np.isfinite(continued(fits, few, np.array([[2, 4]]), 1, FULL)).all()
