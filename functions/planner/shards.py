"""How a run's series are shared out: by work, so that shards take about equally long."""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from itertools import accumulate, pairwise
from typing import TypeVar

T = TypeVar("T")


def plan_shards(
    series: Sequence[T], rows: Sequence[int], max_series: int, max_rows: int
) -> tuple[tuple[T, ...], ...]:
    """As few shards as hold the series in order, balanced.

    `rows[i]` is the history that training `series[i]` reads. A shard has at most
    `max_series` series and at most `max_rows` rows, except that a series with more rows
    is a shard of its own. Of the cuts that allow this, each is the nearest to an equal share
    of what is left, where a series counts for its rows and for itself.
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
    """For each number of shards up to the one needed, the first series they can begin with."""
    starts = [count]
    while (end := starts[-1]) > 0:
        fits = max(end - max_series, bisect_left(before, before[end] - max_rows))
        starts.append(min(fits, end - 1))
    return starts
