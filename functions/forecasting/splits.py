"""Anchored walk-forward splits: train on all rows up to a cut, test on the next few.

The same folds as scikit-learn's `TimeSeriesSplit(n_splits)` with its default test size:
test folds of `rows // (n_splits + 1)` rows, the last of which ends on the last row.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Fold:
    """Rows `0:cut` train, rows `cut:end` test (of one series, in order of date)."""

    cut: int
    end: int

    @property
    def train(self) -> slice:
        """The training rows."""
        return slice(0, self.cut)

    @property
    def test(self) -> slice:
        """The test rows, which follow the training rows directly."""
        return slice(self.cut, self.end)


def anchored_splits(rows: int, n_splits: int) -> list[Fold]:
    """The `n_splits` folds of a series of `rows` rows, the shortest training first.

    Raises ValueError below `n_splits + 1` rows: a fold would have no training row.
    """
    if n_splits < 1 or rows < n_splits + 1:
        raise ValueError(
            f"{rows} rows can't be split {n_splits} times; at least 1 split and "
            f"{n_splits + 1} rows are needed"
        )
    test = rows // (n_splits + 1)
    return [Fold(cut, cut + test) for cut in range(rows - n_splits * test, rows, test)]
