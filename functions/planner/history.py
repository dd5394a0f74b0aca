"""Check before training that the series have enough history for a strategy."""

from datetime import date

from events.errors import Refusal
from events.wording import shown
from functions.forecasting.strategy import (
    BUILT_IN,
    ProphetStrategy,
    Strategies,
    WarmStartStrategy,
    plain,
    weighed,
)
from functions.records import Scope


def is_own(strategy: str, known: Strategies) -> bool:
    """Return whether the strategy is user-defined, or a built-in one that was changed."""
    return known[strategy] != BUILT_IN.get(strategy)


def too_short(strategy: str, known: Strategies, scope: Scope, as_of: date) -> Refusal | None:
    """Return the refusal if no series of a scope has the days that a user's strategy needs; None
    if one may have them.

    Built-in strategies are never refused: the naive forecasts new series until they have more
    history.
    """
    if not is_own(strategy, known) or not scope.spans:
        return None
    if isinstance(known[strategy], WarmStartStrategy):
        return None
    needed = min(
        leaf.min_open_days if isinstance(leaf, ProphetStrategy) else 1
        for name in weighed(strategy, known)
        for leaf in plain(name, known)
    )
    longest = max(
        (min(last.toordinal() + 1, as_of.toordinal()) - first.toordinal())
        for first, last in scope.spans
    )
    if longest >= needed:
        return None
    return Refusal(
        "strategy",
        f"{strategy} needs at least {needed:,} open days, and no series of these has more than "
        f"{max(longest, 0):,} days before {as_of}",
        shown(strategy),
        "lower its min_open_days in SHELFCAST_STRATEGIES, or choose another strategy",
    )
