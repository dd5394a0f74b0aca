"""The engine that fits with stock Prophet, one Stan process per fit, on all cores.

It is the reference: slow (30 to 260 ms a fit) and exactly what Prophet does.
"""

from collections.abc import Sequence
from concurrent.futures import Executor

import numpy as np
import numpy.typing as npt

from functions.forecasting.backtest import DEFAULT, Backtest
from functions.forecasting.folds import FoldForecasts, empty_folds
from functions.forecasting.prophet.parameters import ProphetParameters
from functions.forecasting.series.failures import FitFailure, refusals
from functions.forecasting.series.panel import Panel
from functions.forecasting.series.regressors import Design
from functions.forecasting.strategy import ProphetStrategy


class ProphetEngine:
    """An `Engine` over stock Prophet.

    `executor` runs the fits (`infra.hosts.fit_processes` makes a fitting one); without it they
    run in the calling thread. The caller owns it and shuts it down. A worker process that
    dies raises `BrokenProcessPool`: that is an outage, not a property of a series.
    """

    def __init__(self, executor: Executor | None = None) -> None:
        self._executor = executor

    def walk_forward(
        self,
        panel: Panel,
        strategies: Sequence[ProphetStrategy],
        design: Design,
        blocks: npt.NDArray[np.int64],
        backtest: Backtest = DEFAULT,
    ) -> list[FoldForecasts[ProphetParameters]]:
        """Folds and a last fit of every series; see `Engine.walk_forward`."""
        return [self._walk_forward(panel, each, design, blocks, backtest) for each in strategies]

    def _walk_forward(
        self,
        panel: Panel,
        strategy: ProphetStrategy,
        design: Design,
        blocks: npt.NDArray[np.int64],
        backtest: Backtest,
    ) -> FoldForecasts[ProphetParameters]:
        """By one strategy. One task per series: a series takes so long that handing them out
        singly costs nothing and keeps every core busy to the end.
        """
        from functions.forecasting.engines.stan import (
            fit as stan_fit,  # 3 s, which forecasting need not wait for
        )

        reasons = refusals(panel, backtest.n_splits * (blocks > 0) * blocks + 2)
        sound = [i for i, reason in enumerate(reasons) if reason is None]
        tasks = [
            stan_fit.Task(
                panel.dates[rows],
                panel.units[rows],
                design.names,
                design.values[rows],
                design.prior_scales,
                strategy,
                int(blocks[i]),
                backtest,
            )
            for i in sound
            for rows in (panel.series(i),)
        ]
        mapped = map if self._executor is None else self._executor.map
        band = empty_folds(backtest.n_splits, blocks)
        models: dict[int, ProphetParameters] = {}
        for i, result in zip(sound, mapped(stan_fit.walk, tasks), strict=True):
            if isinstance(result, FitFailure):
                reasons[i] = result
                continue
            models[i] = result.model
            for k, fold in enumerate(result.folds):
                band.put((i, k, slice(len(fold.yhat))), fold)
        return FoldForecasts(band, reasons, models.__getitem__, {})
