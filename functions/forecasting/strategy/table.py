"""Strategies by name, and what follows from whom they name."""

from collections.abc import Iterable
from dataclasses import replace
from difflib import get_close_matches
from types import MappingProxyType

from functions.forecasting.strategy.built_in import BUILT_IN, COLD, NAIVE, Strategies
from functions.forecasting.strategy.kinds import (
    EnsembleStrategy,
    PlainStrategy,
    ProphetStrategy,
    SelectionStrategy,
    Strategy,
    WarmStartStrategy,
)

YEAR = 365  # days


class UnknownStrategy(ValueError):
    """A strategy was asked for by a name that is not in the table; `fix` has the names that are."""

    def __init__(self, message: str, fix: str) -> None:
        super().__init__(message, fix)
        self.message, self.fix = message, fix

    def __str__(self) -> str:
        return f"{self.message}; {self.fix}"


def strategy(name: str, known: Strategies = BUILT_IN) -> Strategy:
    """The strategy of that name; `UnknownStrategy` if there is none."""
    try:
        return known[name]
    except KeyError:
        close = get_close_matches(name, known, n=1)
        hint = f"did you mean {close[0]!r}? " if close else ""
        raise UnknownStrategy(
            f"there is no strategy {name!r}", f"{hint}known are: {', '.join(sorted(known))}"
        ) from None


def table(own: Iterable[Strategy] = ()) -> Strategies:
    """The built-in strategies and `own` ones, which go before those of the same name.

    Raises ValueError if a strategy names another that is not there, or that names strategies
    itself, and if an own one would leave nothing to beat or to fall back on.
    """
    known = {**BUILT_IN, **{each.name: each for each in own}}
    if known[NAIVE] != BUILT_IN[NAIVE]:
        raise ValueError(
            f"strategy {NAIVE!r}: every strategy is measured by the built-in one; choose another "
            "name"
        )
    if isinstance(known[COLD], WarmStartStrategy):
        raise ValueError(
            f"strategy {COLD!r}: a warm start falls back on it, so it can't be one; choose "
            "another name"
        )
    for each in known.values():
        if isinstance(each, EnsembleStrategy):
            _check_named(each, "members", each.members, known)
        if isinstance(each, SelectionStrategy):
            _check_named(each, "candidates", each.candidates, known)
    return MappingProxyType(known)


def _check_named(each: Strategy, field: str, names: Iterable[str], known: Strategies) -> None:
    for name in names:
        start = f"strategy {each.name!r}: {field} has {name!r}, which"
        if name not in known:
            raise ValueError(f"{start} is not a strategy; known are: {', '.join(sorted(known))}")
        if isinstance(known[name], WarmStartStrategy):
            raise ValueError(
                f"{start} has no backtest of its own; name what it starts from instead"
            )
        nested = (SelectionStrategy, EnsembleStrategy) if field == "members" else SelectionStrategy
        if isinstance(known[name], nested):
            raise ValueError(f"{start} names strategies itself; name those instead")


def weighed(name: str, known: Strategies) -> tuple[str, ...]:
    """The strategies that the one of that name weighs; itself, if it weighs none."""
    chosen = strategy(name, known)
    return chosen.candidates if isinstance(chosen, SelectionStrategy) else (name,)


def plain(name: str, known: Strategies) -> tuple[PlainStrategy, ...]:
    """The plain strategies whose forecasts the one of that name averages; itself if plain.

    Raises ValueError for one that has no backtest of its own.
    """
    chosen = strategy(name, known)
    names = chosen.members if isinstance(chosen, EnsembleStrategy) else (name,)
    leaves = [known[each] for each in names]
    found = tuple(leaf for leaf in leaves if isinstance(leaf, PlainStrategy))
    if len(found) < len(leaves):
        raise ValueError(f"strategy {name!r} is no plain one, and no mean of such")
    return found


def same_columns(one: ProphetStrategy, other: ProphetStrategy) -> bool:
    """Whether the two see the same days and fit the same columns to them, so that all they differ
    in is the scale of the units and what is made of the fit.
    """

    def of_columns(it: ProphetStrategy) -> ProphetStrategy:
        return replace(
            it,
            name="columns",
            scale="linear",
            recent_residual=0.0,
            residual_half_life_days=ProphetStrategy.residual_half_life_days,
            smearing=0.0,
            min_open_days=2,
            most_zero_days=1.0,
        )

    return of_columns(one) == of_columns(other)


def window_of(names: Iterable[str], known: Strategies) -> int | None:
    """The days of history that the strategies of these names look at; None: all. Names that
    are not known count for nothing.
    """
    windows = [
        leaf.window_days
        for each in names
        if each in known
        for name in weighed(each, known)
        for leaf in _leaves(name, known)
    ]
    return None if None in windows else max((days for days in windows if days), default=None)


def _leaves(name: str, known: Strategies) -> tuple[PlainStrategy | WarmStartStrategy, ...]:
    chosen = known[name]
    return (chosen,) if isinstance(chosen, WarmStartStrategy) else plain(name, known)


def days_read(names: Iterable[str], known: Strategies) -> int | None:
    """The days of history that training by the strategies of these names reads; None: all.

    YEAR at least, since promotions and the largest days count beyond a window.
    """
    days = window_of(names, known)
    return None if days is None else max(days, YEAR)
