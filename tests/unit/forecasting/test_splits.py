from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.forecasting.splits import Fold, anchored_splits


def test_splits_are_those_of_scikit_learns_time_series_split():
    # TimeSeriesSplit(n_splits=5).split(range(20)) of scikit-learn, written out
    assert [(f.cut, f.end) for f in anchored_splits(20, 5)] == [
        (5, 8),
        (8, 11),
        (11, 14),
        (14, 17),
        (17, 20),
    ]


def test_the_fewest_rows_train_the_first_fold_on_one_row():
    assert anchored_splits(6, 5)[0] == Fold(1, 2)


def test_a_row_too_few_is_refused_with_what_is_needed():
    with pytest.raises(ValueError, match=r"5 rows can't be split 5 times; .* 6 rows are needed"):
        anchored_splits(5, 5)


@given(n_splits=st.integers(1, 8), extra=st.integers(0, 300))
def test_test_folds_are_equally_long_adjoining_and_end_on_the_last_row(n_splits: int, extra: int):
    rows = n_splits + 1 + extra
    folds = anchored_splits(rows, n_splits)
    assert len(folds) == n_splits
    assert {f.end - f.cut for f in folds} == {rows // (n_splits + 1)}
    assert all(earlier.end == later.cut for earlier, later in pairwise(folds))
    assert folds[-1].end == rows
    assert folds[0].train == slice(0, folds[0].cut)
    assert folds[0].cut >= 1
