from datetime import date

import numpy as np

from functions.forecasting.backtest import DEFAULT
from functions.forecasting.strategy import BUILT_IN
from functions.forecasting.training.evidence import MIN_YEAR_ROWS, YEAR_DAYS, Evidence
from tests.unit.forecasting.generated import weekly_sales
from tests.unit.forecasting.training.steps import AS_OF


def evidence(panel, quick, with_year: bool, as_of: date = AS_OF) -> Evidence:
    return Evidence(panel, as_of, 7, DEFAULT, {"windowed": None}, BUILT_IN, quick, with_year)


def test_the_newest_folds_are_the_weeks_before_as_of(make_panel, quick):
    panel = make_panel(weekly_sales(182))
    found = evidence(panel, quick, with_year=False)
    assert found.actual.shape == (1, 5, 7)
    assert found.actual.ravel().tolist() == panel.units[-35:].tolist()
    assert found.weekday[0, 0].tolist() == [0, 1, 2, 3, 4, 5, 6]
    assert found.fold_days(0)[-1] == (4, date(2015, 6, 29), date(2015, 7, 5))


def test_a_long_history_has_the_same_weeks_of_the_year_before_as_well(make_panel, quick):
    first = date(2014, 1, 1)
    panel = make_panel(weekly_sales((AS_OF - first).days), weekly_sales(60), first=first)
    found = evidence(panel, quick, with_year=True)
    assert found.actual.shape == (2, 8, 7)
    newest = [first for _, first, _ in found.fold_days(0)][:3]
    assert newest == [date(2014, 6, 30), date(2014, 7, 7), date(2014, 7, 14)]
    assert [place for place, _, _ in found.fold_days(1)] == [3, 4, 5, 6, 7]
    assert np.isnan(found.actual[1, :3]).all()


def test_a_history_with_too_little_before_those_weeks_has_none_of_them(make_panel, quick):
    rows = YEAR_DAYS - 14 + MIN_YEAR_ROWS - 1
    first = AS_OF - np.timedelta64(rows, "D").astype(object)
    found = evidence(make_panel(weekly_sales(rows), first=first), quick, with_year=True)
    assert found.actual.shape == (1, 5, 7)


def test_days_that_are_no_evidence_are_in_no_fold(make_panel, quick):
    units = weekly_sales(182)
    units[-3] = 1_000_000.0
    found = evidence(make_panel(units), quick, with_year=False)
    assert found.discounted.sum() == 1
    assert np.nanmax(found.actual) < 1_000_000
