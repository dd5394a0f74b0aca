"""What fits and measures: the protocol every engine keeps.

An engine takes a whole panel at a time, so it is free to spread series over processes or
to solve them in one batch. Its results are in the panel's order, one per series; a series
that can't be fitted is a `FitFailure` in its place and never harms another. The same input
gives the same output, whatever the number of processes.
"""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from functions.forecasting.backtest import DEFAULT, Backtest
from functions.forecasting.folds import FoldForecasts
from functions.forecasting.prophet.parameters import ProphetParameters
from functions.forecasting.series.panel import Panel
from functions.forecasting.series.regressors import Design
from functions.forecasting.strategy import ProphetStrategy


class Engine(Protocol):
    """Fits and backtests many series. It uses every row of the panel it gets: cutting the
    window and leaving out closed days is the caller's part (`training.train`).
    """

    def walk_forward(
        self,
        panel: Panel,
        strategies: Sequence[ProphetStrategy],
        design: Design,
        blocks: npt.NDArray[np.int64],
        backtest: Backtest = DEFAULT,
    ) -> list[FoldForecasts[ProphetParameters]]:
        """Each strategy's folds (`folds.fold_cuts`) and a fit of all rows, for every series.

        The strategies are at least one and have the same columns (`strategy.same_columns`).
        `design` has the regressors of the panel's rows. `blocks` (n,) are the rows of each
        series' test folds; 0 for a series without folds. Each fold's model sees its training
        rows only; it needs 2 of them.
        """
        ...
