"""The first steps of training, for tests of those that follow."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from functions.forecasting.backtest import DEFAULT
from functions.forecasting.engines.engine import Engine
from functions.forecasting.series.panel import Key, Panel
from functions.forecasting.strategy import BUILT_IN, SelectionStrategy, Strategies, Strategy
from functions.forecasting.training.calibrate import Calibrated, calibrate
from functions.forecasting.training.choose import Choice, Weighed, choose
from functions.forecasting.training.entrants import Entrants, entrants_of
from functions.forecasting.training.evidence import Evidence
from functions.forecasting.training.trained import Champion
from functions.forecasting.training.weighing import Weighing

AS_OF = date(2015, 7, 6)  # 26 weeks after the made-up series' first Monday


@dataclass(frozen=True)
class Steps:
    """What the steps up to the weighing made of the open days `days`."""

    days: Panel
    strategy: Strategy
    known: Strategies
    entrants: Entrants
    evidence: Evidence
    weighing: Weighing

    def choices(self, naive_serves: bool = True) -> list[Choice]:
        return choose(
            Weighed(self.days, self.entrants, self.evidence, self.weighing),
            self.strategy,
            self.known,
            naive_serves,
        )

    def calibrated(self, naive_serves: bool = True) -> Calibrated:
        return calibrate(
            self.evidence, self.weighing, self.choices(naive_serves), self.strategy, DEFAULT
        )


def steps(
    days: Panel,
    strategy: Strategy,
    engine: Engine,
    known: Strategies = BUILT_IN,
    champions: Mapping[Key, Champion] | None = None,
) -> Steps:
    serving = [(champions or {}).get(key) for key in days.keys]
    entrants = entrants_of(strategy, serving, known)
    weighs = isinstance(strategy, SelectionStrategy)
    evidence = Evidence(days, AS_OF, 7, DEFAULT, entrants.wanted, known, engine, with_year=weighs)
    weighing = Weighing(evidence, known, entrants.wanted, entrants.candidates, entrants.mixed)
    return Steps(days, strategy, known, entrants, evidence, weighing)
