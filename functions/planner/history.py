"""Whether there is history enough for a strategy, known before anything is trained."""

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
    """Whether the strategy of that name is not as it was built in."""
    return known[strategy] != BUILT_IN.get(strategy)


def too_short(strategy: str, known: Strategies, scope: Scope, as_of: date) -> Refusal | None:
    """Why no series of a scope has the days that a strategy of one's own needs, and what to do;
    None if some may have them.

    Built-in strategies are refused nothing: of a new shop's series the naive serves until there
    is more to learn from.
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
