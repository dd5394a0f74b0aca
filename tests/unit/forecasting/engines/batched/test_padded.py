import numpy as np

from functions.forecasting.engines.batched.padded import Histories, until


def test_shorter_series_repeat_their_last_row(make_panel):
    panel = make_panel([1.0, 2.0, 3.0], [4.0], [5.0, 6.0])
    histories = Histories.of(panel, np.array([2, 0]), np.arange(6.0)[:, None])
    assert histories.units.tolist() == [[5.0, 6.0, 6.0], [1.0, 2.0, 3.0]]
    assert histories.drivers[:, :, 0].tolist() == [[4.0, 5.0, 5.0], [0.0, 1.0, 2.0]]
    assert histories.rows.tolist() == [2, 3]
    assert np.diff(histories.days).tolist() == [[1, 0], [1, 1]]


def test_until_is_the_last_row_before_a_cut():
    assert until(np.array([[1, 2, 3], [4, 5, 6]]), np.array([[1, 3], [2, 2]])).tolist() == [
        [1, 3],
        [5, 5],
    ]
