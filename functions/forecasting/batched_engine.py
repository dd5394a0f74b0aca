"""The engine that solves all fits of a panel together, without Stan.

It finds the maximum of the same posterior that stock Prophet's optimiser climbs (linear
growth, additive terms), exactly, so its log density is never below Stan's. It uses one
thread apart from numpy's own and no other process; results are the same bytes for the same
panel, and for a series in other company the same to nine digits.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import date
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from functions.forecasting import forecasts
from functions.forecasting.fits import Fits, continued, parameters
from functions.forecasting.fold_errors import fold_errors
from functions.forecasting.forecasts import Forecasts
from functions.forecasting.histories import Histories
from functions.forecasting.metrics import Metrics
from functions.forecasting.panel import Panel
from functions.forecasting.parameters import ProphetParameters
from functions.forecasting.prefix_fits import fit_prefixes
from functions.forecasting.splits import anchored_splits
from functions.forecasting.strategy import Strategy
from functions.forecasting.unfit import Unfit, refusals

Ints = npt.NDArray[np.int64]
T = TypeVar("T")

# So many rows, padding included, are taken at a time: with yearly terms and their running
# sums these are 60 MB, and a panel of any size fits in the same memory.
CHUNK_ROWS = 50_000
_NO_DRIVERS = np.empty(0)


class BatchedEngine:
    """An `Engine` in plain numpy. It has no state, so one may serve any number of threads."""

    def fit(self, panel: Panel, strategy: Strategy) -> list[ProphetParameters | Unfit]:
        """One fitted model per series; see `Engine.fit`."""
        reasons = refusals(panel, 2, "{rows} rows can't be fitted; at least 2 are needed")

        def models(chosen: Ints) -> list[ProphetParameters | Unfit]:
            histories = Histories.of(panel, chosen)
            cuts = histories.rows[:, None]
            fits = fit_prefixes(histories, cuts, strategy, _NO_DRIVERS)
            made = zip(parameters(fits, histories, strategy), fits.done.tolist(), strict=True)
            return [model if done else _unsolved(model.rows) for model, done in made]

        return _in_chunks(panel, reasons, models)

    def backtest(self, panel: Panel, strategy: Strategy) -> list[Metrics | Unfit]:
        """Each series' errors over its folds; see `Engine.backtest`."""
        needed = strategy.n_splits + 2
        reasons = refusals(
            panel,
            needed,
            f"{{rows}} rows can't be backtested; {strategy.n_splits} folds of at least 2 "
            f"training rows need {needed}",
        )

        def errors(chosen: Ints) -> list[Metrics | Unfit]:
            histories = Histories.of(panel, chosen)
            folds = [anchored_splits(rows, strategy.n_splits) for rows in histories.rows.tolist()]
            cuts = np.array([[fold.cut for fold in each] for each in folds], np.int64)
            fits = fit_prefixes(histories, cuts, strategy, _NO_DRIVERS)
            metrics = _errors(fits, histories, cuts, strategy)
            for place in np.flatnonzero(~fits.done).tolist()[::-1]:
                series, k = divmod(place, cuts.shape[1])
                last = panel.dates[panel.offsets[chosen[series]] + cuts[series, k] - 1]
                failed = _unsolved(int(cuts[series, k]))
                metrics[series] = Unfit(f"the fold trained up to {last}: {failed.reason}")
            return metrics

        return _in_chunks(panel, reasons, errors)

    def forecast(
        self,
        models: Sequence[ProphetParameters],
        start: date,
        horizon: int,
        level: float = 0.95,
    ) -> Forecasts:
        """`horizon` days from `start` for each model; see `forecasts.forecast`."""
        return forecasts.forecast(models, start, horizon, level)


def _in_chunks(
    panel: Panel, reasons: list[Unfit | None], task: Callable[[Ints], list[T | Unfit]]
) -> list[T | Unfit]:
    """`task` on the series without a reason against them, similar lengths together."""
    sound = np.flatnonzero([reason is None for reason in reasons])
    results: dict[int, T | Unfit] = {}
    for chosen in _chunks(panel.rows, sound):
        results.update(zip(chosen.tolist(), task(chosen), strict=True))
    return [reason or results[i] for i, reason in enumerate(reasons)]


def _chunks(rows: Ints, sound: Ints) -> Iterator[Ints]:
    """The indices `sound`, by rising number of rows, cut so that each part has few rows."""
    order = sound[np.argsort(rows[sound], kind="stable")]
    start = 0
    while start < len(order):
        # The longest that is added last sets the width of all before it.
        padded = rows[order[start:]] * np.arange(1, len(order) - start + 1)
        count = max(int(np.searchsorted(padded, CHUNK_ROWS, side="right")), 1)
        yield order[start : start + count]
        start += count


def _errors(
    fits: Fits, histories: Histories, cuts: Ints, strategy: Strategy
) -> list[Metrics | Unfit]:
    """The mean errors of each series' folds, which are equally long within a series."""
    tests = cuts[:, -1:].ravel()
    tests = histories.rows - tests
    longest = int(tests.max())
    predicted = np.maximum(continued(fits, histories, cuts, longest, strategy), 0)
    metrics: dict[int, Metrics] = {}
    for length in np.unique(tests).tolist():
        some = np.flatnonzero(tests == length)
        rows = cuts[some, :, None] + np.arange(length)
        actual = histories.units[some[:, None, None], rows]
        metrics.update(
            zip(some.tolist(), fold_errors(actual, predicted[some, :, :length]), strict=True)
        )
    return [metrics[i] for i in range(len(tests))]


def _unsolved(rows: int) -> Unfit:
    return Unfit(f"no optimum was found for {rows} rows; stock Prophet may find one")
