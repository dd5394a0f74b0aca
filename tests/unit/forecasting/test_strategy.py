import pytest

from functions.forecasting.strategy import STRATEGIES, Strategy, UnknownStrategy, strategy


def test_windowed_is_the_last_120_days_with_5_splits_and_a_95_percent_interval():
    windowed = strategy("windowed")
    assert (windowed.window_days, windowed.n_splits, windowed.interval_level) == (120, 5, 0.95)


def test_full_is_all_history_with_the_same_splits():
    assert (strategy("full").window_days, strategy("full").n_splits) == (None, 5)


def test_each_strategy_goes_by_its_own_name():
    assert all(name == each.name for name, each in STRATEGIES.items())


def test_an_unknown_strategy_is_refused_with_the_known_ones():
    with pytest.raises(UnknownStrategy, match=r"no strategy 'weekly'; known are: .*windowed"):
        strategy("weekly")


def test_a_minimum_that_leaves_a_fold_one_training_row_is_refused():
    with pytest.raises(ValueError, match="at least 1 split and 7 rows are needed"):
        Strategy(name="thin", window_days=None, min_open_days=6)


def test_a_window_shorter_than_its_minimum_of_open_days_is_refused():
    with pytest.raises(ValueError, match="a window of 7 days can't hold 10 open days"):
        Strategy(name="short", window_days=7)


def test_an_interval_level_of_one_is_refused():
    with pytest.raises(ValueError, match=r"interval_level 1\.0 is not within"):
        Strategy(name="certain", window_days=None, interval_level=1.0)
