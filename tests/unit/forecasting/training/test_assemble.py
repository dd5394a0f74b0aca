from datetime import date

import pytest

from functions.forecasting.baselines.baseline import BaselineModel
from functions.forecasting.strategy import BUILT_IN, NAIVE, ProphetStrategy, table
from functions.forecasting.training.assemble import MAX_DAYS_NAMED, assemble
from functions.forecasting.training.trained import Trained
from tests.unit.forecasting.generated import weekly_sales
from tests.unit.forecasting.training.steps import AS_OF, steps

ALL = ProphetStrategy(name="all-days")
OWN = table([ALL])


def assembled(panel, strategy, quick, known=OWN) -> list[Trained]:
    made = steps(panel, strategy, quick, known)
    return assemble(
        made.days,
        AS_OF,
        made.entrants,
        made.evidence,
        made.weighing,
        made.choices(),
        made.calibrated(),
    )


def test_each_series_has_its_model_folds_and_comparison(make_panel, quick):
    panel = make_panel(weekly_sales(182, 1), weekly_sales(182, 2))
    for key, found in zip(panel.keys, assembled(panel, ALL, quick), strict=True):
        assert (found.key, found.chosen, found.data_through) == (key, "all-days", date(2015, 7, 5))
        assert found.metrics.wape == pytest.approx(0.0)
        assert [fold.metrics.wape for fold in found.folds] == pytest.approx([0.0] * 5)
        assert [each.strategy for each in found.comparison] == ["all-days", NAIVE]
        assert found.comparison[1].score == pytest.approx(1.0)


def test_a_level_was_fitted_to_all_days_and_a_prophet_to_its_own(make_panel, quick):
    panel = make_panel(weekly_sales(182))
    [by_level] = assembled(panel, BUILT_IN[NAIVE], quick, BUILT_IN)
    [by_prophet] = assembled(panel, ALL, quick)
    assert isinstance(by_level.model.members[0], BaselineModel)
    assert (by_level.first_day, by_level.rows) == (date(2015, 1, 5), 182)
    assert (by_prophet.first_day, by_prophet.rows) == (quick.model.first_day, quick.model.rows)


def test_days_that_count_for_nothing_are_named_the_newest_of_many(make_panel, quick):
    units = weekly_sales(182)
    units[60:100] = 0.0
    [found] = assembled(make_panel(units), ALL, quick)
    (outage,) = [each for each in found.findings if "newest" in each.values]
    assert outage.values["days"] == 40
    assert (outage.values["first"], outage.values["last"]) == ("2015-03-06", "2015-04-14")
    assert len(outage.values["newest"]) == MAX_DAYS_NAMED
    assert outage.values["newest"][-1] == "2015-04-14"
