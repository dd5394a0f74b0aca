"""What fits and forecasts: the protocol every engine keeps.

An engine takes a whole panel at a time, so it is free to spread series over processes or
to solve them in one batch. Its results are in the panel's order, one per series; a series
that can't be fitted is an `Unfit` in its place and never harms another. The same input
gives the same output, whatever the number of processes.
"""

from collections.abc import Sequence
from datetime import date
from typing import Protocol

from functions.forecasting.forecasts import Forecasts
from functions.forecasting.metrics import Metrics
from functions.forecasting.panel import Panel
from functions.forecasting.parameters import ProphetParameters
from functions.forecasting.strategy import Strategy
from functions.forecasting.unfit import Unfit


class Engine(Protocol):
    """Fits, backtests and forecasts many series. It uses every row of the panel it gets:
    cutting the window and leaving out closed days is the caller's part (`procedure`).
    """

    def fit(self, panel: Panel, strategy: Strategy) -> list[ProphetParameters | Unfit]:
        """One fitted model per series, on all of its rows. Needs at least 2 rows each."""
        ...

    def backtest(self, panel: Panel, strategy: Strategy) -> list[Metrics | Unfit]:
        """Each series' errors over the strategy's anchored walk-forward folds.

        Each fold's model sees its training rows only; its forecasts of the test days are
        clipped at 0, as published ones are, and the days are known to be open. Needs at
        least `n_splits + 2` rows each, so that every fold trains on 2.
        """
        ...

    def forecast(
        self,
        models: Sequence[ProphetParameters],
        start: date,
        horizon: int,
        level: float = 0.95,
    ) -> Forecasts:
        """`horizon` days from `start` for each model; see `forecasts.forecast`."""
        ...
