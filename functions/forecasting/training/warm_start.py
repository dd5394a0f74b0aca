"""A model brought up to date without a fit: its parameters stay, its level follows the sales.

Between two full retrainings this is a daily refresh: trend, season and effects are the last
model's, and what the newest days are above or below it is added to its forecast. Where to
start an exact solver is of no consequence, so nothing else is left of a warm start.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from functions.forecasting.baselines.baseline import BaselineModel
from functions.forecasting.model import Member, SeriesModel
from functions.forecasting.prophet.parameters import ProphetParameters
from functions.forecasting.prophet.prediction import effects, predict
from functions.forecasting.series.new_level import RESIDUAL_ROWS, followed
from functions.forecasting.series.panel import Panel
from functions.forecasting.series.regressors import day_facts
from functions.forecasting.series.scale import fitted_on
from functions.forecasting.strategy import WarmStartStrategy


def refreshed(
    previous: SeriesModel, fresh: Sequence[Member], days: Panel, strategy: WarmStartStrategy
) -> tuple[Member, ...]:
    """The members of `previous` at the level of the open days `days` (of one series).

    Level models are taken from `fresh`, the same strategy's on today's days: they are nothing
    but level.
    """
    facts, _ = day_facts(days)
    rows = slice(max(len(days.dates) - RESIDUAL_ROWS, 0), len(days.dates))
    dates, units = days.dates[rows], days.units[rows]
    age = (dates[-1] - dates).astype(np.float64)
    weight = 0.5 ** (age / strategy.residual_half_life_days)
    levels = {each.method: each for each in fresh if isinstance(each, BaselineModel)}

    def brought_up(member: Member) -> Member:
        if isinstance(member, BaselineModel):
            return levels.get(member.method, member)
        still = replace(member, shift=0.0)
        effect = effects([still], facts.rows(rows), len(dates))
        residual = fitted_on(units, member.scale) - predict([still], dates, effect)[0]
        noise = np.array(member.sigma_obs * member.y_scale)
        added = followed(residual[::-1], weight[::-1], noise, strategy.recent_residual)
        return replace(still, shift=float(added) / member.y_scale)

    return tuple(brought_up(member) for member in previous.members)


def can_start_from(model: SeriesModel, days: Panel) -> bool:
    """Whether the model has parameters worth keeping, of linear growth and additive terms (the
    level of others has no one place), and was not made from later days.
    """
    prophets = [member for member in model.members if isinstance(member, ProphetParameters)]
    movable = bool(prophets) and all(member.concave for member in prophets)
    return movable and model.last_day <= days.dates[-1].item()
