"""Which strategies are backtested for which series: what was asked for, the naive, and what the
champions were made by.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from functions.forecasting.strategy import (
    COLD,
    NAIVE,
    SelectionStrategy,
    Strategies,
    Strategy,
    WarmStartStrategy,
    weighed,
)
from functions.forecasting.training.trained import Champion

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Entrants:
    """`asked` is the strategy that each series is trained by, `candidates` what it weighs (itself,
    if it weighs none). `champions` serve so far, None for a series without one; `serving` are
    their strategies, None for one that is not known any more. `wanted` maps the name of each
    strategy to backtest to the places of the series it is for, None for all of them.
    """

    asked: str
    candidates: tuple[str, ...]
    champions: Sequence[Champion | None]
    serving: Sequence[str | None]
    wanted: dict[str, Ints | None]

    @property
    def mixed(self) -> dict[str, None]:
        """The strategies whose forecasts serve or are to, each once, in a fixed order."""
        return dict.fromkeys([self.asked, *(name for name in self.serving if name is not None)])


def entrants_of(
    strategy: Strategy, champions: Sequence[Champion | None], known: Strategies
) -> Entrants:
    """Who enters when `strategy` is asked for: for a warm start what it falls back on."""
    asked = COLD if isinstance(strategy, WarmStartStrategy) else strategy.name
    candidates = strategy.candidates if isinstance(strategy, SelectionStrategy) else (asked,)
    serving = [
        None if each is None or each.strategy not in known else each.strategy for each in champions
    ]
    wanted: dict[str, Ints | None] = dict.fromkeys([*candidates, NAIVE])
    for name in sorted({name for name in serving if name is not None}):
        at = np.flatnonzero([each == name for each in serving])
        for part in weighed(name, known):
            before = wanted.get(part, at)
            if before is not None:
                wanted[part] = np.union1d(before, at)
    return Entrants(asked, candidates, champions, serving, wanted)
