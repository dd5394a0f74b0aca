import numpy as np
import pandas as pd
import pytest

from functions.forecasting.prophet.changepoints import changepoint_rows, placed
from functions.forecasting.prophet.quiet import Prophet


@pytest.mark.parametrize("rows", [2, 3, 4, 5, 12, 31, 32, 33, 34, 98, 119, 785])
@pytest.mark.parametrize(("count", "share"), [(25, 0.8), (0, 0.8), (7, 0.95), (25, 1.0)])
def test_changepoints_lie_where_prophet_puts_them(rows: int, count: int, share: float):
    prophet = Prophet(n_changepoints=count, changepoint_range=share)
    history = pd.DataFrame({"ds": pd.date_range("2015-01-01", periods=rows), "y": 1.0})
    prophet.history = prophet.setup_dataframe(history, initialize_scales=True)
    prophet.set_changepoints()
    expected = prophet.changepoints.index.tolist()
    assert changepoint_rows(rows, count, share).tolist() == expected


def test_many_histories_are_padded_with_their_last_row_and_the_dummy_is_at_row_0():
    rows, counts = placed(np.array([2, 4, 6]), 25, 0.8)
    assert counts.tolist() == [0, 2, 3]
    assert rows.tolist() == [[0, 1, 1], [1, 2, 3], [1, 2, 3]]


def test_no_histories_have_no_changepoints():
    rows, counts = placed(np.empty(0, np.int64), 25, 0.8)
    assert (len(rows), len(counts)) == (0, 0)
