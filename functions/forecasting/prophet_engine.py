"""The engine that fits with stock Prophet, one Stan process per fit, on all cores.

It is the reference: slow (30 to 260 ms a fit) and exactly what Prophet does.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from datetime import date
from typing import TypeVar

from functions.forecasting import forecasts
from functions.forecasting.forecasts import Forecasts
from functions.forecasting.metrics import Metrics
from functions.forecasting.panel import Dates, Floats, Panel
from functions.forecasting.parameters import ProphetParameters
from functions.forecasting.strategy import Strategy
from functions.forecasting.unfit import Unfit

T = TypeVar("T")


class ProphetEngine:
    """An `Engine` over stock Prophet.

    `executor` runs the fits (`workers.process_pool` makes a fitting one); without it they
    run in the calling thread. The caller owns it and shuts it down. A worker process that
    dies raises `BrokenProcessPool`: that is an outage, not a property of a series.
    """

    def __init__(self, executor: Executor | None = None) -> None:
        self._executor = executor

    def fit(self, panel: Panel, strategy: Strategy) -> list[ProphetParameters | Unfit]:
        """One fitted model per series; see `Engine.fit`."""
        from functions.forecasting import stan_fit  # 3 s, which forecasting alone need not wait

        return self._each(stan_fit.fit, panel, strategy)

    def backtest(self, panel: Panel, strategy: Strategy) -> list[Metrics | Unfit]:
        """Each series' errors over its folds; see `Engine.backtest`."""
        from functions.forecasting import stan_fit

        return self._each(stan_fit.backtest, panel, strategy)

    def forecast(
        self,
        models: Sequence[ProphetParameters],
        start: date,
        horizon: int,
        level: float = 0.95,
    ) -> Forecasts:
        """`horizon` days from `start` for each model, without Prophet; see `forecasts`."""
        return forecasts.forecast(models, start, horizon, level)

    def _each(
        self, task: Callable[[Dates, Floats, Strategy], T], panel: Panel, strategy: Strategy
    ) -> list[T]:
        """`task` on each series, in the panel's order. One task per series: a series takes
        so long that handing them out singly costs nothing and keeps every core busy to the end.
        """
        series = [panel.series(i) for i in range(len(panel))]
        dates = [panel.dates[rows] for rows in series]
        units = [panel.units[rows] for rows in series]
        mapped = map if self._executor is None else self._executor.map
        return list(mapped(task, dates, units, [strategy] * len(panel)))
