from dataclasses import replace
from datetime import date

import numpy as np

from functions.forecasting.panel import Panel
from functions.forecasting.procedure import Trained, train
from functions.forecasting.strategy import Strategy
from functions.forecasting.unfit import Unfit

AS_OF = date(2015, 7, 6)  # 26 weeks after the series' first Monday


def test_an_engine_sees_the_open_days_of_the_window_only(make_panel, fake_engine, windowed):
    panel = make_panel(np.ones(300), closed_sundays=True)
    train(panel, windowed, AS_OF, fake_engine)
    for seen in fake_engine.seen:
        assert seen.dates.min() == np.datetime64(
            "2015-03-09"
        )  # 119 days before; the 120th is a Sunday
        assert seen.dates.max() == np.datetime64("2015-07-04")  # Sunday the 5th is closed
        assert seen.is_open.all()


def test_a_trained_series_knows_its_key_model_errors_and_days(make_panel, fake_engine, windowed):
    (trained,) = train(make_panel(np.ones(182)), windowed, AS_OF, fake_engine)
    assert isinstance(trained, Trained)
    assert trained.key == ("1", "all")
    assert trained.metrics == fake_engine.metrics
    assert (trained.first_day, trained.data_through) == (date(2015, 1, 5), date(2015, 5, 3))
    assert trained.rows == 119


def test_too_few_open_days_are_refused_with_how_many_are_needed(make_panel, fake_engine, windowed):
    (unfit,) = train(make_panel(np.ones(3)), windowed, date(2015, 1, 31), fake_engine)
    reason = "3 open days in the 120 days before 2015-01-31; at least 10 are needed"
    assert unfit == Unfit(reason)


def test_all_history_is_named_as_such(make_panel, fake_engine, windowed):
    everything = replace(windowed, name="full", window_days=None)
    (unfit,) = train(make_panel(np.ones(3)), everything, date(2015, 1, 31), fake_engine)
    assert unfit.reason.startswith("3 open days in all days before 2015-01-31")


def test_a_nan_is_refused_by_its_day(make_panel, fake_engine, windowed):
    units = np.ones(100)
    units[[40, 50]] = np.nan
    (unfit,) = train(make_panel(units), windowed, date(2015, 4, 15), fake_engine)
    assert unfit.reason.startswith("units are nan on 2015-02-14 (2 such days in 100)")


def test_a_nan_on_a_closed_day_or_outside_the_window_harms_nothing(
    make_panel, fake_engine, windowed
):
    units = np.ones(182)
    units[0] = np.inf  # before the window
    units[76] = np.nan  # a Sunday
    (trained,) = train(make_panel(units, closed_sundays=True), windowed, AS_OF, fake_engine)
    assert isinstance(trained, Trained)


def test_results_are_in_the_panels_order_and_bad_series_do_not_harm_good_ones(
    make_panel, fake_engine, windowed
):
    good, bad = np.ones(100), np.full(100, np.nan)
    panel = make_panel(good, bad, [], good)
    results = train(panel, windowed, date(2015, 4, 15), fake_engine)
    assert [type(each) for each in results] == [Trained, Unfit, Unfit, Trained]
    assert results[3].key == ("4", "all")


def test_a_series_whose_backtest_or_fit_fails_has_that_reason(make_panel, fake_engine, windowed):
    panel = make_panel(np.ones(100))
    fake_engine.metrics = Unfit("the fold failed")
    assert train(panel, windowed, date(2015, 4, 15), fake_engine) == [Unfit("the fold failed")]
    fake_engine.model = Unfit("the fit failed")
    assert train(panel, windowed, date(2015, 4, 15), fake_engine) == [Unfit("the fit failed")]


def test_an_empty_panel_trains_nothing(make_panel, fake_engine, windowed: Strategy):
    nothing: Panel = make_panel()
    assert train(nothing, windowed, AS_OF, fake_engine) == []
