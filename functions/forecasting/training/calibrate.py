"""The fifth step of training: intervals as wide as the folds ask for, and how far off they were."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from functions.forecasting import calibration
from functions.forecasting.backtest import Backtest
from functions.forecasting.series.panel import Floats
from functions.forecasting.series.scale import Band
from functions.forecasting.strategy import SelectionStrategy, Strategy
from functions.forecasting.training.choose import Choice
from functions.forecasting.training.evidence import Evidence
from functions.forecasting.training.metrics import Metrics, fold_metrics, mean_metrics
from functions.forecasting.training.weighing import Weighing


@dataclass(frozen=True, eq=False)
class Calibrated:
    """Of each series' chosen strategy: how many times as far its interval reaches on each weekday
    (n, 7), the metrics of its folds with that interval (n, K, metrics), their mean (n, metrics),
    and the coverage before (n,), NaN where nothing was measured.
    """

    times: Floats
    folds: Floats
    means: Floats
    coverage_before: Floats


def calibrate(
    evidence: Evidence,
    weighing: Weighing,
    choices: Sequence[Choice],
    strategy: Strategy,
    backtest: Backtest,
) -> Calibrated:
    """What weighs candidates learns from its company, so its intervals do too."""
    band = _band_of(evidence, weighing, choices)
    known = evidence.weekday if isinstance(strategy, SelectionStrategy) else None
    times = calibration.interval_scale(evidence.actual, band, backtest.interval_level, known)
    weekday = np.nan_to_num(evidence.weekday).astype(np.int64)
    folds = fold_metrics(evidence.actual, calibration.widened(band, times, weekday))
    before = mean_metrics(fold_metrics(evidence.actual, band))
    return Calibrated(times, folds, mean_metrics(folds), before[:, Metrics.place("coverage")])


def _band_of(evidence: Evidence, weighing: Weighing, choices: Sequence[Choice]) -> Band:
    """Each series' folds by its chosen strategy."""
    band = Band.empty(evidence.actual.shape)
    for name in {choice.strategy for choice in choices}:
        at = np.flatnonzero([choice.strategy == name for choice in choices])
        band.put(at, weighing.tested[name].band.at(at))
    return band
