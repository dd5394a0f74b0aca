"""Which engine fits: the batched one, unless stock Prophet itself is asked for.

Every built-in strategy has linear growth and additive terms, whose posterior the batched
engine maximises exactly, some thousand times faster. The other one is the reference, and what
the batched engine falls back on: for series without an optimum, and for whole strategies whose
posterior is not concave (logistic growth, multiplicative terms).
"""

from concurrent.futures import Executor

from functions.forecasting.engines.batched.engine import BatchedEngine
from functions.forecasting.engines.engine import Engine
from functions.forecasting.engines.stan.engine import ProphetEngine

ENGINES = ("batched", "prophet")


def engine(name: str = "batched", executor: Executor | None = None) -> Engine:
    """The engine of that name. `executor` runs stock Prophet's fits, see `ProphetEngine`.
    ValueError for a name not in `ENGINES`.
    """
    if name == "batched":
        return BatchedEngine(fallback=ProphetEngine(executor))
    if name == "prophet":
        return ProphetEngine(executor)
    raise ValueError(f"there is no engine {name!r}; known are: {', '.join(ENGINES)}")
