"""How strategies are measured, whichever they are."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Backtest:
    """How strategies are measured: by `n_splits` folds of an anchored walk-forward, with intervals
    that are meant to cover a day with probability `interval_level`.

    Raises ValueError, naming the field and its value, for what makes no sense.
    """

    n_splits: int = 5
    interval_level: float = 0.95

    def __post_init__(self) -> None:
        if self.n_splits < 1:
            raise ValueError(f"n_splits is {self.n_splits}; at least 1 is needed")
        if not 0 < self.interval_level < 1:
            raise ValueError(f"interval_level is {self.interval_level}; it must be within (0, 1)")


DEFAULT = Backtest()
