import json
from dataclasses import replace
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from functions.forecasting.strategy import (
    BUILT_IN,
    Strategy,
    UnknownStrategy,
    plain,
    same_columns,
    strategy,
    table,
    window_of,
)

SETTING = TypeAdapter(Strategy)


def read(**fields: Any) -> Strategy:
    """A strategy of one's own, as the settings read it."""
    return SETTING.validate_json(json.dumps({"name": "own", **fields}))


@pytest.mark.parametrize(
    ("other", "same"), [("calendar-linear", True), ("calendar-year", False), ("local", False)]
)
def test_strategies_that_differ_in_more_than_the_units_scale_have_other_columns(other, same):
    assert same_columns(strategy("calendar-all"), strategy(other)) is same


def test_windowed_is_the_last_120_days_with_5_splits_and_a_95_percent_interval():
    windowed = strategy("windowed")
    assert (windowed.window_days, windowed.n_splits, windowed.interval_level) == (120, 5, 0.95)


def test_full_is_all_history_with_the_same_splits():
    assert (strategy("full").window_days, strategy("full").n_splits) == (None, 5)


def test_each_strategy_goes_by_its_own_name():
    assert all(name == each.name for name, each in BUILT_IN.items())


def test_the_built_in_strategies_name_only_each_other():
    assert dict(table()) == dict(BUILT_IN)


def test_an_unknown_strategy_is_refused_with_the_known_ones():
    with pytest.raises(UnknownStrategy, match=r"no strategy 'weekly'; known are: .*windowed"):
        strategy("weekly")
    with pytest.raises(UnknownStrategy, match="did you mean 'windowed'"):
        strategy("window")


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"min_open_days": 6}, "min_open_days is 6; 5 folds whose first trains on 2 days need 7"),
        ({"window_days": 7}, "window_days is 7; it can't hold the 10 open days"),
        ({"interval_level": 1.0}, r"interval_level is 1\.0; it must be within \(0, 1\)"),
        ({"n_splits": 0}, "n_splits is 0; at least 1"),
        ({"recent_residual": 1.5}, r"recent_residual is 1\.5; it must be from 0 to 1"),
        ({"recent_residual": float("nan")}, "recent_residual is nan"),
        ({"smearing": -0.1}, r"smearing is -0\.1"),
        ({"most_zero_days": 2.0}, r"most_zero_days is 2\.0"),
        ({"weekly_order": 4}, "weekly_order is 4; a week has room for 0 to 3"),
        ({"n_changepoints": -1}, "n_changepoints is -1"),
        ({"changepoint_range": 0.0}, r"changepoint_range is 0\.0"),
        ({"changepoint_prior_scale": 0.0}, r"changepoint_prior_scale is 0\.0; a number above 0"),
        ({"seasonality_prior_scale": float("nan")}, "seasonality_prior_scale is nan"),
        ({"regressor_prior_scale": -1.0}, r"regressor_prior_scale is -1\.0"),
        ({"term_prior_scale": 0.0}, r"term_prior_scale is 0\.0"),
        ({"residual_half_life_days": 0.0}, r"residual_half_life_days is 0\.0"),
        ({"growth": "logistic", "scale": "log"}, "growth is 'logistic'; on scale 'log'"),
        ({"growth": "logistic", "method": "naive"}, "growth is 'logistic'; it belongs to method"),
        (
            {"seasonality_mode": "multiplicative", "scale": "log"},
            "seasonality_mode is 'multiplicative'; on scale 'log' terms multiply already",
        ),
        (
            {"seasonality_mode": "multiplicative", "method": "tsb"},
            "seasonality_mode is 'multiplicative'; it belongs to method 'prophet'",
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
        ({"growth": "logistic", "capacity": float("inf")}, "capacity is inf; a finite number"),
        ({"capacity": 2.0}, r"capacity is 2\.0; it belongs to growth 'logistic'"),
        ({"members": ("full",)}, r"members is \('full',\); name at least 2"),
        ({"members": ("full", "full")}, "members is .*; name each strategy once"),
        ({"candidates": ("own", "full")}, "candidates is .*; a strategy can't be one of its own"),
        (
            {"members": ("full", "windowed"), "candidates": ("full", "windowed")},
            "members is .*; it can't have candidates as well",
        ),
        (
            {"members": ("full", "windowed"), "scale": "log"},
            r"members is .*; \['scale'\] belong to the strategies it names",
        ),
    ],
)
def test_nonsense_is_refused_naming_the_field_and_its_value(fields: dict[str, Any], message: str):
    with pytest.raises(ValueError, match=f"strategy 'own': {message}"):
        Strategy(name="own", **fields)
    with pytest.raises(ValidationError, match=message):
        read(**fields)


@pytest.mark.parametrize(
    ("fields", "where"),
    [
        ({"window_day": 90}, "window_day"),
        ({"window_days": "90"}, "window_days"),
        ({"window_days": 90.5}, "window_days"),
        ({"scale": "logarithmic"}, "scale"),
        ({"method": "arima"}, "method"),
        ({"growth": "flat"}, "growth"),
        ({"seasonality_mode": "both"}, "seasonality_mode"),
        ({"drivers": 1}, "drivers"),
        ({"members": "full"}, "members"),
        ({"name": 7}, "name"),
        ({"n_changepoints": True}, "n_changepoints"),
    ],
)
def test_a_setting_with_an_unknown_field_or_a_wrong_type_is_refused(
    fields: dict[str, Any], where: str
):
    with pytest.raises(ValidationError) as refused:
        read(**fields)
    assert [error["loc"] for error in refused.value.errors()] == [(where,)]


def test_a_setting_becomes_a_strategy_with_the_defaults_of_the_rest():
    found = read(window_days=90, scale="log")
    assert found == Strategy(name="own", window_days=90, scale="log")
    composite = read(members=["full", "windowed"])
    assert composite == Strategy(name="own", members=("full", "windowed"))


def test_only_linear_growth_with_additive_terms_is_concave():
    assert all(each.concave for each in BUILT_IN.values())
    assert not Strategy("own", growth="logistic", capacity=3.0).concave
    assert not Strategy("own", seasonality_mode="multiplicative").concave


def test_ones_own_strategies_go_before_built_in_ones_of_the_same_name():
    own = Strategy(name="full", window_days=400)
    known = table([own, Strategy(name="both", members=("full", "windowed"))])
    assert strategy("full", known) == own
    assert plain("both", known) == (own, BUILT_IN["windowed"])
    assert BUILT_IN["full"].window_days is None


@pytest.mark.parametrize(
    ("own", "message"),
    [
        (
            Strategy(name="own", members=("full", "fuller")),
            "strategy 'own': members has 'fuller', which is not a strategy; known are: auto",
        ),
        (
            Strategy(name="own", members=("full", "ensemble")),
            "strategy 'own': members has 'ensemble', which names strategies itself",
        ),
        (
            Strategy(name="own", candidates=("full", "auto")),
            "strategy 'own': candidates has 'auto', which names strategies itself",
        ),
    ],
)
def test_a_table_refuses_names_that_lead_nowhere(own: Strategy, message: str):
    with pytest.raises(ValueError, match=message):
        table([own])


def test_what_a_composite_averages_is_plain_and_a_plain_one_is_itself():
    assert plain("ensemble", BUILT_IN) == (BUILT_IN["full"], BUILT_IN["windowed"])
    assert plain("full", BUILT_IN) == (BUILT_IN["full"],)
    with pytest.raises(UnknownStrategy):
        plain("fuller", BUILT_IN)


@pytest.mark.parametrize(
    ("names", "days"),
    [
        (["windowed"], 120),
        (["windowed", "recent-mean"], 120),
        (["windowed", "full"], None),
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
    known = table([year, Strategy(name="both", candidates=("year", "windowed"))])
    assert window_of(names, known) == days


def test_the_window_in_words_goes_before_a_day():
    assert strategy("windowed").window == "the 120 days"
    assert strategy("full").window == "all days"
