from datetime import date

import numpy as np

from functions.forecasting.training.open_days import open_days

AS_OF = date(2015, 2, 2)  # the fifth Monday


def test_closed_days_and_those_from_as_of_on_are_left_out(make_panel):
    days, refused = open_days(make_panel(np.arange(60.0), closed_sundays=True), AS_OF)
    assert refused == [None]
    assert days.is_open.all()
    assert days.dates.max() == np.datetime64("2015-01-31")  # Sunday is the 1st
    assert len(days.dates) == 24


def test_a_series_that_can_not_be_trained_is_refused_in_its_place(make_panel):
    late = np.r_[np.full(28, np.nan), 5.0]
    days, refused = open_days(make_panel(np.ones(40), [-1.0] * 40, np.ones(40), late), AS_OF)
    assert days.keys == (("1", "all"), ("3", "all"))
    assert [why is None for why in refused] == [True, False, True, False]
    assert "-1" in refused[1].reason


def test_a_series_that_begins_later_has_no_open_day(make_panel):
    days, [why] = open_days(make_panel(np.ones(9), first=AS_OF), AS_OF)
    assert len(days) == 0
    assert why.reason == "no open day before 2015-02-02; at least 1 is needed"
