"""What a strategy's name stands for: which days are used, and what is fitted to them.

`kinds` has the types, `built_in` the strategies that every system has, `table` finds them by name
beside those of one's own.
"""

from functions.forecasting.strategy.built_in import BUILT_IN, COLD, NAIVE, Strategies
from functions.forecasting.strategy.kinds import (
    KINDS,
    BaselineStrategy,
    EnsembleStrategy,
    LevelStrategy,
    PlainStrategy,
    ProphetStrategy,
    RecentStrategy,
    SelectionStrategy,
    Strategy,
    WarmStartStrategy,
)
from functions.forecasting.strategy.table import (
    UnknownStrategy,
    days_read,
    plain,
    same_columns,
    strategy,
    table,
    weighed,
    window_of,
)

__all__ = [
    "BUILT_IN",
    "COLD",
    "KINDS",
    "NAIVE",
    "BaselineStrategy",
    "EnsembleStrategy",
    "LevelStrategy",
    "PlainStrategy",
    "ProphetStrategy",
    "RecentStrategy",
    "SelectionStrategy",
    "Strategies",
    "Strategy",
    "UnknownStrategy",
    "WarmStartStrategy",
    "days_read",
    "plain",
    "same_columns",
    "strategy",
    "table",
    "weighed",
    "window_of",
]
