"""Series with trouble of known truth, through `auto` and the forecast, as a run makes them."""

from collections.abc import Sequence
from datetime import timedelta

import numpy as np
import pytest

from functions.forecasting.engines.factory import engine
from functions.forecasting.forecast.forecasts import Forecasts, forecast
from functions.forecasting.series.calendar import Calendar
from functions.forecasting.series.panel import Panel
from functions.forecasting.strategy import strategy
from functions.forecasting.training.train import train
from functions.forecasting.training.trained import Trained
from tests.unit.forecasting.shapes import AS_OF, DAYS, LAST, TRUTH, WEEK, shaped


def trained(panel: Panel, as_of=AS_OF) -> Trained:
    [result] = train(panel, strategy("auto"), as_of, engine("batched"))
    assert isinstance(result, Trained)
    return result


def week(panel: Panel, as_of=AS_OF, calendar: Calendar | None = None) -> Forecasts:
    return forecast([trained(panel, as_of).model], as_of, 7, calendar)


def far(yhat, truth: Sequence[float] | np.ndarray) -> float:
    """The largest relative distance of a day."""
    return float(np.max(np.abs(yhat[0] / truth - 1)))


@pytest.mark.parametrize("agos", [(20,), (3,), (7, 21), (0,)])
def test_days_a_hundred_times_too_large_move_nothing(agos):
    panel = shaped(lambda u, ago: np.where(np.isin(ago, agos), 100 * u, u))
    made = week(panel)
    assert far(made.yhat, TRUTH) < 0.15
    assert made.upper.max() < 250
    said = (
        f"{len(agos)} days, lastly" if len(agos) > 1 else f"{LAST - timedelta(days=agos[0])} is far"
    )
    assert any(said in note for note in trained(panel).notes)


def test_three_weeks_of_stock_out_do_not_outweigh_a_year():
    panel = shaped(lambda u, ago: np.where((ago >= 10) & (ago < 31), 0, u))
    assert far(week(panel).yhat, TRUTH) < 0.15


@pytest.mark.parametrize(("factor", "days"), [(5.0, 45), (5.0, 12), (0.2, 12), (2.0, 14), (0.5, 7)])
def test_a_new_level_is_followed_within_days(factor, days):
    made = week(shaped(lambda u, ago: np.where(ago < days, factor * u, u)))
    assert made.yhat.mean() == pytest.approx(factor * TRUTH.mean(), rel=0.25)


def test_two_odd_days_are_no_new_level():
    made = week(shaped(lambda u, ago: np.where(ago < 2, 0.5 * u, u)))
    assert made.yhat.mean() == pytest.approx(TRUTH.mean(), rel=0.12)


def test_an_article_that_ended_is_forecast_at_nothing_and_named():
    panel = shaped()
    result = trained(panel, AS_OF + timedelta(days=200))
    made = forecast([result.model], AS_OF + timedelta(days=200), 7)
    assert made.yhat.tolist() == [[0.0] * 7]
    assert any("it is taken to have ended" in note for note in result.notes)


def test_a_planned_opening_brings_an_ended_one_back():
    day = AS_OF + timedelta(days=200)
    calendar = Calendar(day, np.ones((1, 7), np.int8), (), np.empty((1, 7, 0)))
    assert week(shaped(), day, calendar).yhat.mean() == pytest.approx(100, rel=0.2)


def test_sundays_that_hardly_sell_stay_small():
    panel = shaped(lambda u, ago: np.where(ago % 7 == 0, np.round(u / 20), 5 * u))
    made = week(panel)
    assert 2 <= made.yhat[0, 6] <= 15
    assert made.upper[0, 6] < 60
    assert made.yhat[0, :6] == pytest.approx(5 * TRUTH[:6], rel=0.1)


def test_a_price_beyond_all_that_was_seen_does_not_explode():
    """A chance tie between price and sales, which never varied by more than a cent."""
    rng = np.random.default_rng(1)
    price = np.where(rng.random(DAYS) < 0.5, 49.8, 49.9)
    panel = shaped(
        lambda u, ago: u * (1 + 0.1 * (price > 49.85)),
        drivers={"price": price, "raining": np.zeros(DAYS)},
    )
    drivers = np.tile([65.9, 1.0], (1, 7, 1))
    calendar = Calendar(AS_OF, np.ones((1, 7), np.int8), ("price", "raining"), drivers)
    made = week(panel, calendar=calendar)
    assert far(made.yhat, 1.05 * TRUTH) < 0.2
    assert made.lower[0].max() < made.yhat[0].max()
    assert made.limited == [[("price",)] * 7]
    [finding] = [each for each in trained(panel).findings if each.code == "drivers-unused"]
    assert finding.values == {"names": ["raining"]}


def test_a_price_among_those_seen_and_one_that_is_assumed_are_not_limited():
    price = np.where(np.arange(DAYS) % 2, 49.8, 51.8)
    panel = shaped(drivers={"price": price})
    calendar = Calendar(AS_OF, np.ones((1, 7), np.int8), ("price",), np.full((1, 7, 1), 50.5))
    assert week(panel, calendar=calendar).limited == [[()] * 7]
    assert week(panel).limited == [[()] * 7]


def test_a_feed_without_zeros_sells_what_it_sells_a_day():
    rng = np.random.default_rng(5)
    panel = shaped(lambda u, ago: np.ones(len(u)), lambda ago, wd: rng.random(len(ago)) < 0.1)
    assert week(panel).yhat.sum() == pytest.approx(0.7, rel=0.5)


def test_growth_of_fifteen_percent_a_day_is_not_cut():
    panel = shaped(lambda u, ago: u * 1.15 ** (29.0 - ago), days=30, level=10)
    made = week(panel)
    assert not made.bounded.any()
    assert made.yhat.sum() > panel.units[-7:].sum() * 1.5


def test_the_season_that_is_about_to_turn_is_known_from_the_year_before():
    """Sales fall to a half within the coming week of every year; the last weeks can't tell."""

    def season(u, ago):
        day_of_year = (365 - ago - 1) % 365  # 0 on the first coming day
        return u * np.where((day_of_year >= 0) & (day_of_year < 60), 0.5, 1.0)

    panel = shaped(season, days=4 * 365)
    result = trained(panel)
    made = forecast([result.model], AS_OF, 7)
    assert made.yhat.mean() < 0.8 * TRUTH.mean()
    years = {fold.first_day.year for fold in result.folds}
    assert years == {2025, 2026}


def test_company_and_order_change_no_weights_beyond_the_fleets_share():
    """The models themselves are the series' own."""
    panels = [shaped(seed=seed, level=10.0 * 3**seed) for seed in range(3)]
    named = [
        Panel(((str(i), "x"),), p.offsets, p.dates, p.units, p.is_open)
        for i, p in enumerate(panels)
    ]
    together = train(Panel.concat(named), strategy("calendar"), AS_OF, engine("batched"))
    alone = [train(each, strategy("calendar"), AS_OF, engine("batched"))[0] for each in named]
    for one, other in zip(together, alone, strict=True):
        made = [forecast([each.model], AS_OF, 7).yhat for each in (one, other)]
        np.testing.assert_allclose(*made, rtol=1e-7)
    assert WEEK.mean() == pytest.approx(1.0)
