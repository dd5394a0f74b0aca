"""Split a run's series into shards that take about equally long to train."""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from itertools import accumulate, pairwise
from typing import TypeVar

T = TypeVar("T")


def plan_shards(
    series: Sequence[T], rows: Sequence[int], max_series: int, max_rows: int
) -> tuple[tuple[T, ...], ...]:
    """Split the series, in order, into the fewest shards, and balance them.

    `rows[i]` is the history that training `series[i]` reads. A shard has at most
    `max_series` series and at most `max_rows` rows, except that a series with more rows
    forms a shard alone. Within these bounds each cut is placed nearest to an equal share of the
    remaining work, which counts both rows and series.
    """
    count = len(series)
    before = list(accumulate(rows, initial=0))  # rows of the series before each one
    starts = _latest_starts(count, before, max_series, max_rows)
    work = [before[i] / max_rows + i / max_series for i in range(count + 1)]
    cuts = [0]
    for left in range(len(starts) - 1, 0, -1):
        start = cuts[-1]
        share = work[start] + (work[count] - work[start]) / left
        cut = bisect_left(work, share, start + 1, count)
        if share - work[cut - 1] < work[cut] - share:
            cut -= 1
        lowest = max(starts[left - 1], start + 1)
        longest = bisect_right(before, before[start] + max_rows) - 1
        highest = max(min(longest, start + max_series, count - left + 1), lowest)
        cuts.append(min(max(cut, lowest), highest))
    return tuple(tuple(series[a:b]) for a, b in pairwise(cuts))


def _latest_starts(count: int, before: Sequence[int], max_series: int, max_rows: int) -> list[int]:
    """Return, for 0 to the needed number of shards, the first series that many can start from."""
    starts = [count]
    while (end := starts[-1]) > 0:
        fits = max(end - max_series, bisect_left(before, before[end] - max_rows))
        starts.append(min(fits, end - 1))
    return starts
