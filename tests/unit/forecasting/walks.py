"""What the tests of engines have in common: from a panel to fits, folds and forecasts."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date

import numpy as np

from functions.forecasting.backtest import DEFAULT, Backtest
from functions.forecasting.engines.batched.fits import finals
from functions.forecasting.engines.batched.padded import Histories
from functions.forecasting.engines.batched.prefix_fits import fit_prefixes
from functions.forecasting.engines.engine import Engine
from functions.forecasting.folds import FoldForecasts, fold_cuts
from functions.forecasting.forecast.forecasts import Forecasts, forecast
from functions.forecasting.model import Member, SeriesModel
from functions.forecasting.prophet.parameters import ProphetParameters
from functions.forecasting.series.calendar import Calendar
from functions.forecasting.series.failures import FitFailure
from functions.forecasting.series.panel import Panel
from functions.forecasting.series.regressors import Design, design
from functions.forecasting.series.scale import fitted_on
from functions.forecasting.strategy import ProphetStrategy


def walked(
    engine: Engine,
    panel: Panel,
    strategy: ProphetStrategy,
    block: int,
    backtest: Backtest = DEFAULT,
) -> FoldForecasts[ProphetParameters]:
    """The walk of every series with test blocks of that many rows."""
    blocks = np.full(len(panel), block, np.int64)
    [walk] = engine.walk_forward(panel, [strategy], design(panel, strategy), blocks, backtest)
    return walk


def models_of(walk: FoldForecasts[ProphetParameters]) -> list[ProphetParameters | FitFailure]:
    """Every series' model, or why it has none."""
    return [walk.model(i) if why is None else why for i, why in enumerate(walk.reasons)]


def fitted(
    engine: Engine, panel: Panel, strategy: ProphetStrategy, regressed: Design | None = None
) -> list[ProphetParameters | FitFailure]:
    """Every series fitted to all its rows."""
    regressed = regressed or design(panel, strategy)
    blocks = np.zeros(len(panel), np.int64)
    [walk] = engine.walk_forward(panel, [strategy], regressed, blocks)
    return models_of(walk)


def fold_models(
    panel: Panel, strategy: ProphetStrategy, block: int, backtest: Backtest = DEFAULT
) -> list[list[ProphetParameters]]:
    """The batch's own model of each fold, and last of all rows: by cut, then by series."""
    every = np.arange(len(panel))
    made = design(panel, strategy)
    raw = Histories.of(panel, every, made.values)
    histories = replace(raw, units=fitted_on(raw.units, strategy.scale))
    cuts = fold_cuts(panel.rows, np.full(len(panel), block), backtest.n_splits)
    fits = fit_prefixes(histories, cuts, strategy, made.prior_scales)
    assert fits.done.all()
    without_shift = np.zeros((len(panel), 1))
    models = []
    for k in range(cuts.shape[1]):
        some = fits.at(np.arange(k, cuts.size, cuts.shape[1]))
        last = finals(some, histories, without_shift, made.names, made.prior_scales, strategy)
        models.append([last.model(i) for i in every.tolist()])
    return models


def head(panel: Panel, cuts: Sequence[int]) -> np.ndarray:
    """Which rows are among the first of their series: as many as `cuts` says for each."""
    row = np.arange(len(panel.dates)) - np.repeat(panel.offsets[:-1], panel.rows)
    return row < np.repeat(cuts, panel.rows)


def served(*members: Member, last_day: date | None = None, cap: float = 1e300) -> SeriesModel:
    """A series' model that adds nothing of its own to its members."""
    prophets = [each for each in members if isinstance(each, ProphetParameters)]
    return SeriesModel(
        members=members,
        last_day=last_day or prophets[0].last_day,
        cap=cap,
        never_open_weekdays=prophets[0].never_open_weekdays if prophets else (),
    )


def week_of(
    models: Sequence[ProphetParameters], start: date, calendar: Calendar | None = None
) -> Forecasts:
    """The seven days from `start` on."""
    return forecast([served(model) for model in models], start, 7, calendar)
