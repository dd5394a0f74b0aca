"""The strategy that a request names, for whoever reads requests: one refusal in one place."""

from events.errors import Refusal
from events.wording import shown
from functions.forecasting.strategy import Strategies, Strategy, UnknownStrategy, strategy


def known_strategy(name: str, known: Strategies) -> Strategy:
    """The strategy of that name; Refusal, with the names there are, for one that is not known."""
    try:
        return strategy(name, known)
    except UnknownStrategy as error:
        raise Refusal("strategy", error.message, shown(name), error.fix) from None
