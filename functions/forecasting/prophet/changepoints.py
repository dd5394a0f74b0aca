"""Where Prophet places its changepoints: evenly over the first rows of the history.

Source: Prophet 1.5, forecaster.py, `Prophet.set_changepoints`.
"""

from functools import lru_cache

import numpy as np
import numpy.typing as npt

Rows = npt.NDArray[np.int64]


@lru_cache(maxsize=4096)
def changepoint_rows(rows: int, n_changepoints: int, changepoint_range: float) -> Rows:
    """The rows at which a history of `rows` rows may change its slope, shape (S,).

    S is at most `n_changepoints` and fewer where the first `changepoint_range` of the
    rows does not hold them. Row 0 is never one. The array is shared: it is read-only.
    """
    candidates = int(np.floor(rows * changepoint_range))
    count = max(min(n_changepoints, candidates - 1), 0)
    at = np.linspace(0, candidates - 1, count + 1).round().astype(np.int64)[1:]
    at.flags.writeable = False
    return at


def placed(rows: Rows, n_changepoints: int, changepoint_range: float) -> tuple[Rows, Rows]:
    """The changepoints of many histories: their rows, shape (n, S), and counts, shape (n,).

    A history without any gets Prophet's dummy, a change of slope at row 0: it counts 0 but
    fills one place. Places that are left over hold the history's last row, after which
    nothing can bend.
    """
    wanted = [changepoint_rows(r, n_changepoints, changepoint_range) for r in rows.tolist()]
    counts = np.array([len(each) for each in wanted], np.int64)
    table = np.repeat((rows - 1)[:, None], max(counts.max(initial=1), 1), axis=1)
    table[counts == 0, 0] = 0
    table[np.arange(table.shape[1]) < counts[:, None]] = np.concatenate(
        [*wanted, np.empty(0, np.int64)]
    )
    return table, counts
