from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from functions.forecasting.forecast.horizon import LOOK_BACK, calendar_span, horizon_of
from functions.forecasting.model import SeriesModel
from functions.forecasting.prophet.parameters import Regressor
from functions.forecasting.series.calendar import Calendar
from functions.forecasting.series.regressors import LOOK_AHEAD

MONDAY = date(2015, 5, 4)  # the day after the made-up model's last
SUNDAY = 6


@pytest.fixture
def model(made_up) -> SeriesModel:
    """Closed on Sundays, open on half of the Tuesdays; a promotion moves it, usually on Fridays."""
    promo = Regressor("driver/promo", 10.0, 0.3, 0.4, 0.05, low=0.0, high=1.0)
    return SeriesModel(
        members=(replace(made_up, regressors=(promo,)),),
        last_day=made_up.last_day,
        cap=20_000.0,
        closed_weekdays=(SUNDAY,),
        rest_weekdays=(SUNDAY,),
        opening=(1.0, 0.5, 1.0, 1.0, 1.0, 1.0, 0.0),
        typical_drivers={"promo": (0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0)},
    )


def said(days: int, **cells: dict[int, float]) -> Calendar:
    """A calendar of one series from Monday on, which says `open` and drivers on some days."""
    names = tuple(sorted(cells.keys() - {"open"}))
    is_open = np.full((1, days), -1, np.int8)
    for at, value in cells.get("open", {}).items():
        is_open[0, at] = int(value)
    drivers = np.full((1, days, len(names)), np.nan)
    for column, name in enumerate(names):
        for at, value in cells[name].items():
            drivers[0, at, column] = value
    return Calendar(MONDAY, is_open, names, drivers)


def test_without_a_calendar_a_day_is_open_by_chance_and_drivers_are_usual(model):
    week = horizon_of([model], MONDAY, 7, None)
    assert week.is_open.tolist() == [[True] * 6 + [False]]
    assert week.chance.tolist() == [[1.0, 0.5, 1.0, 1.0, 1.0, 1.0, 0.0]]
    assert week.drivers()[0, :, 0].tolist() == [0, 0, 0, 0, 1, 0, 0]
    assert week.assumed[0, :, 0].tolist() == [True] * 6 + [False]
    assert not week.limited.any()


def test_what_a_calendar_says_holds_for_sure(model):
    week = horizon_of([model], MONDAY, 7, said(7, open={1: 1, 2: 0, SUNDAY: 1}, promo={0: 1}))
    assert week.is_open.tolist() == [[True, True, False, True, True, True, True]]
    assert week.chance[0, [1, 2, SUNDAY]].tolist() == [1.0, 1.0, 1.0]
    assert week.drivers()[0, 0, 0] == 1
    assert week.assumed[0, :, 0].tolist() == [False, True, False, True, True, True, True]


def test_a_driver_that_moves_nothing_is_not_called_assumed(model):
    idle = replace(model, typical_drivers={**model.typical_drivers, "price": (9.0,) * 7})
    week = horizon_of([idle], MONDAY, 7, None)
    assert week.facts.driver_names == ("price", "promo")
    assert (week.drivers()[0, :, 0] == 9.0).all()
    assert not week.assumed[0, :, 0].any()


def test_a_driver_planned_beyond_all_that_was_seen_is_limited_on_open_days(model):
    week = horizon_of([model], MONDAY, 7, said(7, promo={0: 5.0, 1: 1.0, SUNDAY: 5.0}))
    assert week.limited[0, :, 0].tolist() == [True] + [False] * 6


def test_days_about_an_unusual_closing_know_how_near_it_is(model):
    closed = said(12, open={3: 0})
    week = horizon_of([model], MONDAY, 7, closed)
    assert week.facts.until_closed[:4].tolist() == [3, 2, 1, 0]
    assert week.facts.since_closed[4] == 1
    assert week.facts.since_closed[5:].tolist() == [0, 0], "a usual closing is none"


def test_a_calendar_reaches_beyond_the_horizon_by_what_its_days_look_at():
    assert calendar_span(MONDAY, 7) == (date(2015, 5, 3), LOOK_BACK + 7 + LOOK_AHEAD)


def test_a_calendar_of_other_series_is_refused(model):
    with pytest.raises(ValueError, match="of 1 series does not fit 2 models"):
        horizon_of([model, model], MONDAY, 7, said(7))
