"""What comes of training: a series' model, how well its strategy did on the folds, against what."""

from dataclasses import dataclass
from datetime import date

from functions.forecasting.findings import Finding, said
from functions.forecasting.model import SeriesModel
from functions.forecasting.series.panel import Key
from functions.forecasting.training.metrics import Metrics


@dataclass(frozen=True)
class Fold:
    """How far off one fold's forecasts were, and of which open days they were."""

    first_day: date
    last_day: date
    metrics: Metrics


@dataclass(frozen=True)
class Comparison:
    """A strategy's backtest; `champion` marks the one of the model that serves so far.

    `score` is its loss relative to the honest naive's, `weight` its share in the forecast, None
    for what was not weighed.
    """

    strategy: str
    score: float
    metrics: Metrics
    champion: bool = False
    weight: float | None = None


@dataclass(frozen=True)
class Champion:
    """What serves a series so far: the strategy it was made by, and the model."""

    strategy: str
    model: SeriesModel


@dataclass(frozen=True)
class Trained:
    """A trained series: its model, how well folds of its strategy did, and against what.

    `chosen` is the strategy that the model has, which may be another than was asked for.
    `coverage_before` is the folds' coverage before their intervals were widened.
    """

    key: Key
    chosen: str
    model: SeriesModel
    first_day: date
    rows: int
    metrics: Metrics
    coverage_before: float | None
    folds: tuple[Fold, ...]
    comparison: tuple[Comparison, ...]
    findings: tuple[Finding, ...]

    @property
    def notes(self) -> tuple[str, ...]:
        """The findings in words."""
        return tuple(said(each.code, each.values) for each in self.findings)

    @property
    def data_through(self) -> date:
        """The last open day used."""
        return self.model.last_day
