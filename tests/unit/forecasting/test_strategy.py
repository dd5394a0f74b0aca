from dataclasses import replace
from typing import Any

import pytest

from functions.forecasting.backtest import DEFAULT, Backtest
from functions.forecasting.strategy import (
    BUILT_IN,
    BaselineStrategy,
    EnsembleStrategy,
    ProphetStrategy,
    RecentStrategy,
    SelectionStrategy,
    Strategy,
    UnknownStrategy,
    WarmStartStrategy,
    plain,
    same_columns,
    strategy,
    table,
    weighed,
    window_of,
)

BOTH = ("full", "windowed")


@pytest.mark.parametrize(
    ("other", "same"), [("calendar-linear", True), ("calendar-year", False), ("local", False)]
)
def test_strategies_that_differ_in_more_than_the_units_scale_have_other_columns(other, same):
    assert same_columns(strategy("calendar-all"), strategy(other)) is same


def test_windowed_is_the_last_120_days_and_full_is_all_history():
    assert (strategy("windowed").window_days, strategy("full").window_days) == (120, None)


def test_five_folds_measure_and_an_interval_is_of_95_percent():
    assert (DEFAULT.n_splits, DEFAULT.interval_level) == (5, 0.95)


def test_each_strategy_goes_by_its_own_name():
    assert all(name == each.name for name, each in BUILT_IN.items())


def test_the_built_in_strategies_name_only_each_other():
    assert dict(table()) == dict(BUILT_IN)


def test_an_unknown_strategy_is_refused_with_the_known_ones():
    with pytest.raises(UnknownStrategy, match=r"no strategy 'weekly'; known are: .*windowed"):
        strategy("weekly")
    with pytest.raises(UnknownStrategy, match="did you mean 'windowed'"):
        strategy("window")


NAN, INF = float("nan"), float("inf")
ALWAYS_REFUSED = [
    ({"window_days": 7}, "window_days is 7; it can't hold the 10 open days"),
    ({"recent_residual": 1.5}, r"recent_residual is 1\.5; it must be from 0 to 1"),
    ({"recent_residual": NAN}, "recent_residual is nan"),
    ({"smearing": -0.1, "scale": "log"}, r"smearing is -0\.1"),
    ({"most_zero_days": 2.0}, r"most_zero_days is 2\.0"),
    ({"weekly_order": 4}, "weekly_order is 4; a week has room for 0 to 3"),
    ({"n_changepoints": -1}, "n_changepoints is -1"),
    ({"changepoint_range": 0.0}, r"changepoint_range is 0\.0"),
    ({"changepoint_prior_scale": 0.0}, r"changepoint_prior_scale is 0\.0; a finite number above 0"),
    ({"seasonality_prior_scale": NAN}, "seasonality_prior_scale is nan"),
    ({"regressor_prior_scale": -1.0}, r"regressor_prior_scale is -1\.0"),
    ({"term_prior_scale": 0.0}, r"term_prior_scale is 0\.0"),
    ({"residual_half_life_days": 0.0}, r"residual_half_life_days is 0\.0"),
    ({"growth": "logistic", "scale": "log"}, "growth is 'logistic'; on scale 'log'"),
    (
        {"seasonality_mode": "multiplicative", "scale": "log"},
        "seasonality_mode is 'multiplicative'; on scale 'log' terms multiply already",
    ),
    (
        {"growth": "logistic", "recent_residual": 0.5},
        r"recent_residual is 0\.5; it belongs to linear growth with additive terms",
    ),
    (
        {"seasonality_mode": "multiplicative", "recent_residual": 0.5},
        r"recent_residual is 0\.5; it belongs to linear growth with additive terms",
    ),
    (
        {"growth": "logistic", "capacity": 1.0},
        r"capacity is 1\.0; a finite number above 1 is needed",
    ),
    ({"growth": "logistic", "capacity": INF}, "capacity is inf; a finite number"),
    ({"capacity": 2.0}, r"capacity is 2\.0; it belongs to growth 'logistic'"),
]
ONCE_TAKEN = [
    ({"min_open_days": 1}, "min_open_days is 1; a fit needs 2 days"),
    ({"smearing": 0.5}, r"smearing is 0\.5; it belongs to scale 'log'"),
    (
        {"residual_half_life_days": 7.0},
        r"residual_half_life_days is 7\.0; it belongs to a recent_residual above 0",
    ),
    ({"regressor_prior_scale": 1.0}, r"regressor_prior_scale is 1\.0; it belongs to drivers"),
    (
        {"term_prior_scale": 1.0, "drivers": True},
        r"term_prior_scale is 1\.0; it belongs to driver_weekdays or calendar_terms",
    ),
    (
        {"changepoint_range": 0.5, "n_changepoints": 0},
        r"changepoint_range is 0\.5; it belongs to n_changepoints above 0",
    ),
    (
        {"changepoint_prior_scale": 0.5, "n_changepoints": 0},
        r"changepoint_prior_scale is 0\.5; it belongs to n_changepoints above 0",
    ),
    ({"seasonality_prior_scale": INF}, "seasonality_prior_scale is inf; a finite number"),
    ({"changepoint_prior_scale": INF}, "changepoint_prior_scale is inf; a finite number"),
    (
        {"recent_residual": 0.5, "residual_half_life_days": INF},
        "residual_half_life_days is inf; a finite number",
    ),
    ({"scale": "root"}, "scale is 'root'; there are linear, log"),
    ({"growth": "flat"}, "growth is 'flat'; there are linear, logistic"),
]


@pytest.mark.parametrize(("fields", "message"), ALWAYS_REFUSED + ONCE_TAKEN)
def test_nonsense_of_prophet_is_refused_naming_the_field_and_its_value(
    fields: dict[str, Any], message: str
):
    with pytest.raises(ValueError, match=f"strategy 'own': {message}"):
        ProphetStrategy(name="own", **fields)


@pytest.mark.parametrize(
    ("kind", "fields", "message"),
    [
        (BaselineStrategy, {"method": "bogus"}, "method is 'bogus'; there are naive, "),
        (BaselineStrategy, {"method": "recent-mean"}, "method is 'recent-mean'; there are naive"),
        (RecentStrategy, {"method": "tsb"}, "method is 'tsb'; there are recent-mean"),
        (
            RecentStrategy,
            {"method": "recent-mean", "window_days": 0},
            "window_days is 0; at least 1 is needed",
        ),
        (WarmStartStrategy, {"recent_residual": 2.0}, r"recent_residual is 2\.0"),
        (WarmStartStrategy, {"residual_half_life_days": NAN}, "residual_half_life_days is nan"),
        (EnsembleStrategy, {"members": ("full",)}, r"members is \('full',\); name at least 2"),
        (EnsembleStrategy, {"members": ("full", "full")}, "members is .*; name each strategy once"),
        (SelectionStrategy, {"candidates": ()}, r"candidates is \(\); name at least 2"),
        (
            SelectionStrategy,
            {"candidates": ("own", "full")},
            "candidates is .*; a strategy can't be one of its own",
        ),
    ],
)
def test_nonsense_of_other_kinds_is_refused_naming_the_field_and_its_value(
    kind: type[Strategy], fields: dict[str, Any], message: str
):
    with pytest.raises(ValueError, match=f"strategy 'own': {message}"):
        kind(name="own", **fields)


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        (BaselineStrategy, {"method": "naive", "scale": "log"}),
        (BaselineStrategy, {"method": "naive", "n_changepoints": 3}),
        (BaselineStrategy, {"method": "tsb", "drivers": True}),
        (BaselineStrategy, {"method": "tsb", "window_days": 60}),
        (BaselineStrategy, {"method": "tsb", "min_open_days": 60}),
        (RecentStrategy, {"method": "recent-mean", "smearing": 0.5}),
        (WarmStartStrategy, {"window_days": 60}),
        (WarmStartStrategy, {"scale": "log"}),
        (EnsembleStrategy, {"members": BOTH, "scale": "log"}),
        (EnsembleStrategy, {"members": BOTH, "candidates": BOTH}),
        (ProphetStrategy, {"n_splits": 3}),
    ],
)
def test_a_kind_has_no_field_that_means_nothing_in_it(kind: type[Strategy], fields: dict[str, Any]):
    with pytest.raises(TypeError, match="unexpected keyword argument"):
        kind(name="own", **fields)


def test_a_strategy_without_a_name_is_refused():
    with pytest.raises(ValueError, match="name is ''"):
        ProphetStrategy(name="")


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"n_splits": 0}, "n_splits is 0; at least 1"),
        ({"interval_level": 1.0}, r"interval_level is 1\.0; it must be within \(0, 1\)"),
    ],
)
def test_a_backtest_that_measures_nothing_is_refused(fields: dict[str, Any], message: str):
    with pytest.raises(ValueError, match=message):
        Backtest(**fields)


def test_only_linear_growth_with_additive_terms_is_concave():
    fitted = [each for each in BUILT_IN.values() if isinstance(each, ProphetStrategy)]
    assert fitted
    assert all(each.concave for each in fitted)
    assert not ProphetStrategy("own", growth="logistic", capacity=3.0).concave
    assert not ProphetStrategy("own", seasonality_mode="multiplicative").concave


def test_ones_own_strategies_go_before_built_in_ones_of_the_same_name():
    own = ProphetStrategy(name="full", window_days=400)
    known = table([own, EnsembleStrategy(name="both", members=BOTH)])
    assert strategy("full", known) == own
    assert plain("both", known) == (own, BUILT_IN["windowed"])
    assert strategy("full").window_days is None


@pytest.mark.parametrize(
    ("own", "message"),
    [
        (
            EnsembleStrategy(name="own", members=("full", "fuller")),
            "strategy 'own': members has 'fuller', which is not a strategy; known are: auto",
        ),
        (
            EnsembleStrategy(name="own", members=("full", "ensemble")),
            "strategy 'own': members has 'ensemble', which names strategies itself",
        ),
        (
            SelectionStrategy(name="own", candidates=("full", "auto")),
            "strategy 'own': candidates has 'auto', which names strategies itself",
        ),
        (
            SelectionStrategy(name="own", candidates=("full", "warm-start")),
            "strategy 'own': candidates has 'warm-start', which has no backtest of its own",
        ),
        (
            BaselineStrategy(name="naive", method="tsb"),
            "strategy 'naive': every strategy is measured by the built-in one",
        ),
        (
            WarmStartStrategy(name="calendar"),
            "strategy 'calendar': a warm start falls back on it",
        ),
    ],
)
def test_a_table_refuses_names_that_lead_nowhere(own: Strategy, message: str):
    with pytest.raises(ValueError, match=message):
        table([own])


def test_what_a_mean_averages_is_plain_and_a_plain_one_is_itself():
    assert plain("ensemble", BUILT_IN) == (BUILT_IN["full"], BUILT_IN["windowed"])
    assert plain("full", BUILT_IN) == (BUILT_IN["full"],)
    with pytest.raises(UnknownStrategy):
        plain("fuller", BUILT_IN)
    with pytest.raises(ValueError, match="'auto' is no plain one"):
        plain("auto", BUILT_IN)


def test_what_a_selection_weighs_are_its_candidates_and_any_other_is_itself():
    assert weighed("auto", BUILT_IN)[-1] == "naive"
    assert weighed("ensemble", BUILT_IN) == ("ensemble",)


@pytest.mark.parametrize(
    ("names", "days"),
    [
        (["windowed"], 120),
        (["windowed", "recent-mean"], 120),
        (["windowed", "full"], None),
        (["warm-start"], None),
        (["ensemble"], None),
        (["auto"], None),
        (["unheard-of", "windowed"], 120),
        (["recent-mean", "year"], 365),
        (["both"], 365),
        ([], None),
    ],
)
def test_a_window_is_the_longest_that_any_of_the_strategies_looks_at(
    names: list[str], days: int | None
):
    year = replace(BUILT_IN["windowed"], name="year", window_days=365)
    known = table([year, SelectionStrategy(name="both", candidates=("year", "windowed"))])
    assert window_of(names, known) == days


def test_the_window_in_words_goes_before_a_day():
    assert strategy("windowed").window == "the 120 days"
    assert strategy("full").window == "all days"
