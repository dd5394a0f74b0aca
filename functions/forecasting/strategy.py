"""What a strategy's name stands for: which days are used, and what is fitted to them.

A strategy holds values only. How many series are fitted at a time, and by what, is the
engine's business.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True)
class Strategy:
    """A named way to train one series.

    `window_days` counts calendar days before `as_of` (None: all history); of these the
    open ones are used. `n_splits` folds of an anchored walk-forward measure the model.
    `interval_level` is the probability that an interval is meant to cover. The weekly
    term has `weekly_order` Fourier pairs and the yearly one 10. A history has either only
    if it can carry it: `seasonality` says when. Prior scales and changepoints are
    Prophet's defaults, named here because an engine of our own needs them too.

    Raises ValueError if `min_open_days` would leave a fold fewer than 2 training rows.
    """

    name: str
    window_days: int | None
    min_open_days: int = 10
    n_splits: int = 5
    interval_level: float = 0.95
    weekly_order: int = 3
    seasonality_prior_scale: float = 10.0
    n_changepoints: int = 25
    changepoint_range: float = 0.8
    changepoint_prior_scale: float = 0.05

    def __post_init__(self) -> None:
        if self.window_days is not None and self.window_days < self.min_open_days:
            raise ValueError(
                f"strategy {self.name!r}: a window of {self.window_days} days can't hold "
                f"{self.min_open_days} open days"
            )
        if self.n_splits < 1 or self.min_open_days < self.n_splits + 2:
            raise ValueError(
                f"strategy {self.name!r}: {self.n_splits} splits of {self.min_open_days} rows "
                f"leave the first fold fewer than 2 training rows; at least 1 split and "
                f"{self.n_splits + 2} rows are needed"
            )
        if not 0 < self.interval_level < 1:
            raise ValueError(
                f"strategy {self.name!r}: interval_level {self.interval_level} is not within (0, 1)"
            )

    @property
    def window(self) -> str:
        """The window in words, to go before 'before <day>'."""
        return "all days" if self.window_days is None else f"the {self.window_days} days"


class UnknownStrategy(ValueError):
    """A strategy was asked for by a name that is not in `STRATEGIES`."""


STRATEGIES: Mapping[str, Strategy] = MappingProxyType(
    {
        each.name: each
        for each in (
            Strategy(name="windowed", window_days=120),
            Strategy(name="full", window_days=None),
        )
    }
)


def strategy(name: str) -> Strategy:
    """The strategy of that name; `UnknownStrategy` if there is none."""
    try:
        return STRATEGIES[name]
    except KeyError:
        known = ", ".join(sorted(STRATEGIES))
        raise UnknownStrategy(f"there is no strategy {name!r}; known are: {known}") from None
