from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from functions.forecasting.baselines.baseline import BaselineModel
from functions.forecasting.model import SeriesModel
from functions.forecasting.prophet.prediction import predict
from functions.forecasting.strategy import strategy
from functions.forecasting.training.warm_start import can_start_from, refreshed

WARM = strategy("warm-start")


@pytest.fixture
def days(make_panel, made_up):
    """Sixty open days after the made-up model's last, which sell as it says."""
    first = made_up.last_day + timedelta(days=1)
    dates = np.datetime64(first, "D") + np.arange(60)
    return make_panel(predict([made_up], dates, None)[0], first=first)


def champion(*members) -> SeriesModel:
    return SeriesModel(members, members[0].last_day, 1e6)


def test_a_level_that_has_not_moved_is_left(days, made_up):
    [member] = refreshed(champion(made_up), [], days, WARM)
    assert replace(member, shift=0.0) == replace(made_up, shift=0.0)
    assert member.shift == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize("by", [-400.0, 400.0])
def test_a_level_that_moved_is_followed_towards_it(days, made_up, by):
    moved = replace(days, units=days.units + by)
    [member] = refreshed(champion(made_up), [], moved, WARM)
    assert 0.7 < member.shift * made_up.y_scale / by <= 1.0


def test_a_baseline_is_taken_from_todays_days(days, made_up):
    old, new = (BaselineModel("naive", (level,) * 14, -1.0, 1.0, None) for level in (1.0, 2.0))
    model = SeriesModel((made_up, old), made_up.last_day, 1e6)
    assert refreshed(model, [new], days, WARM)[1] == new
    assert refreshed(model, [], days, WARM)[1] == old


def test_only_parameters_of_a_concave_model_of_earlier_days_are_a_start(days, made_up, curved):
    level = BaselineModel("naive", (1.0,) * 14, -1.0, 1.0, None)
    assert can_start_from(champion(made_up), days)
    assert not can_start_from(champion(curved), days)
    assert not can_start_from(SeriesModel((level,), made_up.last_day, 1.0), days)
    after = days.dates[-1].item() + timedelta(days=1)
    assert not can_start_from(SeriesModel((made_up,), after, 1.0), days)
