import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.forecasting.folds import empty_folds, fold_cuts


def test_folds_are_counted_in_blocks_from_each_series_own_end():
    # TimeSeriesSplit(n_splits=5, test_size=7).split(range(100)) of scikit-learn, written out
    cuts = fold_cuts(np.array([100, 20, 9]), np.array([7, 3, 0]), 5)
    assert cuts.tolist() == [
        [65, 72, 79, 86, 93, 100],
        [5, 8, 11, 14, 17, 20],
        [9, 9, 9, 9, 9, 9],
    ]


def test_no_folds_are_the_last_fit_alone():
    assert fold_cuts(np.array([100]), np.array([0]), 0).tolist() == [[100]]


@given(n_splits=st.integers(1, 8), block=st.integers(1, 40), extra=st.integers(1, 300))
def test_blocks_follow_each_other_up_to_the_last_row(n_splits: int, block: int, extra: int):
    rows = n_splits * block + extra
    cuts = fold_cuts(np.array([rows]), np.array([block]), n_splits)[0]
    assert cuts[0] == extra
    assert np.diff(cuts).tolist() == [block] * n_splits
    assert cuts[-1] == rows


@pytest.mark.parametrize(
    ("blocks", "shape"), [([7, 3], (2, 5, 7)), ([0], (1, 5, 1)), ([], (0, 5, 1))]
)
def test_empty_folds_have_the_longest_block_and_nothing_in_it(blocks, shape):
    band = empty_folds(5, np.array(blocks, np.int64))
    assert band.yhat.shape == band.lower.shape == band.upper.shape == shape
    assert np.isnan([band.yhat, band.lower, band.upper]).all()
