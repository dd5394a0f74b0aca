"""Training in six steps: keep open days, backtest, score, choose, calibrate, assemble.

`as_of` is a parameter, so any run can be repeated on old data. Every series with an open day
gets a model: where its strategy can't be fitted, or loses to the honest naive, the naive
serves, and the result says so.
"""

from collections.abc import Mapping
from datetime import date

from functions.forecasting.backtest import DEFAULT, Backtest
from functions.forecasting.engines.engine import Engine
from functions.forecasting.series.failures import FitFailure
from functions.forecasting.series.panel import Key, Panel
from functions.forecasting.strategy import BUILT_IN, SelectionStrategy, Strategies, Strategy
from functions.forecasting.training.assemble import assemble
from functions.forecasting.training.calibrate import calibrate
from functions.forecasting.training.choose import Weighed, choose
from functions.forecasting.training.entrants import entrants_of
from functions.forecasting.training.evidence import Evidence
from functions.forecasting.training.open_days import open_days
from functions.forecasting.training.trained import Champion, Trained
from functions.forecasting.training.weighing import Weighing


def train(
    panel: Panel,
    strategy: Strategy,
    as_of: date,
    engine: Engine,
    horizon: int = 7,
    champions: Mapping[Key, Champion] | None = None,
    known: Strategies = BUILT_IN,
    naive_serves: bool = True,
    backtest: Backtest = DEFAULT,
) -> list[Trained | FitFailure]:
    """Train every series of `panel` on the open days before `as_of`, in the panel's order.

    `champions` are what serves a series so far: their strategies are backtested as well, and a
    warm start begins from their models.
    `naive_serves` is False where a model is wanted even if it loses to the honest naive. A
    series without an open day, or with units that are negative or not finite, is a `FitFailure` in
    its place. Days from `as_of` on are never looked at.
    """
    days, refused = open_days(panel, as_of)
    if len(days) == 0:
        return [reason for reason in refused if reason is not None]
    serving = [(champions or {}).get(key) for key in days.keys]
    entrants = entrants_of(strategy, serving, known)
    evidence = Evidence(
        days,
        as_of,
        horizon,
        backtest,
        entrants.wanted,
        known,
        engine,
        with_year=isinstance(strategy, SelectionStrategy),
    )
    weighing = Weighing(evidence, known, entrants.wanted, entrants.candidates, entrants.mixed)
    weighed = Weighed(days, entrants, evidence, weighing)
    choices = choose(weighed, strategy, known, naive_serves)
    calibrated = calibrate(evidence, weighing, choices, strategy, backtest)
    trained = iter(assemble(days, as_of, entrants, evidence, weighing, choices, calibrated))
    return [next(trained) if reason is None else reason for reason in refused]
