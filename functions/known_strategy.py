"""Look up the strategy that a request names, with one refusal for all readers of requests."""

from events.errors import Refusal
from events.wording import shown
from functions.forecasting.strategy import Strategies, Strategy, UnknownStrategy, strategy


def known_strategy(name: str, known: Strategies) -> Strategy:
    """Return the strategy; raise Refusal, which lists the known names, if it is unknown."""
    try:
        return strategy(name, known)
    except UnknownStrategy as error:
        raise Refusal("strategy", error.message, shown(name), error.fix) from None
