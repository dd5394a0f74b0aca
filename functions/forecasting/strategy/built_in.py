"""The strategies that every system has. A new one is a line here."""

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from functions.forecasting.strategy.kinds import (
    BaselineStrategy,
    EnsembleStrategy,
    ProphetStrategy,
    RecentStrategy,
    SelectionStrategy,
    Strategy,
    WarmStartStrategy,
)

Strategies = Mapping[str, Strategy]

_CALENDAR = ProphetStrategy(
    name="calendar-all",
    scale="log",
    drivers=True,
    driver_weekdays=True,
    calendar_terms=True,
    recent_residual=0.5,
    smearing=0.5,
    min_open_days=60,
    most_zero_days=0.2,
    changepoint_prior_scale=0.01,
)

BUILT_IN: Strategies = MappingProxyType(
    {
        each.name: each
        for each in (
            ProphetStrategy(name="windowed", window_days=120),
            ProphetStrategy(name="full"),
            EnsembleStrategy(name="ensemble", members=("full", "windowed")),
            _CALENDAR,
            replace(_CALENDAR, name="calendar-year", window_days=365),
            replace(
                _CALENDAR, name="calendar-linear", scale="linear", smearing=0.0, most_zero_days=1.0
            ),
            EnsembleStrategy(name="calendar", members=("calendar-all", "calendar-year")),
            EnsembleStrategy(
                name="blend", members=("calendar-all", "calendar-year", "calendar-linear")
            ),
            WarmStartStrategy(name="warm-start"),
            BaselineStrategy(name="naive", method="naive"),
            BaselineStrategy(name="seasonal-naive", method="seasonal-naive"),
            BaselineStrategy(name="weekday-mean", method="weekday-mean"),
            BaselineStrategy(name="smoothed", method="smoothed"),
            ProphetStrategy(
                name="local",
                window_days=120,
                scale="log",
                drivers=True,
                recent_residual=0.8,
                residual_half_life_days=10.0,
                smearing=0.5,
                min_open_days=14,
                n_changepoints=5,
            ),
            RecentStrategy(name="recent-mean", method="recent-mean", window_days=56),
            RecentStrategy(name="recent-median", method="recent-median", window_days=56),
            BaselineStrategy(name="tsb", method="tsb"),
            SelectionStrategy(
                name="auto",
                candidates=(
                    "calendar-all",
                    "calendar-year",
                    "calendar-linear",
                    "local",
                    "smoothed",
                    "naive",
                ),
            ),
        )
    }
)
NAIVE = "naive"  # the one to beat
COLD = "calendar"  # what a warm start does where there is nothing to start from
