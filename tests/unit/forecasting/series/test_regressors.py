from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from functions.forecasting.series.regressors import (
    DayFacts,
    columns,
    design,
    regressor_names,
    rest_weekdays,
)
from functions.forecasting.strategy import ProphetStrategy
from tests.unit.forecasting.generated import FIRST_DAY, days_from

DRIVERS = ProphetStrategy(name="drivers", drivers=True)
WEEKDAYS = ProphetStrategy(name="weekdays", driver_weekdays=True)
CALENDAR = ProphetStrategy(name="calendar", calendar_terms=True)


def facts(dates: np.ndarray, **drivers: list[float]) -> DayFacts:
    none = np.zeros(len(dates), np.int64)
    values = np.array(list(drivers.values()), float).reshape(len(drivers), len(dates)).T
    return DayFacts(dates.astype(np.int64), tuple(drivers), values, none, none)


def column(name: str, dates: np.ndarray) -> list[str]:
    """The days on which a term of the calendar is 1; elsewhere it is 0."""
    values = columns((name,), facts(dates))[:, 0]
    assert set(values.tolist()) <= {0.0, 1.0}
    return dates[values == 1].astype(str).tolist()


def test_a_driver_enters_with_its_value_and_on_single_weekdays():
    dates = days_from(FIRST_DAY, 7)
    promo = [1.0, 2, 3, 4, 5, 6, 7]
    found = columns(("driver/promo", "driver/promo/tue"), facts(dates, price=[9] * 7, promo=promo))
    assert found.T.tolist() == [promo, [0, 2, 0, 0, 0, 0, 0]]


def test_parts_of_the_month_are_its_first_three_its_middle_four_and_its_last_days():
    february = days_from(date(2016, 2, 1), 29)
    assert column("month/early", february) == ["2016-02-01", "2016-02-02", "2016-02-03"]
    assert column("month/mid", february)[::3] == ["2016-02-14", "2016-02-17"]
    assert column("month/late", february) == ["2016-02-29"]
    assert len(column("month/late", days_from(date(2016, 1, 1), 31))) == 3


def test_advent_counts_weeks_to_christmas_day_and_0_is_the_week_from_it():
    winter = days_from(date(2014, 11, 1), 92)
    last = days_from(date(2014, 12, 18), 7).astype(str).tolist()
    assert column("advent/1", winter) == last
    assert column("advent/4", winter) == days_from(date(2014, 11, 27), 7).astype(str).tolist()
    assert column("advent/0", winter) == days_from(date(2014, 12, 25), 7).astype(str).tolist()


@pytest.mark.parametrize(
    "name",
    ["driver/price", "driver/promo/tue/wed", "month/middle", "weather", "driver"],
)
def test_a_name_that_means_nothing_is_refused(name: str):
    with pytest.raises(ValueError, match=f"no regressor '{name}' with drivers"):
        columns((name,), facts(days_from(FIRST_DAY, 1), promo=[1]))


def test_a_strategys_columns_and_their_prior_scales(make_panel):
    both = replace(CALENDAR, drivers=True, driver_weekdays=True, regressor_prior_scale=7.0)
    panel = make_panel(np.ones(300), drivers={"promo": np.tile([0.0, 1.0], 150)})
    found = design(panel, both)
    assert found.names == regressor_names(both, ("promo",))
    assert len(found.names) == 1 + 6 + 3 + 5 + 5
    assert found.prior_scales.tolist() == [7.0] + [both.term_prior_scale] * 19
    assert found.values.shape == (300, 20)
    assert design(panel, ProphetStrategy(name="bare")).names == ()


def test_an_unknown_driver_has_the_usual_value_of_its_weekday(make_panel):
    promo = np.tile([1.0, 0, 0, 0, 0, 0, 0], 20)
    gaps = promo.copy()
    gaps[[70, 71, 139]] = np.nan
    found = design(make_panel(np.ones(140), drivers={"promo": gaps}), DRIVERS)
    np.testing.assert_array_equal(found.values[:, 0], promo)
    assert found.typical[0, :, 0].tolist() == [1, 0, 0, 0, 0, 0, 0]


def test_what_is_usual_is_the_mean_by_weekday_of_the_last_56_days(make_panel):
    promo = np.r_[np.ones(84), np.tile([0.0] * 7 + [1.0] * 7, 4)]
    found = design(make_panel(np.ones(140), drivers={"promo": promo}), DRIVERS)
    assert found.typical[0, :, 0].tolist() == [0.5] * 7


def test_a_driver_not_known_lately_has_its_mean_of_all_days_as_usual(make_panel):
    promo = np.r_[np.tile([0.0, 1.0], 35), np.full(70, np.nan)]
    found = design(make_panel(np.ones(140), drivers={"promo": promo}), DRIVERS)
    assert found.typical[0, :, 0].tolist() == [0.5] * 7


def test_a_driver_that_a_series_never_had_is_zero_there_and_has_no_usual_value(make_panel):
    promo = np.r_[np.tile([0.0, 1.0], 35), np.full(70, np.nan)]
    found = design(make_panel(np.ones(70), np.ones(70), drivers={"promo": promo}), DRIVERS)
    assert (found.values[70:] == 0).all()
    assert np.isnan(found.typical[1]).all()
    assert found.typical[0, :, 0].tolist() == [0.5] * 7


def test_a_weekday_needs_eight_days_of_a_driver_for_an_effect_of_its_own(make_panel):
    promo = np.zeros(140)
    promo[1 : 1 + 7 * 8 : 7] = 1  # 8 Tuesdays
    promo[2 : 2 + 7 * 7 : 7] = 1  # 7 Wednesdays
    found = design(make_panel(np.ones(140), drivers={"promo": promo}), WEEKDAYS)
    assert found.values.sum(axis=0).tolist() == [8, 0, 0, 0, 0, 0]


def test_a_weekday_is_one_of_rest_when_open_on_at_most_half_of_its_days(make_panel):
    panel = make_panel(np.ones(70), np.ones(70), closed_sundays=True).open_days()
    assert np.flatnonzero(rest_weekdays(panel)[0]).tolist() == [6]
    kept = np.ones(len(panel.dates), bool)
    kept[[1, 7, 13, 19, 25, 60 + 1]] = False  # of the first series 5 of 10 Tuesdays
    assert np.argwhere(rest_weekdays(panel.only(kept))).tolist() == [[0, 1], [0, 6], [1, 6]]


def test_the_days_about_an_unusual_closing_are_told_apart(make_panel):
    panel = make_panel(np.ones(140), closed_sundays=True)
    is_open = panel.is_open.copy()
    closed = 74  # a Friday
    is_open[closed] = False
    days = replace(panel, is_open=is_open).open_days()
    found = design(days, CALENDAR)
    for name, day in (("closed/-1", -1), ("closed/-4", -4), ("closed/1", 1)):
        marked = days.dates[found.values[:, found.names.index(name)] == 1]
        assert marked.tolist() == [panel.dates[closed + day].item()], name


def test_a_closing_on_a_day_of_rest_and_the_edge_of_the_history_are_not_unusual(make_panel):
    days = make_panel(np.ones(140), np.ones(12), closed_sundays=True).open_days()
    found = design(days, CALENDAR)
    at = [i for i, name in enumerate(found.names) if name.startswith("closed/")]
    assert len(at) == 5
    assert (found.values[:, at] == 0).all()


def test_a_series_columns_do_not_depend_on_its_company(make_panel):
    rng = np.random.default_rng(0)
    promo = (rng.random(350) < 0.3).astype(float)
    everything = replace(CALENDAR, drivers=True, driver_weekdays=True)
    panel = make_panel(np.ones(200), np.ones(150), drivers={"promo": promo})
    panel = panel.only(rng.random(350) < 0.9)
    together = design(panel, everything)
    for i in range(2):
        alone = design(panel.select([i]), everything)
        np.testing.assert_array_equal(together.values[panel.series(i)], alone.values)
        np.testing.assert_array_equal(together.typical[i], alone.typical[0])


def test_an_empty_panel_has_columns_without_rows(make_panel):
    everything = replace(CALENDAR, drivers=True, driver_weekdays=True)
    assert design(make_panel(drivers={"promo": []}), everything).values.shape == (0, 20)
    assert design(make_panel([], [1.0], drivers={"promo": [1.0]}), everything).typical.shape[0] == 2
