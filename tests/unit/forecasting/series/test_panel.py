from datetime import date
from typing import Any

import numpy as np
import pytest

from functions.forecasting.series.panel import Panel


def columns(**changed: Any) -> dict[str, Any]:
    """The columns of a good panel of two series (2 and 3 rows), with some exchanged."""
    good = {
        "keys": (("1", "a"), ("2", "a")),
        "offsets": np.array([0, 2, 5], np.int64),
        "dates": np.array(
            ["2015-01-05", "2015-01-06", "2015-01-04", "2015-01-05", "2015-01-08"], "datetime64[D]"
        ),
        "units": np.array([1.0, 2.0, 3.0, 4.0, 5.0]),
        "is_open": np.array([True, False, True, True, True]),
    }
    return {**good, **changed}


def test_each_series_is_a_slice_of_the_columns():
    panel = Panel(**columns())
    assert len(panel) == 2
    assert panel.rows.tolist() == [2, 3]
    assert panel.units[panel.series(1)].tolist() == [3.0, 4.0, 5.0]


def test_window_includes_its_first_day_and_excludes_as_of():
    panel = Panel(**columns()).window(date(2015, 1, 8), days=3)
    assert panel.dates.tolist() == [date(2015, 1, 5), date(2015, 1, 6), date(2015, 1, 5)]
    assert panel.offsets.tolist() == [0, 2, 3]


def test_window_without_days_is_all_history_before_as_of():
    assert Panel(**columns()).window(date(2015, 1, 8), days=None).rows.tolist() == [2, 2]


def test_a_series_outside_the_window_stays_with_no_rows():
    panel = Panel(**columns()).window(date(2015, 1, 5), days=None)
    assert panel.keys == (("1", "a"), ("2", "a"))
    assert panel.rows.tolist() == [0, 1]


def test_open_days_leave_closed_ones_out():
    assert Panel(**columns()).open_days().units.tolist() == [1.0, 3.0, 4.0, 5.0]


def test_select_takes_series_in_the_order_asked_for():
    panel = Panel(**columns()).select([1, 0])
    assert panel.keys == (("2", "a"), ("1", "a"))
    assert panel.units.tolist() == [3.0, 4.0, 5.0, 1.0, 2.0]


def test_select_of_nothing_is_an_empty_panel():
    panel = Panel(**columns()).select([])
    assert len(panel) == 0
    assert panel.offsets.tolist() == [0]


def test_concat_of_selections_is_the_panel_again():
    panel = Panel(**columns())
    again = Panel.concat([panel.select([0]), panel.select([1])])
    assert again.keys == panel.keys
    assert again.offsets.tolist() == panel.offsets.tolist()
    assert again.dates.tolist() == panel.dates.tolist()


def test_concat_of_nothing_is_refused():
    with pytest.raises(ValueError, match="no panel to concatenate"):
        Panel.concat([])


def test_nan_units_are_a_matter_of_one_series_not_of_the_panel():
    assert len(Panel(**columns(units=np.full(5, np.nan)))) == 2


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"units": np.array([1, 2, 3, 4, 5])}, "units must be one-dimensional float64"),
        ({"dates": np.zeros(5, "datetime64[ns]")}, r"dates must be .* datetime64\[D\]"),
        ({"is_open": np.ones((5, 1), bool)}, "is_open must be one-dimensional bool, not 2"),
        ({"units": np.array([1.0])}, r"equally long, not \(5, 1, 5\)"),
        ({"keys": (("1", "a"),)}, "1 keys need 2 offsets, not 3"),
        ({"offsets": np.array([0, 2, 4])}, "from 0 to the 5 rows, not from 0 to 4"),
        ({"offsets": np.array([0, 6, 5])}, "must not fall"),
        ({"keys": (("1", "a"), ("1", "a"))}, "series 1/a occurs more than once"),
        (
            {"dates": columns()["dates"][[0, 1, 2, 4, 3]]},
            "series 2/a: 2015-01-05 follows 2015-01-08; dates must rise",
        ),
        ({"dates": columns()["dates"][[0, 0, 2, 3, 4]]}, "series 1/a: 2015-01-05 follows"),
        ({"dates": np.array(["NaT"] * 5, "datetime64[D]")}, "a date is missing"),
    ],
)
def test_columns_that_do_not_fit_are_refused_by_name(changed: dict[str, Any], message: str):
    with pytest.raises(ValueError, match=message):
        Panel(**columns(**changed))
